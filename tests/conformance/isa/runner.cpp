#include "tests/conformance/isa/runner.h"

#include <cstring>

#include "bpf/isa/assembler.h"

namespace netkit::bpf::conformance {
namespace {

constexpr std::size_t kSaved = 512;  // R0 to R9 are saved from R10 - 512 upwards

std::string prologue(const State& before) {
  std::string text = "r0 = " + std::to_string(before.m.value_or(0)) + " ll; *(u64 *)(r10 -8) = r0\n";
  for (std::size_t number = 0; number < before.r.size(); ++number) {
    text += "r" + std::to_string(number) + " = " + std::to_string(before.r[number].value_or(0)) + " ll\n";
  }
  return text;
}

std::string epilogue() {
  std::string text;
  for (std::size_t number = 0; number < 10; ++number) {
    text += "*(u64 *)(r10 -" + std::to_string(kSaved - 8 * number) + ") = r" + std::to_string(number) + "\n";
  }
  return text + "exit\n";
}

}  // namespace

Runner::Runner() : packet_(pool_.allocate(64)) {
  run_->redirect = &redirect_;
  run_->outside = &outside_;
  run_->pool = &pool_;
  run_->instruction_limit = 1'000'000;
}

Outcome Runner::run(const State& before, std::string_view code, std::string_view functions) {
  Outcome outcome;
  auto insns = assemble(prologue(before) + std::string(code) + "\n" + epilogue() + std::string(functions));
  if (!insns) {
    outcome.error = insns.error().text;
    return outcome;
  }
  auto image = std::make_shared<ProgramImage>();
  image->name = "case";
  image->insns = std::move(*insns);
  const auto program = prepare_interpreted(std::move(image));
  if (!program) {
    outcome.error = program.error().text;
    return outcome;
  }
  static_cast<void>(run_program(*run_, **program, *packet_));
  if (run_->fault.happened) {
    outcome.error = run_->fault.text;
    return outcome;
  }
  const std::byte* const frame_pointer = run_->stack.data() + run_->stack.size();
  std::memcpy(outcome.r.data(), frame_pointer - kSaved, sizeof outcome.r);
  std::memcpy(&outcome.m, frame_pointer - 8, sizeof outcome.m);
  return outcome;
}

}  // namespace netkit::bpf::conformance
