#include "tests/support/step_tracer.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "host/netns_exec.h"

namespace netkit::testing {
namespace {

using SyscallInfo = __ptrace_syscall_info;

// What a call's arguments decide about it.
enum class Rule {
  kAlways,
  kIfItCreates,     // its second argument is a path, its third the flags of open(2)
  kIfItIsAFile,     // its first argument is a descriptor of something with a path
  kUnlessTerminal,  // ioctl: isatty asks, it changes nothing
};

struct Call {
  long number;
  const char* name;
  Rule rule = Rule::kAlways;
  int path = -1;  // the argument that is one, for people
};

constexpr Call kCalls[] = {
    {SYS_sendmsg, "sendmsg"},
    {SYS_sendto, "sendto"},
    {SYS_ioctl, "ioctl", Rule::kUnlessTerminal},
    {SYS_mount, "mount", Rule::kAlways, 1},
    {SYS_umount2, "umount2", Rule::kAlways, 0},
    {SYS_unshare, "unshare"},
    {SYS_setns, "setns"},
    {SYS_openat, "openat", Rule::kIfItCreates, 1},
    {SYS_mkdirat, "mkdirat", Rule::kAlways, 1},
    {SYS_linkat, "linkat", Rule::kAlways, 3},
    {SYS_renameat, "renameat", Rule::kAlways, 3},
    {SYS_renameat2, "renameat2", Rule::kAlways, 3},
    {SYS_unlinkat, "unlinkat", Rule::kAlways, 1},
#ifdef __x86_64__
    {SYS_mkdir, "mkdir", Rule::kAlways, 0},
    {SYS_link, "link", Rule::kAlways, 1},
    {SYS_rename, "rename", Rule::kAlways, 1},
    {SYS_unlink, "unlink", Rule::kAlways, 0},
    {SYS_rmdir, "rmdir", Rule::kAlways, 0},
    {SYS_fork, "fork"},
    {SYS_vfork, "vfork"},
#endif
    {SYS_clone, "clone"},
    {SYS_clone3, "clone3"},
    {SYS_ftruncate, "ftruncate"},
    {SYS_flock, "flock"},
    {SYS_capset, "capset"},
    {SYS_write, "write", Rule::kIfItIsAFile},
};

// Only calls of the table stop their thread.
std::vector<sock_filter> stop_at_calls() {
  std::vector<sock_filter> filter = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
  };
  for (const Call& call : kCalls) {
    filter.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(call.number), 0, 1));
    filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE));
  }
  filter.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return filter;
}

[[noreturn]] void become_traced(int go, const std::vector<std::string>& arguments) {
  std::vector<sock_filter> filter = stop_at_calls();
  const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
  const int nowhere = ::open("/dev/null", O_RDWR);
  if (nowhere < 0) ::_exit(126);
  for (const int descriptor : {0, 1, 2}) ::dup2(nowhere, descriptor);
  char byte = 0;
  if (::read(go, &byte, 1) != 1) ::_exit(126);
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) ::_exit(126);
  (void)host::exec_command(arguments);
  ::_exit(127);
}

std::string text_at(pid_t thread, std::uint64_t address, std::size_t size) {
  std::string text(size, '\0');
  const iovec here{text.data(), size};
  const iovec there{reinterpret_cast<void*>(address), size};
  const ssize_t got = ::process_vm_readv(thread, &here, 1, &there, 1, 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

std::string file_behind(pid_t thread, std::uint64_t descriptor) {
  const std::string link = "/proc/" + std::to_string(thread) + "/fd/" + std::to_string(descriptor);
  std::error_code error;
  return std::filesystem::read_symlink(link, error).string();
}

// Of a path that may end before `kLongest` bytes, or before the next page.
std::string path_at(pid_t thread, std::uint64_t address) {
  constexpr std::size_t kLongest = 128, kPage = 4096;
  const std::string bytes =
      text_at(thread, address, std::min<std::size_t>(kLongest, kPage - address % kPage));
  return bytes.substr(0, bytes.find('\0'));
}

bool changes_something(const Call& call, pid_t thread, const SyscallInfo& info) {
  const auto& args = info.seccomp.args;
  switch (call.rule) {
    case Rule::kAlways:
      return true;
    case Rule::kIfItCreates:
      return (args[2] & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY))) != 0;
    case Rule::kUnlessTerminal:
      return args[1] != TCGETS;
    case Rule::kIfItIsAFile: {
      // Packets that a worker writes to a TAP are what bring-up is for, not a part of it.
      const std::string file = file_behind(thread, args[0]);
      return file.starts_with('/') && !file.starts_with("/dev/");
    }
  }
  return true;
}

