// For tests that use real network namespaces: each makes its own through a keeper, under names that no other
// test has, and leaves nothing behind. Skips where the machine does not allow it, saying why.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "host/keeper.h"
#include "host/tap_port.h"

namespace netkit::testing {

// Evaluates to the value of a Result, or fails the test (function returning void) with the error's text.
#define ASSERT_OK(result)                                                      \
  do {                                                                         \
    const auto& netkit_checked = (result);                                     \
    ASSERT_TRUE(netkit_checked) << ::netkit::describe(netkit_checked.error()); \
  } while (false)
#define EXPECT_OK(result)                                                      \
  do {                                                                         \
    const auto& netkit_checked = (result);                                     \
    EXPECT_TRUE(netkit_checked) << ::netkit::describe(netkit_checked.error()); \
  } while (false)

// A pod: a namespace of its own with one interface, eth0, that is a TAP of ours.
struct Pod {
  std::string name;
  host::Space space;
  host::LinkInfo link;
  std::unique_ptr<host::TapPort> port;
};

struct PodOptions {
  std::string_view v4 = {};  // "10.0.0.1/24"; empty: none
  std::string_view v6 = {};
  bool l3 = false;
  std::uint32_t mtu = 1500;
  std::uint32_t queues = 1;
  bool quiet = false;  // no IPv6, so that nothing is sent unasked
  bool coalesce = true;
};

struct CommandResult {
  int status = -1;  // exit status; 128 + signal; -1: it did not end in time and was killed
  std::string output;
};

// Up, with carrier and addresses.
[[nodiscard]] Result<Pod> make_pod(host::Keeper& keeper, const std::string& name, const PodOptions& options);
// With nothing on its standard input, and its output in a file (-1: nowhere).
[[nodiscard]] Result<host::Command> start_command(host::Keeper& keeper, const Pod& pod,
                                                  const std::vector<std::string>& arguments, int output);
// To its end, at most that long.
[[nodiscard]] CommandResult run_command(host::Keeper& keeper, const Pod& pod,
                                        const std::vector<std::string>& arguments,
                                        std::chrono::milliseconds limit);

// Of a file, from its beginning.
[[nodiscard]] std::string contents(int file);

class LiveTest : public ::testing::Test {
 protected:
  LiveTest();
  ~LiveTest() override;
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] host::Keeper& keeper() { return *keeper_; }
  // For whoever shares it between threads, and stops it.
  [[nodiscard]] host::Keeper hand_over_keeper();
  // Kills the keeper with SIGKILL and forgets it.
  void kill_keeper();
  // As at the start of another run.
  void start_keeper();
  [[nodiscard]] const std::filesystem::path& state() const { return state_; }
  // A name under /run/netns that only this test uses.
  [[nodiscard]] std::string unique(std::string_view name) const;
  [[nodiscard]] Pod make_pod(std::string_view name, const PodOptions& options);
  CommandResult run(const Pod& pod, const std::vector<std::string>& arguments,
                    std::chrono::milliseconds limit = std::chrono::seconds(10));
  [[nodiscard]] host::Command start(const Pod& pod, const std::vector<std::string>& arguments,
                                    int output = -1);
  // A socket that belongs to the pod's namespace. Close it before the namespace is to go.
  [[nodiscard]] Fd socket_in(const std::string& space, int domain, int type, int protocol = 0);

 private:
  std::filesystem::path state_;
  std::optional<host::Keeper> keeper_;
};

// Calls `done` every few milliseconds until it is true or the time is over; its last answer.
template <class Done>
bool eventually(Done done, std::chrono::milliseconds limit = std::chrono::seconds(3));

void sleep_a_moment();

template <class Done>
bool eventually(Done done, std::chrono::milliseconds limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  while (!done()) {
    if (std::chrono::steady_clock::now() > end) return false;
    sleep_a_moment();
  }
  return true;
}

// Waits for a command's end.
[[nodiscard]] int wait_for(const host::Command& command, std::chrono::milliseconds limit);

}  // namespace netkit::testing
