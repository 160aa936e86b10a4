// Follows a run instruction by instruction and tells what each did: which memory it touched, which helper it
// called with what, which registers it changed.
//
// Theory of operation. The engine speaks before it executes an instruction; what the instruction did is known
// when it speaks again. So the tracer keeps the instruction that is under way, one for each open frame (a
// call is under way while its callee, or a callback of the helper, executes), and completes it from the
// registers at the next step in its frame.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "bpf/exec/step.h"
#include "bpf/isa/instruction.h"
#include "bpf/trace/record.h"
#include "bpf/trace/value_names.h"

namespace netkit::bpf {

// What a record stands for: the instructions of one line of the source that were executed one behind the
// other (single ones where the object has no line information), or a single instruction.
enum class TraceGrain : std::uint8_t { kLine, kInsn };

class Tracer final : public StepObserver {
 public:
  using Sink = std::function<void(const TraceRecord& record)>;
  Tracer(TraceGrain grain, Sink sink) : grain_(grain), sink_(std::move(sink)) {}

  void step(const Step& step) override;
  // Tells what is still under way.
  void end() override;

  // What the registers held before the last instruction of the last run; valid until its context is used
  // again. Those that a call has clobbered are left out.
  [[nodiscard]] std::vector<NamedRegister> registers() const;

 private:
  struct LastStep {
    const RunContext* run = nullptr;
    std::uint32_t insn = 0;
    std::uint32_t depth = 0;
    std::uint64_t frame_pointer = 0;
    Registers registers{};
  };
  struct UnderWay {
    TraceRecord record;
    Registers before{};
    std::optional<Reg> loads{};  // the register that will hold what is read
    std::string looks_up{};      // what the value found will be called
    bool returns = false;        // a call of what returns something
    bool exits = false;          // the end of a function
    bool told = false;           // a call, when its callee begins
  };

  void begin(const Step& step);
  void complete(UnderWay& last, const Step& now);
  void add(TraceRecord record);
  void flush();

  TraceGrain grain_;
  Sink sink_;
  ValueNames names_;
  std::vector<UnderWay> under_way_;  // by depth; of callers the record is told already
  std::optional<TraceRecord> line_;  // being gathered
  std::optional<LastStep> last_;
};

}  // namespace netkit::bpf
