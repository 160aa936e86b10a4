// Random programs in the running kernel (its compiler or its interpreter, whichever is on) and in ours.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/isa/disassembler.h"
#include "packet/pool.h"
#include "tests/differential/random_program.h"

namespace netkit::differential {
namespace {

constexpr std::size_t kStates = 16;  // for each program
constexpr std::size_t kPacketBytes = kStateAt + 8 * kStateWords;

using State = std::array<std::uint64_t, kStateWords>;
using Frame = std::array<std::uint8_t, kPacketBytes>;

Frame frame_of(const State& state) {
  Frame frame{};
  std::memcpy(frame.data() + kStateAt, state.data(), sizeof state);
  return frame;
}
State state_of(const std::uint8_t* frame) {
  State state;
  std::memcpy(state.data(), frame + kStateAt, sizeof state);
  return state;
}

// Invalid when the kernel refuses the program; `log` then says why.
Fd load_in_kernel(const std::vector<bpf::Insn>& insns, std::string* log = nullptr) {
  std::vector<char> text(log == nullptr ? 0 : 1 << 20);
  bpf_prog_load_opts options{};
  options.sz = sizeof options;
  options.log_level = log == nullptr ? 0 : 1;
  options.log_buf = log == nullptr ? nullptr : text.data();
  options.log_size = static_cast<std::uint32_t>(text.size());
  Fd program(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "random", "GPL",
                           reinterpret_cast<const bpf_insn*>(insns.data()), insns.size(), &options));
  if (!program && log != nullptr) *log = text.data();
  return program;
}

State run_in_kernel(const Fd& program, const State& state) {
  const Frame in = frame_of(state);
  Frame out{};
  bpf_test_run_opts options{};
  options.sz = sizeof options;
  options.data_in = in.data();
  options.data_size_in = in.size();
  options.data_out = out.data();
  options.data_size_out = out.size();
  options.repeat = 1;
  EXPECT_EQ(bpf_prog_test_run_opts(program.get(), &options), 0);
  return state_of(out.data());
}

class Interpreted {
 public:
  Interpreted() {
    run_->pool = &pool_;
    run_->redirect = &redirect_;
    run_->outside = &outside_;
  }

  [[nodiscard]] static std::unique_ptr<bpf::Program> load(const std::vector<bpf::Insn>& insns) {
    auto image = std::make_shared<bpf::ProgramImage>();
    image->name = "random";
    image->insns = insns;
    auto program = bpf::prepare_interpreted(std::move(image));
    EXPECT_TRUE(program) << program.error().text;
    return program ? std::move(*program) : nullptr;
  }

  [[nodiscard]] State run(const bpf::Program& program, const State& state) {
    const rcu::Section section;
    const Frame frame = frame_of(state);
    const PacketPtr packet = pool_.allocate(kPacketBytes);
    std::memcpy(packet->data(), frame.data(), frame.size());
    EXPECT_EQ(bpf::run_program(*run_, program, *packet), 0) << run_->fault.text;
    return state_of(packet->data());
  }

 private:
  PacketPool pool_;
  bpf::RedirectRecord redirect_;
  bpf::Outside outside_;
  std::unique_ptr<bpf::RunContext> run_ = std::make_unique<bpf::RunContext>();
};

class IsaDifferential : public testing::Test {
 protected:
  void SetUp() override {
    if (!kernel_takes("r0 = 0; exit"))
      GTEST_SKIP() << "bpf(2) loads no programs here: " << std::strerror(errno);
    set_ = {
        .fourth_version = kernel_takes("r0 = 0; r0 = (s8)r0; exit"),
        .ordered = kernel_takes("*(u64 *)(r10 -8) = 0; r0 = load_acquire((u64 *)(r10 -8)); r0 = 0; exit")};
  }

  static bool kernel_takes(std::string_view code) {
    return static_cast<bool>(load_in_kernel(bpf::assemble(code).value()));
  }

  State random_state() {
    State state;
    for (std::uint64_t& word : state) word = random_number(random_);
    return state;
  }

  // Returns whether the two agree.
  bool check(const std::vector<bpf::Insn>& insns) {
    std::string log;
    const Fd kernel = load_in_kernel(insns, &log);
    EXPECT_TRUE(kernel) << log;
    const auto ours = Interpreted::load(insns);
    if (!kernel || ours == nullptr) return false;
    for (std::size_t number = 0; number < kStates; ++number) {
      const State before = random_state();
      const State expected = run_in_kernel(kernel, before);
      const State after = interpreted_.run(*ours, before);
      EXPECT_EQ(after, expected) << "started from " << testing::PrintToString(before) << '\n'
                                 << bpf::disassemble_program(insns);
      if (after != expected) return false;
    }
    return true;
  }

  Random random_{20240229};
  InstructionSet set_;
  Interpreted interpreted_;
};

TEST_F(IsaDifferential, random_programs_compute_what_they_compute_in_the_kernel) {
  constexpr std::size_t kPrograms = 5000;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  std::size_t programs = 0;
  for (; programs < kPrograms && std::chrono::steady_clock::now() < end; ++programs) {
    const std::size_t length = 1 + programs % 60;
    ASSERT_TRUE(check(random_program(random_, set_, length))) << "program " << programs;
  }
  std::cout << programs << " programs, " << programs * kStates << " runs, instruction set "
            << (set_.fourth_version ? "v4" : "v3") << (set_.ordered ? " with" : " without")
            << " load_acquire and store_release\n";
  EXPECT_GT(programs, 20U);
}

}  // namespace
}  // namespace netkit::differential
