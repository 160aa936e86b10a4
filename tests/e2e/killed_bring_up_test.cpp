// `netkit run` killed before every step of its bring-up: the engine alone (its keeper undoes), engine and
// keeper together, or the keeper alone (the next start undoes). Nothing may be left.
//
// Theory of operation. The test moves into network and mount namespaces of its own, whose /run is empty
// before each run, so that all that could be left behind can be listed. A first run, killed when it says that
// it is up, counts the steps; then one run for each of them is killed there.
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "host/netns_exec.h"
#include "tests/support/step_tracer.h"

namespace netkit::testing {
namespace {

constexpr const char* kTopology = R"(
name: killed
workers: 1
namespaces: {a: {sysctls: {net.ipv4.ip_forward: 1}}, b: {}}
objects: {policy: pod_policy.bpf.o}
pairs:
  nk0:
    addresses: [10.9.0.1/32]
    routes: [{to: 10.9.0.2/32}]
    peer: {name: eth0, netns: a, addresses: [10.9.0.2/32], routes: [{to: default}]}
  nk1:
    mode: l2
    addresses: [10.9.1.1/24]
    peer: {name: eth0, netns: b, addresses: [10.9.1.2/24], neighbours: {10.9.1.9: "02:00:00:00:00:09"}}
attach: {nk0.peer: [policy.from_pod]}
)";

bool mounted(const char* what, const char* where, const char* type, unsigned long flags) {
  return ::mount(what, where, type, flags, nullptr) == 0;
}

// What a run could leave behind. Directories that are there once and for all are not counted: /run/netns, a
// mount on itself as `ip netns` makes it, and those of the state.
std::vector<std::string> leftovers() {
  std::vector<std::string> found;
  struct if_nameindex* const interfaces = ::if_nameindex();
  for (auto* interface = interfaces; interface != nullptr && interface->if_index != 0; ++interface) {
    if (std::string(interface->if_name) != "lo")
      found.push_back("interface " + std::string(interface->if_name));
  }
  ::if_freenameindex(interfaces);
  for (const auto& entry : std::filesystem::recursive_directory_iterator("/run")) {
    if (!entry.is_directory()) found.push_back(entry.path());
  }
  std::ifstream mounts("/proc/self/mounts");
  for (std::string line; std::getline(mounts, line);) {
    if (line.contains(" /run/") && !line.contains(" /run/netns tmpfs")) found.push_back("mount " + line);
  }
  return found;
}

// Its exit status; -1: it was killed. What it prints is of no interest.
int run_to_its_end(const std::vector<std::string>& arguments) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(30);
    if (const int nowhere = ::open("/dev/null", O_WRONLY); nowhere >= 0) ::dup2(nowhere, STDOUT_FILENO);
    (void)host::exec_command(arguments);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

class KilledBringUp : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root, for namespaces in which nothing else happens";
    ASSERT_EQ(::unshare(CLONE_NEWNS | CLONE_NEWNET), 0);
    ASSERT_TRUE(mounted("", "/", "none", MS_PRIVATE | MS_REC));
    while (::umount2("/run/netns", MNT_DETACH) == 0) {  // the machine's own namespaces
    }
    topology_ =
        std::filesystem::temp_directory_path() / ("netkit-killed-" + std::to_string(::getpid()) + ".yaml");
    std::ofstream(topology_) << kTopology;
    ::setenv("ASAN_OPTIONS", "detect_leaks=0", 1);  // its search for leaks does not work under ptrace
  }

  void TearDown() override { std::filesystem::remove(topology_); }

  [[nodiscard]] StepRun bring_up(Victim victim, std::size_t step) const {
    return {{NETKIT_PROGRAM, "run", topology_, "--require", "live"}, "up; Ctrl-C ends it", victim, step};
  }

  static void empty_run() {
    ::umount2("/run", MNT_DETACH);
    ASSERT_TRUE(mounted("tmpfs", "/run", "tmpfs", 0));
  }

  // `undo` is what a user does when the run cannot undo it itself.
  void kill_at_every_step(Victim victim, const std::vector<std::string>& undo) {
    empty_run();
    const StepOutcome whole = run_in_steps(bring_up(Victim::kAll, 0));
    ASSERT_TRUE(whole.reached_end) << "stopped after " << whole.steps.size() << " steps";
    ASSERT_GT(leftovers().size(), 2U);  // else this test would not see anything
    RecordProperty("steps", static_cast<int>(whole.steps.size()));
    for (std::size_t step = 1; step <= whole.steps.size(); ++step) {
      empty_run();
      const StepOutcome killed = run_in_steps(bring_up(victim, step));
      ASSERT_TRUE(killed.in_time) << "step " << step << " (" << whole.steps[step - 1] << ")";
      if (!undo.empty()) {
        ASSERT_EQ(run_to_its_end(undo), 0) << "step " << step;
      }
      EXPECT_EQ(leftovers(), std::vector<std::string>())
          << "step " << step << " (" << killed.steps.back() << ")";
    }
  }

  std::filesystem::path topology_;
};

TEST_F(KilledBringUp, TheKeeperUndoesWhatADeadEngineLeft) {
  kill_at_every_step(Victim::kProgram, {});
}

TEST_F(KilledBringUp, CleanupUndoesWhatADeadEngineAndKeeperLeft) {
  kill_at_every_step(Victim::kAll, {NETKIT_PROGRAM, "cleanup"});
}

TEST_F(KilledBringUp, TheNextRunUndoesWhatADeadKeeperLeft) {
  kill_at_every_step(Victim::kChildren, {NETKIT_PROGRAM, "run", topology_, "--for", "0"});
}

}  // namespace
}  // namespace netkit::testing
