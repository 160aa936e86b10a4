// netkitd: the engine as a daemon.
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "base/log.h"
#include "bpf/run/program.h"
#include "daemon/readiness.h"
#include "daemon/server.h"
#include "daemon/socket_path.h"
#include "engine/engine.h"
#include "engine/live_network.h"
#include "host/sandbox.h"

namespace netkit::daemon {
namespace {

struct Options {
  std::string socket;
  std::string group;
  std::string pin_root;
  bool in_process = false;
  std::uint32_t workers = 0;
};

// SIGTERM and SIGINT as a descriptor, blocked in this thread and those that it starts.
Result<Fd> take_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT}) ::sigaddset(&signals, signal);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  Fd taken(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!taken) return fail_errno("signalfd");
  return taken;
}

// Each client needs a descriptor, and more while it passes some.
void raise_file_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// What a live engine needs of the kernel.
struct Live {
  engine::GuardedKeeper keeper;
  host::NamespaceIdentity home;
};

// Where the regions of maps live, and those of pinned maps stay.
Result<> keep_regions(control::PinTree& pins, const Options& options) {
  std::filesystem::path root = options.pin_root;
  if (root.empty()) root = TRY(host::state_directory()) / "bpf";
  std::error_code error;
  std::filesystem::create_directories(root, error);
  if (error) return fail(error.value(), "the pin root " + root.native() + ": " + error.message());
  pins.keep_regions_in(root);
  return {};
}

// The engine and its socket, until a signal ends it. Without a live part it lives in this process alone.
Result<> serve(const Options& options, Listener listener, const std::string& how, Live* kernel) {
  const Fd signals = TRY(take_signals());
  bpf::set_program_timing(true);
  const auto engine = TRY(engine::Engine::start({.workers = options.workers, .worker = {}}));
  std::unique_ptr<engine::LiveNetwork> live;
  if (kernel != nullptr)
    live = TRY(engine::LiveNetwork::start(*engine, kernel->keeper, kernel->home, log::error));
  control::System system{.network = engine->network(), .kernel = live.get()};
  TRY(keep_regions(system.pins, options));
  const auto server = TRY(Server::make(system, std::move(listener), how));
  server->watch(signals.get(), [&server] { server->stop(); });
  if (live == nullptr) server->watch(engine->poll_fd(), [&engine] { (void)engine->collect(); });
  log::info("serving at " + server->path().native() + ", " + how);
  notify_manager("READY=1\nSTATUS=Serving at " + server->path().native());
  server->run();
  notify_manager("STOPPING=1");
  return {};
}

// The keeper first, while there are no threads yet, then everything else without privilege. The socket is
// made before: giving it to a group needs some.
Result<> serve_live(const Options& options, Listener listener, const host::Access& access) {
  const host::NamespaceIdentity home = TRY(host::NetworkNamespace::current()).identity();
  TRY(host::enter(access.mode));
  Live kernel{engine::GuardedKeeper(TRY(host::Keeper::start({access.mode, {}}))), home};
  TRY(host::drop_privileges());
  const auto served = serve(options, std::move(listener), host::describe(access), &kernel);
  const auto undone = kernel.keeper.with([](host::Keeper& held) { return held.stop(); });
  if (!undone) {
    log::error("not everything could be removed: " + describe(undone.error()) + "\n" +
               undone.error().details);
  }
  return served;
}

Result<> serve(const Options& options) {
  raise_file_limit();
  const host::Access access =
      options.in_process ? host::Access{host::RunMode::kInProcess, "as asked"} : host::probe_access();
  ListenOptions listen{.path = options.socket, .group = options.group};
  if (listen.path.empty()) listen.path = TRY(daemon_socket_path());
  Listener listener = TRY(Listener::open(listen));
  if (access.mode == host::RunMode::kInProcess) {
    TRY(serve(options, std::move(listener), host::describe(access), nullptr));
  } else {
    TRY(serve_live(options, std::move(listener), access));
  }
  log::info("ended");
  return {};
}

}  // namespace
}  // namespace netkit::daemon

int main(int argc, char** argv) {
  netkit::daemon::Options options;
  CLI::App app("netkit in user space: the daemon", "netkitd");
  app.set_version_flag("--version", "netkitd " NETKIT_VERSION);
  app.add_option("--socket", options.socket,
                 "Where clients connect (default: netkitd.sock in the state directory)");
  app.add_option("--group", options.group, "Members of this group may connect, too");
  app.add_flag("--in-process", options.in_process, "Touch no interface of the kernel's");
  app.add_option("--pin-root", options.pin_root, "Where maps live (default: bpf in the state directory)");
  app.add_option("--workers", options.workers, "Threads that move packets (default: one for two CPUs)");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto served = netkit::daemon::serve(options);
  if (served) return 0;
  netkit::log::error(netkit::describe(served.error()));
  return 1;
}
