// What a run has come to: how it ran, every step with its facts, every device and program with its counters.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "device/counters.h"
#include "runner/counters.h"
#include "runner/fact.h"
#include "runner/objects.h"
#include "runner/stage.h"
#include "topology/topology.h"

namespace netkit::runner {

struct DroppedCount {
  DropReason reason = DropReason::kNone;
  std::uint64_t packets = 0;
};

struct DeviceSummary {
  std::string label;  // "nk1.peer"
  std::string netns;
  std::string name;  // "eth0", as the namespace sees it
  device::LinkStats stats;
  std::vector<DroppedCount> dropped;  // in both directions, at the device, its port and in the kernel
};

struct ProgramSummary {
  std::string name;
  ProgramTotals totals;
};

struct Summary {
  std::string how;
  std::string topology;
  std::string socket;  // where commands reached the run; empty: nowhere
  double seconds = 0;
  std::vector<StepReport> steps;
  std::vector<DeviceSummary> devices;
  std::vector<ProgramSummary> programs;
  std::string trouble;  // what ended the run before its time; empty: nothing

  [[nodiscard]] bool ok() const;
};

// Counters of everything that is still there.
[[nodiscard]] std::vector<DeviceSummary> summarise_devices(const topology::Topology& topology, Stage& stage);
[[nodiscard]] std::vector<ProgramSummary> summarise_programs(const Objects& objects);

[[nodiscard]] std::string to_text(const Summary& summary);
[[nodiscard]] std::string to_json(const Summary& summary);

}  // namespace netkit::runner
