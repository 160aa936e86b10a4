// Commands that a run starts in its namespaces (ping, iperf3, a user's own), with their output and an end in
// time.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "engine/guarded_keeper.h"
#include "runner/interrupt.h"

namespace netkit::runner {

struct CommandResult {
  bool timed_out =
      false;            // killed at the end of its time, or of the run; the rest is what there was until then
  int exit_status = 0;  // of the process, or 128 + signal
  std::string out;      // standard output, at most 1 MiB
  std::string err;

  [[nodiscard]] bool ok() const { return !timed_out && exit_status == 0; }
};

// A command that runs beside others; killed when the object goes.
class RunningCommand {
 public:
  // `space` as the keeper knows it. Errors are the keeper's (ENOENT: no such program). Every wait ends early
  // when the run is interrupted.
  [[nodiscard]] static Result<RunningCommand> start(engine::GuardedKeeper& keeper, const Interrupt& interrupt,
                                                    host::Nsid space,
                                                    const std::vector<std::string>& arguments);
  RunningCommand(RunningCommand&&) noexcept = default;
  RunningCommand& operator=(RunningCommand&&) noexcept = default;
  ~RunningCommand();

  // Waits until standard output holds `text`; false when the command ended or the time is over before.
  [[nodiscard]] bool wait_for_output(std::string_view text, std::chrono::milliseconds timeout);
  // Waits for the end; kills it when the time is over.
  [[nodiscard]] CommandResult finish(std::chrono::milliseconds timeout);

 private:
  RunningCommand(const Interrupt& interrupt, host::Command command, Fd out, Fd err)
      : interrupt_(&interrupt), command_(std::move(command)), out_(std::move(out)), err_(std::move(err)) {}
  // Reads what is there, waiting at most `timeout` for something to happen. False: nothing more will come.
  bool pump(std::chrono::milliseconds timeout);
  void kill();

  const Interrupt* interrupt_;
  host::Command command_;
  Fd out_;
  Fd err_;
  CommandResult result_;
  bool ended_ = false;
};

// Start and finish in one.
[[nodiscard]] Result<CommandResult> run_command(engine::GuardedKeeper& keeper, const Interrupt& interrupt,
                                                host::Nsid space, const std::vector<std::string>& arguments,
                                                std::chrono::milliseconds timeout);

}  // namespace netkit::runner
