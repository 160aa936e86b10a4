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

namespace netkit::daemon {
namespace {

struct Options {
  std::string socket;
  std::string group;
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

Result<> serve(const Options& options) {
  raise_file_limit();
  const Fd signals = TRY(take_signals());
  bpf::set_program_timing(true);
  const auto engine = TRY(engine::Engine::start({.workers = options.workers, .worker = {}}));
  control::System system{.network = engine->network()};
  ListenOptions listen{.path = options.socket, .group = options.group};
  if (listen.path.empty()) listen.path = TRY(daemon_socket_path());
  const auto server = TRY(Server::make(system, {.listen = listen, .how = "in-process (as asked)"}));
  server->watch(signals.get(), [&server] { server->stop(); });
  server->watch(engine->poll_fd(), [&engine] { (void)engine->collect(); });
  log::info("serving at " + server->path().native());
  notify_manager("READY=1\nSTATUS=Serving at " + server->path().native());
  server->run();
  notify_manager("STOPPING=1");
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
