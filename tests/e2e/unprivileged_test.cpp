// The live mode of an ordinary user: everything in a user namespace of its own. The tests become such a user
// in a child process, whose mount namespace has a /run and a /dev/net/tun of the test's choice.
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>

#include "host/netns_exec.h"
#include "tests/support/forwarder.h"
#include "tests/support/live.h"

namespace netkit::testing {
namespace {

using host::Keeper;
using host::RunMode;

constexpr uid_t kUser = 54321;
constexpr const char* kRuntimeDirectory = "/run/user-of-the-test";

enum class TunNode { kOpen, kClosed, kAbsent };

bool mounted(const char* what, const char* where, const char* type, unsigned long flags) {
  return ::mount(what, where, type, flags, nullptr) == 0;
}

bool arrange_machine(TunNode node) {
  if (::unshare(CLONE_NEWNS) != 0 || !mounted("", "/", "none", MS_SLAVE | MS_REC)) return false;
  if (!mounted("tmpfs", "/run", "tmpfs", 0) || !mounted("tmpfs", "/dev/net", "tmpfs", 0)) return false;
  if (::mkdir(kRuntimeDirectory, 0700) != 0 || ::chown(kRuntimeDirectory, kUser, kUser) != 0) return false;
  ::setenv("XDG_RUNTIME_DIR", kRuntimeDirectory, 1);
  if (node == TunNode::kAbsent) return true;
  if (::mknod("/dev/net/tun", S_IFCHR, makedev(10, 200)) != 0) return false;
  return ::chmod("/dev/net/tun", node == TunNode::kOpen ? 0666 : 0600) == 0;
}

bool become_user() {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(kUser, kUser, kUser) != 0) return false;
  if (::setresuid(kUser, kUser, kUser) != 0) return false;
  // As after an exec: else /proc/self belongs to root and no user namespace can be set up.
  return ::prctl(PR_SET_DUMPABLE, 1) == 0;
}

// What `body` says is wrong; empty: nothing.
std::string as_ordinary_user(TunNode node, const std::function<std::string()>& body) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return "no pipe";
  const Fd readable(ends[0]);
  Fd writable(ends[1]);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    const std::string wrong =
        arrange_machine(node) && become_user() ? body() : "cannot become an ordinary user";
    ::_exit(::write(writable.get(), wrong.data(), wrong.size()) < 0 ? 1 : 0);
  }
  writable.reset();
  std::string wrong;
  char part[1024];
  for (ssize_t size = 0; (size = ::read(readable.get(), part, sizeof part)) > 0;) {
    wrong.append(part, static_cast<std::size_t>(size));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? wrong : wrong + " (and it was killed)";
}

class Unprivileged : public ::testing::Test {
 protected:
  void SetUp() override {
#ifdef NETKIT_TSAN
    GTEST_SKIP()
        << "ThreadSanitizer starts a thread of its own, and only a process without threads can enter a "
           "user namespace";
#endif
    if (::geteuid() != 0)
      GTEST_SKIP() << "needs root, to become an ordinary user with a /dev/net/tun of its own";
  }
};

// Two pods, and a ping through their ports.
Result<> ping_between_pods(Keeper& keeper) {
  const Pod a = TRY(make_pod(keeper, "a", {.v4 = "10.9.0.1/24", .v6 = "fd09::1/64", .l3 = true}));
  const Pod b = TRY(make_pod(keeper, "b", {.v4 = "10.9.0.2/24", .v6 = "fd09::2/64", .l3 = true}));
  const Forwarder forwarder({.port = a.port.get()}, {.port = b.port.get()});
  for (const char* address : {"10.9.0.2", "fd09::2"}) {
    const CommandResult result = run_command(keeper, a, {"ping", "-c", "2", "-i", "0.2", "-W", "2", address},
                                             std::chrono::seconds(10));
    if (result.status != 0) return fail(EIO, result.output);
  }
  return {};
}