std::string name_of(pid_t thread) {
  std::ifstream file("/proc/" + std::to_string(thread) + "/comm");
  std::string name;
  std::getline(file, name);
  return name;
}

// Whether the time is over is told by a signal, which interrupts waitpid.
class Deadline {
 public:
  explicit Deadline(std::chrono::seconds limit) {
    struct sigaction action{};
    action.sa_handler = [](int) {};
    ::sigaction(SIGALRM, &action, &before_);
    ::alarm(static_cast<unsigned>(limit.count()));
  }
  ~Deadline() {
    ::alarm(0);
    ::sigaction(SIGALRM, &before_, nullptr);
  }
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;

 private:
  struct sigaction before_{};
};

class Tracer {
 public:
  explicit Tracer(const StepRun& run) : run_(run) {}

  StepOutcome trace() {
    if (!start()) return outcome_;
    const Deadline deadline(run_.limit);
    int status = 0;
    while (true) {
      const pid_t thread = ::waitpid(-1, &status, __WALL);
      if (thread > 0) {
        react(thread, status);
      } else if (errno == EINTR) {
        outcome_.in_time = false;
        kill(Victim::kAll);
      } else {
        return outcome_;  // nobody is left
      }
    }
  }

 private:
  bool start() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    program_ = ::fork();
    if (program_ == 0) become_traced(ends[0], run_.arguments);
    const long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
                         PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    const bool seized = ::ptrace(PTRACE_SEIZE, program_, nullptr, options) == 0;
    processes_.insert(program_);
    const bool told = ::write(ends[1], "g", 1) == 1;
    ::close(ends[0]);
    ::close(ends[1]);
    return (seized && told) || kill(Victim::kAll);
  }

  void react(pid_t thread, int status) {
    if (!WIFSTOPPED(status)) {
      processes_.erase(thread);
      return;
    }
    const int event = status >> 16;
    if (event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
      unsigned long child = 0;
      ::ptrace(PTRACE_GETEVENTMSG, thread, nullptr, &child);
      processes_.insert(static_cast<pid_t>(child));
    }
    if (event == PTRACE_EVENT_SECCOMP) at_call(thread);
    const long signal = event == 0 ? WSTOPSIG(status) : 0;
    ::ptrace(PTRACE_CONT, thread, nullptr, signal);
  }

  void at_call(pid_t thread) {
    SyscallInfo info{};
    if (::ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof info, &info) <= 0 || struck_) return;
    const auto number = static_cast<long>(info.seccomp.nr);
    if (number == SYS_write && info.seccomp.args[0] == STDERR_FILENO) {
      outcome_.reached_end |=
          text_at(thread, info.seccomp.args[1], info.seccomp.args[2]).contains(run_.until);
      if (outcome_.reached_end) {
        struck_ = true;
        kill(run_.victim);
      }
      return;
    }
    const auto* call = std::ranges::find(kCalls, number, &Call::number);
    if (call == std::end(kCalls) || !changes_something(*call, thread, info)) return;
    const std::string what = call->path < 0 ? "" : " " + path_at(thread, info.seccomp.args[call->path]);
    outcome_.steps.push_back(name_of(thread) + ": " + call->name + what);
    // Where there is no child yet, the first one dies at its first step.
    if (run_.step != 0 && outcome_.steps.size() >= run_.step) struck_ = kill(run_.victim);
  }

  // Whether there was anybody to die.
  bool kill(Victim victim) const {
    bool any = false;
    for (const pid_t process : processes_) {
      const bool chosen = victim == Victim::kAll || (process == program_) == (victim == Victim::kProgram);
      if (chosen) any |= ::kill(process, SIGKILL) == 0;
    }
    return any;
  }

  const StepRun& run_;
  pid_t program_ = 0;
  std::set<pid_t> processes_;
  bool struck_ = false;
  StepOutcome outcome_;
};

}  // namespace

StepOutcome run_in_steps(const StepRun& run) {
  return Tracer(run).trace();
}

}  // namespace netkit::testing
