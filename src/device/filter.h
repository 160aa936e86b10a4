// Classic filters, as packets meet them (net/sched/cls_bpf.c): BPF programs that stand behind the tcx list of
// a direction, by priority and protocol.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/endian.h"
#include "base/per_cpu.h"
#include "bpf/run/program.h"

namespace netkit::device {

inline constexpr Be16 kEveryProtocol{0x0003};  // ETH_P_ALL

// One program of a classifier (struct cls_bpf_prog).
struct Filter {
  std::uint32_t handle = 0;
  bpf::ProgramRef program;
  std::string name{};          // what its owner calls it (TCA_BPF_NAME); may be empty
  std::uint32_t classid = 0;   // the class that it gives by default; 0: none
  bool direct_action = false;  // the program's answer is the verdict; else it says which class the packet has
  bool skip_hw = false;        // no hardware is asked, which we never do
};

// The filters of one priority (struct tcf_proto).
struct Classifier {
  std::uint16_t priority = 0;
  Be16 protocol;                // EtherType, or kEveryProtocol
  std::vector<Filter> filters;  // in the order in which they run: the newest first
};

using FilterChain = std::vector<Classifier>;  // by rising priority, no two of the same

// One virtual CPU's share of what a qdisc has seen.
struct QdiscCounters {
  Counter bytes, packets, drops;
};

// What runs at one hook: chain 0 of its block. An empty chain says that a qdisc is there. Immutable.
struct FilterList {
  std::shared_ptr<PerCpu<QdiscCounters>> counters;
  FilterChain chain;
};

}  // namespace netkit::device
