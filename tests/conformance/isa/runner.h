// Runs a piece of code between a state before and a state after.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bpf/exec/interpreter.h"
#include "packet/pool.h"

namespace netkit::bpf::conformance {

// Registers R0 to R9, and the eight bytes at R10 - 8.
struct State {
  std::array<std::optional<std::uint64_t>, 10> r;
  std::optional<std::uint64_t> m;
};

struct Outcome {
  std::array<std::uint64_t, 10> r{};
  std::uint64_t m = 0;
  std::string error;  // refusal or fault; empty: neither
};

class Runner {
 public:
  Runner();
  // Sets `before`, executes `code` to its end, and reads all registers and m. `functions` follow the program
  // and may be called by label. What `before` does not mention is zero.
  [[nodiscard]] Outcome run(const State& before, std::string_view code, std::string_view functions = {});

 private:
  PacketPool pool_;
  PacketPtr packet_;
  RedirectRecord redirect_;
  Outside outside_;
  std::unique_ptr<RunContext> run_ = std::make_unique<RunContext>();
};

}  // namespace netkit::bpf::conformance
