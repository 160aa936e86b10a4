#include "host/command_table.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "host/netns_exec.h"

namespace netkit::host {
namespace {

constexpr int kCannotRun = 127;  // as shells have it

void default_signals() {
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU, SIGPIPE, SIGCHLD}) {
    ::signal(number, SIG_DFL);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_command(const NetworkNamespace& space, const std::string& name,
                                 const std::vector<std::string>& arguments, const std::array<int, 3>& stdio,
                                 pid_t keeper) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(kCannotRun);  // it died before we asked for the signal
  default_signals();
  // Above 2 first, so that no dup2 overwrites one that is still needed.
  std::array<int, 3> copies{};
  for (std::size_t i = 0; i < stdio.size(); ++i) copies[i] = ::fcntl(stdio[i], F_DUPFD_CLOEXEC, 3);
  for (std::size_t i = 0; i < stdio.size(); ++i) ::dup2(copies[i], static_cast<int>(i));
  Failure failed = fail(0);
  if (auto entered = enter_namespace(space, name); !entered) {
    failed = Failure(std::move(entered).error());
  } else {
    ::close_range(3, ~0U, 0);
    failed = exec_command(arguments);
  }
  std::fprintf(stderr, "netkit: %s\n", describe(failed.error()).c_str());
  ::_exit(kCannotRun);
}

}  // namespace

Result<Command> CommandTable::start(const NetworkNamespace& space, const std::string& name,
                                    const std::vector<std::string>& arguments,
                                    const std::array<int, 3>& stdio) {
  if (arguments.empty()) return fail(EINVAL, "no command given");
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail_errno("making a pipe");
  Fd readable(ends[0]);
  Fd writable(ends[1]);
  const pid_t keeper = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("starting " + arguments.front());
  if (pid == 0) become_command(space, name, arguments, stdio, keeper);
  running_.emplace(pid, std::move(writable));
  return Command{pid, std::move(readable)};
}

void CommandTable::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
    const auto entry = running_.find(pid);
    if (entry == running_.end()) continue;
    // A pipe takes four bytes; if the reader has gone nobody wants to know.
    if (::write(entry->second.get(), &status, sizeof status) < 0) errno = 0;
    running_.erase(entry);
  }
}

void CommandTable::end_all() {
  constexpr timespec kTenMilliseconds{0, 10'000'000};
  constexpr int kPatience = 100;
  for (const auto& entry : running_) ::kill(entry.first, SIGTERM);
  for (int tries = 0; !running_.empty() && tries < kPatience; ++tries) {
    ::nanosleep(&kTenMilliseconds, nullptr);
    reap();
  }
  for (const auto& entry : running_) ::kill(entry.first, SIGKILL);
  for (const auto& entry : running_) ::waitpid(entry.first, nullptr, 0);
  running_.clear();
}

}  // namespace netkit::host
