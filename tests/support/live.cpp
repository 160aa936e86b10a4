#include "tests/support/live.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>

namespace netkit::testing {

LiveTest::LiveTest() {
  std::string name = (std::filesystem::temp_directory_path() / "netkit-live-XXXXXX").string();
  state_ = ::mkdtemp(name.data());
}

LiveTest::~LiveTest() {
  std::filesystem::remove_all(state_);
}

void LiveTest::SetUp() {
  const host::Access access = host::probe_access();
  if (access.mode != host::RunMode::kLiveRoot) GTEST_SKIP() << "needs root: " << host::describe(access);
  start_keeper();
}

void LiveTest::TearDown() {
  if (keeper_) EXPECT_OK(keeper_->stop());
  keeper_.reset();
  for (const std::string& name : host::list_named_namespaces()) {
    if (!name.starts_with(unique(""))) continue;
    ADD_FAILURE() << name << " was left behind";
    EXPECT_OK(host::delete_named_namespace(name));
  }
}

void LiveTest::start_keeper() {
  auto started = host::Keeper::start({.mode = host::RunMode::kLiveRoot, .state_directory = state_});
  ASSERT_OK(started);
  keeper_.emplace(*std::move(started));
}

host::Keeper LiveTest::hand_over_keeper() {
  host::Keeper keeper = *std::move(keeper_);
  keeper_.reset();
  return keeper;
}

void LiveTest::kill_keeper() {
  ::kill(keeper_->pid(), SIGKILL);
  keeper_.reset();
}

std::string LiveTest::unique(std::string_view name) const {
  return "nkt" + std::to_string(::getpid()) + "-" + std::string(name);
}

Result<Pod> make_pod(host::Keeper& keeper, const std::string& name, const PodOptions& options) {
  Pod pod{.name = name, .space = TRY(keeper.make_namespace(name)), .link = {}, .port = nullptr};
  const host::Nsid nsid = pod.space.nsid;
  TRY(keeper.change_link(nsid, 1, {.up = true}));
  if (options.quiet) TRY(keeper.set_sysctl(nsid, "ipv6/conf/default/disable_ipv6", "1"));
  host::Tap tap = TRY(keeper.make_tap(
      {.space = nsid, .name = "eth0", .queues = options.queues, .mtu = options.mtu, .arp = !options.l3}));
  const std::uint32_t ifindex = tap.link.ifindex;
  pod.port = TRY(host::TapPort::make(std::move(tap.queues),
                                     {.mac = tap.link.mac, .l3 = options.l3, .coalesce = options.coalesce}));
  for (const std::string_view address : {options.v4, options.v6}) {
    if (!address.empty()) TRY(keeper.add_address(nsid, ifindex, *parse_prefix(address)));
  }
  TRY(keeper.change_link(nsid, ifindex, {.up = true}));
  pod.port->set_carrier(true);
  pod.link = TRY(keeper.link(nsid, ifindex));
  return pod;
}

Result<host::Command> start_command(host::Keeper& keeper, const Pod& pod,
                                    const std::vector<std::string>& arguments, int output) {
  const Fd nowhere(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const int out = output >= 0 ? output : nowhere.get();
  return keeper.run(pod.space.nsid, arguments, {nowhere.get(), out, out});
}

CommandResult run_command(host::Keeper& keeper, const Pod& pod, const std::vector<std::string>& arguments,
                          std::chrono::milliseconds limit) {
  const Fd output(::memfd_create("output", MFD_CLOEXEC));
  const auto command = start_command(keeper, pod, arguments, output.get());
  if (!command) return {-1, describe(command.error())};
  CommandResult result;
  result.status = wait_for(*command, limit);
  result.output = contents(output.get());
  return result;
}

std::string contents(int file) {
  std::string text;
  char part[4096];
  off_t at = 0;
  for (ssize_t size = 0; (size = ::pread(file, part, sizeof part, at)) > 0; at += size) {
    text.append(part, static_cast<std::size_t>(size));
  }
  return text;
}

Pod LiveTest::make_pod(std::string_view name, const PodOptions& options) {
  auto pod = testing::make_pod(keeper(), unique(name), options);
  EXPECT_OK(pod);
  return pod ? *std::move(pod) : Pod{};
}

host::Command LiveTest::start(const Pod& pod, const std::vector<std::string>& arguments, int output) {
  auto command = start_command(keeper(), pod, arguments, output);
  EXPECT_OK(command);
  return command ? *std::move(command) : host::Command{};
}

CommandResult LiveTest::run(const Pod& pod, const std::vector<std::string>& arguments,
                            std::chrono::milliseconds limit) {
  return run_command(keeper(), pod, arguments, limit);
}

Fd LiveTest::socket_in(const std::string& space, int domain, int type, int protocol) {
  const auto opened = [&]() -> Result<Fd> {
    const host::NetworkNamespace target = TRY(host::NetworkNamespace::named(space));
    return host::in_namespace(target, [&]() -> Result<Fd> {
      Fd socket(::socket(domain, type | SOCK_CLOEXEC, protocol));
      if (!socket) return fail_errno("opening a socket");
      return socket;
    });
  };
  auto socket = opened();
  EXPECT_OK(socket);
  return socket ? *std::move(socket) : Fd();
}

void sleep_a_moment() {
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

int wait_for(const host::Command& command, std::chrono::milliseconds limit) {
  if (!command.exit) return -1;
  pollfd ready{command.exit.get(), POLLIN, 0};
  if (::poll(&ready, 1, static_cast<int>(limit.count())) == 0) {
    ::kill(command.pid, SIGKILL);
    return -1;
  }
  const auto status = host::read_exit(command);
  if (!status) return -1;
  constexpr int kSignalBase = 128;  // as shells count
  return WIFEXITED(*status) ? WEXITSTATUS(*status) : kSignalBase + WTERMSIG(*status);
}

}  // namespace netkit::testing
