// `netkit run TOPOLOGY.yaml`: bring a topology up in the foreground, play its steps, tell what came of it and
// remove everything that was made.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace netkit::runner {

enum class Require : std::uint8_t { kAnything, kLive, kInProcess };

struct RunOptions {
  std::filesystem::path topology;
  std::optional<std::chrono::milliseconds> duration;  // after the steps
  std::vector<std::string> command;                   // after the steps, in the host namespace; empty: none
  Require require = Require::kAnything;
  bool json = false;
  bool trace = false;  // lines of bpf_printk to standard error
};

// The exit status: 0, 1 when a fact did not hold or the run ended before its time, the command's status. The
// summary is on standard output. An error is what kept the run from beginning; nothing is left of it then.
[[nodiscard]] Result<int> run_topology(const RunOptions& options);

// Where the files of the build or the installation are that topologies name ("bpf": objects, "examples":
// recordings), found from the program's own place.
[[nodiscard]] std::filesystem::path share_directory(std::string_view kind);

}  // namespace netkit::runner