Result<Keeper> start_as_user() {
  const host::Access access = host::probe_access();
  if (access.mode != RunMode::kLiveUserns) return fail(EPERM, host::describe(access));
  TRY(host::enter(access.mode));
  Keeper keeper = TRY(Keeper::start({.mode = access.mode}));
  TRY(host::drop_privileges());
  return keeper;
}

TEST_F(Unprivileged, PodsTalkInAUserNamespace) {
  const std::string wrong = as_ordinary_user(TunNode::kOpen, [] {
    const auto whole_run = []() -> Result<> {
      Keeper keeper = TRY(start_as_user());
      TRY(ping_between_pods(keeper));
      return keeper.stop();
    };
    const auto result = whole_run();
    return result ? std::string() : describe(result.error());
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(Unprivileged, TheFirstLineOfASummarySaysHowItRuns) {
  const auto described = [] { return host::describe(host::probe_access()); };
  EXPECT_EQ(as_ordinary_user(TunNode::kOpen, described), "live (unprivileged user namespace)");
  EXPECT_EQ(as_ordinary_user(TunNode::kClosed, described),
            "in-process (/dev/net/tun is closed to this user (mode 0600))");
  EXPECT_EQ(as_ordinary_user(TunNode::kAbsent, described),
            "in-process (/dev/net/tun is absent; load the module (modprobe tun), or give the container the "
            "device)");
}

TEST_F(Unprivileged, ItsNamespacesCanBeEnteredFromAnotherTerminal) {
  const std::string wrong = as_ordinary_user(TunNode::kOpen, [] {
    // The other terminal: a process outside, which waits until the run is up.
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return std::string("no pipe");
    const pid_t visitor = ::fork();
    if (visitor == 0) {
      char go = 0;
      if (::read(ends[0], &go, 1) != 1) ::_exit(1);
      const auto running = host::running_namespaces(*host::state_directory());
      if (!running || running->size() != 1 || running->front().name != "pod" || !running->front().userns)
        ::_exit(2);
      if (!host::enter_namespace(running->front())) ::_exit(3);
      ::_exit(std::filesystem::exists("/sys/class/net/eth0") ? 0 : 4);
    }
    auto keeper = start_as_user();
    if (!keeper) return describe(keeper.error());
    const auto pod = make_pod(*keeper, "pod", {.quiet = true});
    if (!pod) return describe(pod.error());
    if (::write(ends[1], "g", 1) != 1) return std::string("no pipe");
    int status = 0;
    ::waitpid(visitor, &status, 0);
    return status == 0 ? std::string() : "the visitor ended with " + std::to_string(WEXITSTATUS(status));
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(Unprivileged, NothingIsLeftInTheStateDirectory) {
  const std::string wrong = as_ordinary_user(TunNode::kOpen, [] {
    const auto directory = host::state_directory();
    if (!directory) return describe(directory.error());
    if (directory->string() != std::string(kRuntimeDirectory) + "/netkit")
      return "not " + directory->string();
    const pid_t run = ::fork();
    if (run == 0) {
      auto keeper = start_as_user();
      const bool seen = keeper && keeper->make_namespace("pod") && host::state_directory() == directory &&
                        !std::filesystem::is_empty(*directory);
      ::_exit(seen && keeper->stop() ? 0 : 1);
    }
    int status = 0;
    ::waitpid(run, &status, 0);
    if (status != 0) return std::string("the run failed");
    return std::filesystem::is_empty(*directory) ? std::string() : std::string("the journal was left behind");
  });
  EXPECT_EQ(wrong, "");
}

TEST_F(Unprivileged, RootInsideSomebodyElsesUserNamespaceRunsToo) {
  const std::string wrong = as_ordinary_user(TunNode::kOpen, [] {
    if (!host::enter(RunMode::kLiveUserns)) return std::string("no user namespace");
    const auto whole_run = []() -> Result<> {
      Keeper keeper = TRY(start_as_user());
      TRY(ping_between_pods(keeper));
      return keeper.stop();
    };
    const auto result = whole_run();
    return result ? std::string() : describe(result.error());
  });
  EXPECT_EQ(wrong, "");
}

}  // namespace
}  // namespace netkit::testing
