#include "runner/command.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace netkit::runner {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kMaxOutput = 1 << 20;

struct Pipe {
  Fd read;
  Fd write;
};

Result<Pipe> make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) < 0) return fail_errno("pipe");
  Pipe pipe{Fd(ends[0]), Fd(ends[1])};
  if (::fcntl(pipe.read.get(), F_SETFL, O_NONBLOCK) < 0) return fail_errno("pipe");
  return pipe;
}

// Takes what a pipe holds; false when its other end is closed.
bool read_into(Fd& from, std::string& text) {
  std::array<char, 16384> chunk{};
  while (true) {
    const ssize_t got = ::read(from.get(), chunk.data(), chunk.size());
    if (got > 0) {
      const std::size_t room = kMaxOutput - std::min(kMaxOutput, text.size());
      text.append(chunk.data(), std::min(static_cast<std::size_t>(got), room));
      continue;
    }
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    from.reset();
    return false;
  }
}

std::chrono::milliseconds left(Clock::time_point deadline) {
  const auto rest = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
  return std::max(rest, std::chrono::milliseconds(0));
}

}  // namespace

Result<RunningCommand> RunningCommand::start(engine::GuardedKeeper& keeper, const Interrupt& interrupt,
                                             host::Nsid space, const std::vector<std::string>& arguments) {
  Pipe out = TRY(make_pipe());
  Pipe err = TRY(make_pipe());
  const Fd nothing(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  if (!nothing) return fail_errno("open /dev/null");
  host::Command command = TRY(keeper.with([&](host::Keeper& held) {
    return held.run(space, arguments, {nothing.get(), out.write.get(), err.write.get()});
  }));
  return RunningCommand(interrupt, std::move(command), std::move(out.read), std::move(err.read));
}

RunningCommand::~RunningCommand() {
  if (command_.exit && !ended_) kill();
}

// By the descriptor, not the pid: the keeper, whose child it is, may have reaped it already. The engine has
// no capability, but it may signal what runs as the same user; the keeper kills the rest when it ends.
void RunningCommand::kill() {
  if (command_.pid > 0) ::kill(command_.pid, SIGKILL);
}

bool RunningCommand::pump(std::chrono::milliseconds timeout) {
  std::array<pollfd, 4> waiting = {pollfd{out_.get(), POLLIN, 0}, pollfd{err_.get(), POLLIN, 0},
                                   pollfd{ended_ ? -1 : command_.exit.get(), POLLIN, 0},
                                   pollfd{interrupt_->poll_fd(), POLLIN, 0}};
  if (::poll(waiting.data(), waiting.size(), static_cast<int>(timeout.count())) < 0 && errno != EINTR)
    return false;
  if (out_) read_into(out_, result_.out);
  if (err_) read_into(err_, result_.err);
  if (!ended_ && (waiting[2].revents & (POLLIN | POLLHUP)) != 0) {
    const auto status = host::read_exit(command_);
    if (status) {
      result_.exit_status = WIFEXITED(*status) ? WEXITSTATUS(*status) : 128 + WTERMSIG(*status);
      ended_ = true;
    } else if (status.error().code != EAGAIN) {
      result_.exit_status = 255;
      ended_ = true;
    }
  }
  return !ended_ || out_ || err_;
}

bool RunningCommand::wait_for_output(std::string_view text, std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!result_.out.contains(text)) {
    const bool over = ended_ || interrupt_->requested() || Clock::now() >= deadline;
    if (over || !pump(left(deadline))) return result_.out.contains(text);
  }
  return true;
}

CommandResult RunningCommand::finish(std::chrono::milliseconds timeout) {
  const auto deadline = Clock::now() + timeout;
  while (!ended_ && !interrupt_->requested() && Clock::now() < deadline) pump(left(deadline));
  if (!ended_) {
    result_.timed_out = true;
    kill();
    const auto grace = Clock::now() + std::chrono::seconds(2);
    while (!ended_ && Clock::now() < grace) pump(std::chrono::milliseconds(10));
  }
  // What was written before the end is in the pipes; a grandchild may hold them open for ever: don't wait.
  pump(std::chrono::milliseconds(0));
  return std::move(result_);
}

Result<CommandResult> run_command(engine::GuardedKeeper& keeper, const Interrupt& interrupt, host::Nsid space,
                                  const std::vector<std::string>& arguments,
                                  std::chrono::milliseconds timeout) {
  RunningCommand command = TRY(RunningCommand::start(keeper, interrupt, space, arguments));
  return command.finish(timeout);
}

}  // namespace netkit::runner
