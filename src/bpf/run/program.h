// A loaded program: what hooks run and what tail calls find. Immutable once it is published, but for its
// counters.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/per_cpu.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

struct RunContext;
struct Program;
struct ProgramImage;  // bpf/object/image.h: instructions, names of functions, source lines, maps

// The one entry signature of every engine: runs `program` on run.packet and returns R0. A fault is told in
// run.fault, and R0 is then 2 (drop). The caller has set the context up with begin_run.
using EntryFunction = std::uint64_t (*)(RunContext& run, const Program& program);

// Runs one function of the program with these arguments, outside of a run of the program: a callback of a
// timer. `function` is the value by which the program names it. The caller has set the context up with
// begin_callback.
using FunctionEntry = std::uint64_t (*)(RunContext& run, const Program& program, std::uint64_t function,
                                        const std::array<std::uint64_t, 5>& arguments);

struct ProgramCounters {
  Counter runs;
  Counter timed_runs;   // while program_timing()
  Counter nanoseconds;  // of timed_runs
  Counter faults;
  std::array<Counter, 4> verdicts;  // next, pass, drop (and unknown values), redirect
};

// Ownership of an engine's prepared form of a program.
struct PreparedCode {
  virtual ~PreparedCode() = default;
};

struct Program {
  std::uint32_t id = 0;  // ids only rise; never 0
  std::string name;      // as in the object, any length
  std::array<std::uint8_t, 8> tag{};
  ProgramType type = ProgramType::kSchedCls;
  AttachType expected_attach_type = AttachType::kNone;
  bool gpl_compatible = false;
  bool reads_tstamp_type = false;  // changes what tstamp is at a receive hook (run/skb.h)
  std::uint32_t uid = 0;
  std::uint64_t load_time = 0;  // CLOCK_BOOTTIME, ns

  EntryFunction entry = nullptr;
  FunctionEntry call = nullptr;
  std::unique_ptr<PreparedCode> code;
  std::shared_ptr<const ProgramImage> image;

  mutable PerCpu<ProgramCounters> counters;
};

// Whether runs are timed: switched on (the sysctl kernel.bpf_stats_enabled; off at the start), or somebody
// holds a ProgramTiming (BPF_ENABLE_STATS).
[[nodiscard]] bool program_timing();
void set_program_timing(bool on);

class ProgramTiming {
 public:
  ProgramTiming();
  ~ProgramTiming();
  ProgramTiming(const ProgramTiming&) = delete;
  ProgramTiming& operator=(const ProgramTiming&) = delete;
};

using ProgramRef = std::shared_ptr<const Program>;

}  // namespace netkit::bpf
