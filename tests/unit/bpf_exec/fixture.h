// Runs assembled programs in the interpreter, on a packet of the test's choice.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/map.h"
#include "bpf/map/tables.h"
#include "packet/pool.h"

namespace netkit::bpf::test {

class Interpreter : public testing::Test {
 protected:
  Interpreter() {
    run_.redirect = &redirect_;
    run_.outside = &outside_;
    run_.pool = &pool_;
    set_packet(std::vector<std::uint8_t>(64, 0));
  }

  void set_packet(const std::vector<std::uint8_t>& bytes) {
    packet_ = pool_.allocate(static_cast<std::uint32_t>(bytes.size()));
    std::memcpy(packet_->data(), bytes.data(), bytes.size());
  }

  // Maps that the next programs name: map[0], map[1], ...
  Map& add_map(const MapSpec& spec) {
    Result<MapRef> map = create_map(spec);
    EXPECT_TRUE(map) << map.error().text;
    maps_.push_back(*map);
    return *maps_.back();
  }

  [[nodiscard]] std::shared_ptr<ProgramImage> image(std::string_view code) const {
    Result<std::vector<Insn>> insns = assemble(code);
    EXPECT_TRUE(insns) << (insns ? "" : insns.error().text);
    auto result = std::make_shared<ProgramImage>();
    result->name = "test";
    result->gpl_compatible = gpl_;
    result->insns = insns.value_or(std::vector<Insn>{});
    result->functions = {{"test", 0, static_cast<std::uint32_t>(result->insns.size())}};
    for (const std::uint32_t first : functions_) result->functions.push_back({"sub", first, 0});
    result->maps = maps_;
    result->kfuncs = kfuncs_;
    return result;
  }

  [[nodiscard]] ProgramRef load(std::string_view code) {
    Result<std::unique_ptr<Program>> program = prepare_interpreted(image(code));
    EXPECT_TRUE(program) << (program ? "" : program.error().text);
    return program ? ProgramTable::instance().publish(std::move(*program)) : nullptr;
  }

  // The line with which loading is refused; empty if it is not.
  [[nodiscard]] std::string refusal(std::string_view code) const {
    const Result<std::unique_ptr<Program>> program = prepare_interpreted(image(code));
    return program ? "" : program.error().text;
  }

  // R0, all 64 bits.
  std::uint64_t run(const Program& program) {
    const rcu::Section section;
    begin_run(run_, *packet_);
    run_.program = &program;
    return program.entry(run_, program);
  }
  std::uint64_t run(std::string_view code) {
    const ProgramRef program = load(code);
    if (program == nullptr) return ~std::uint64_t{0};
    const std::uint64_t result = run(*program);
    EXPECT_FALSE(run_.fault.happened) << run_.fault.text;
    return result;
  }
  // The fault that ends the program; empty if none does.
  std::string fault(std::string_view code) {
    const ProgramRef program = load(code);
    if (program == nullptr) return "not loaded";
    EXPECT_EQ(run_program(run_, *program, *packet_), kDrop);
    EXPECT_EQ(program->counters[0].faults.get(), run_.fault.happened ? 1U : 0U);
    return run_.fault.happened ? run_.fault.text : "";
  }

  PacketPool pool_;
  PacketPtr packet_;
  RedirectRecord redirect_;
  Outside outside_;
  std::vector<MapRef> maps_;
  std::vector<std::string> kfuncs_;       // what "call kernel#0", "call kernel#1", ... name
  std::vector<std::uint32_t> functions_;  // first instructions of functions 1, 2, ...
  bool gpl_ = true;
  RunContext run_;
};

}  // namespace netkit::bpf::test
