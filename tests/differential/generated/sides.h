// Generated programs in the two engines, and everything that can be seen of a run there.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/exec/step.h"
#include "bpf/test_run/test_run.h"
#include "tests/differential/generated/generator.h"

namespace netkit::differential {

using Bytes = std::vector<std::byte>;

struct Observed {
  std::uint32_t retval = 0;
  std::vector<std::uint8_t> packet;
  Bytes context;
  std::map<std::size_t, std::map<Bytes, Bytes>> maps;  // those of kCompared, by number

  friend bool operator==(const Observed&, const Observed&) = default;
};
// What differs, one line each.
[[nodiscard]] std::string difference(const Observed& kernel, const Observed& ours);

// An engine with the maps of kMaps and the programs of kTargets.
class Side {
 public:
  virtual ~Side() = default;
  // Replaces the program of before.
  [[nodiscard]] virtual Result<> load(const GeneratedProgram& program) = 0;
  // Starts from the same contents of maps every time.
  [[nodiscard]] virtual Result<Observed> run(const bpf::TestInput& input) = 0;
};

// EPERM: this process may load no programs.
[[nodiscard]] Result<std::unique_ptr<Side>> make_kernel_side();
// `observer` is told of every instruction; may be null.
[[nodiscard]] Result<std::unique_ptr<Side>> make_our_side(bpf::StepObserver* observer);

// The contents of a map before a run, whole keys and values: part of them, so that lookups find something and
// updates have room.
[[nodiscard]] std::vector<std::pair<Bytes, Bytes>> first_contents(std::size_t map);

// Of one entry, as user space has it.
[[nodiscard]] std::size_t user_value_size(std::size_t map);
// The value of kStringsMap.
[[nodiscard]] Bytes strings();

}  // namespace netkit::differential
