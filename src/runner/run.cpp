#include "runner/run.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <set>

#include "base/log.h"
#include "bpf/map/memory.h"
#include "daemon/server.h"
#include "daemon/socket_path.h"
#include "engine/live_network.h"
#include "host/sandbox.h"
#include "runner/in_process_stage.h"
#include "runner/live_stage.h"
#include "runner/signals.h"
#include "runner/steps.h"
#include "runner/summary.h"

namespace netkit::runner {
namespace {

constexpr std::chrono::milliseconds kSignalComesIn(200);

// One line that is written over itself, on a terminal only.
class Progress {
 public:
  explicit Progress(std::size_t steps) : steps_(steps), shown_(::isatty(STDERR_FILENO) != 0) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(std::size_t number, const std::string& say) const {
    if (shown_) std::fprintf(stderr, "\r\033[K[%zu/%zu] %s", number + 1, steps_, say.c_str());
  }
  void clear() const {
    if (shown_) std::fputs("\r\033[K", stderr);
  }

 private:
  std::size_t steps_;
  bool shown_;
};

void print_trace(void*, std::string_view line) {
  std::string whole = "trace: " + std::string(line) + "\n";
  (void)!::write(STDERR_FILENO, whole.data(), whole.size());
}

// The first faults of each program, a line each; all of them are counted.
class FaultLog {
 public:
  static void report(void* self, const bpf::Program& program, const bpf::Fault& fault) {
    static_cast<FaultLog*>(self)->tell(program, fault);
  }

 private:
  static constexpr std::size_t kLines = 16;

  void tell(const bpf::Program& program, const bpf::Fault& fault) {
    const std::lock_guard guard(mutex_);
    std::string line = program.name + ": " + fault.text;
    if (told_.size() >= kLines || !told_.insert(line).second) return;
    log::warning(line);
  }

  std::mutex mutex_;
  std::set<std::string> told_;
};

// Maps live in files below the state directory, where they can be linked to a name; anonymous where it can't
// be had.
void use_map_root() {
  const auto state = host::state_directory();
  if (!state) return;
  const std::filesystem::path root = *state / "bpf";
  std::error_code error;
  std::filesystem::create_directory(root, error);
  if (!error) bpf::set_map_root(root);
}

Result<host::Access> access_for(Require require) {
  if (require == Require::kInProcess) return host::Access{host::RunMode::kInProcess, "as asked"};
  host::Access access = host::probe_access();
  if (require == Require::kLive && access.mode == host::RunMode::kInProcess) {
    return fail(EPERM, "a live run is not possible here: " + access.reason);
  }
  return access;
}

// What comes after the steps: the command, the time, or, where there were no steps, the user's Ctrl-C.
Result<int> stay(const RunOptions& options, bool had_steps, Stage& stage, const Interrupt& interrupt) {
  if (!options.command.empty()) {
    const int status = TRY(stage.run_in_host(options.command));
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }
  if (options.duration) {
    (void)interrupt.wait(*options.duration);
  } else if (!had_steps) {
    log::info("up; Ctrl-C ends it");
    while (!interrupt.wait(std::chrono::hours(1))) {
    }
  }
  return 0;
}

// The plain path belongs to the first run of that name.
Result<daemon::Listener> listen_for_clients(const std::string& name) {
  auto listener = daemon::Listener::open({.path = TRY(daemon::run_socket_path(name)), .group = {}});
  if (listener || listener.error().code != EADDRINUSE) return listener;
  const std::string other = name + "-" + std::to_string(::getpid());
  return daemon::Listener::open({.path = TRY(daemon::run_socket_path(other)), .group = {}});
}

// Lets commands (`netkit link show`) reach the run for as long as it is there; without a socket, which is
// told, it goes on as well.
Result<std::unique_ptr<daemon::BackgroundServer>> serve_clients(const topology::Topology& topology,
                                                                Stage& stage, control::System& system) {
  auto server = TRY(daemon::Server::make(system, TRY(listen_for_clients(topology.name)), stage.how()));
  if (system.kernel == nullptr) {
    server->watch(stage.engine().poll_fd(), [&engine = stage.engine()] { (void)engine.collect(); });
  }
  log::info("serving at " + server->path().native());
  return std::make_unique<daemon::BackgroundServer>(std::move(server));
}

// Everything between bring-up and the summary.
Result<int> play(const RunOptions& options, const topology::Topology& topology, const Objects& objects,
                 Stage& stage, control::System& system, const Interrupt& interrupt) {
  const auto started = std::chrono::steady_clock::now();
  TRY(objects.fill(topology.maps, stage));
  TRY(objects.attach(topology.attachments, stage));
  TRY(objects.add_filters(topology.filters, stage));
  TRY(stage.set_links_up());
  const auto server = serve_clients(topology, stage, system);
  if (!server) log::warning("no commands can reach this run: " + describe(server.error()));

  Summary summary;
  if (server) summary.socket = (*server)->path();
  summary.how = stage.how();
  summary.topology = topology.name;
  Steps steps(topology, objects, stage, interrupt);
  int status = 0;
  {
    const Progress progress(topology.steps.size());
    const auto played =
        steps.play([&](std::size_t number, const std::string& say) { progress.show(number, say); });
    if (!played) summary.trouble = describe(played.error());
  }
  summary.steps = steps.reports();
  // Ctrl-C reaches the commands of a step as well: what they made of it is not what happened.
  if (!summary.ok() && interrupt.wait(kSignalComesIn)) summary.trouble = "interrupted: " + interrupt.reason();
  if (summary.ok()) {
    const auto stayed = stay(options, !topology.steps.empty(), stage, interrupt);
    if (stayed) status = *stayed;
    if (!stayed) summary.trouble = describe(stayed.error());
  }
  stage.settle();
  summary.devices = summarise_devices(topology, stage);
  summary.programs = summarise_programs(objects);
  summary.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  std::fputs((options.json ? to_json(summary) : to_text(summary)).c_str(), stdout);
  std::fflush(stdout);
  return summary.ok() ? status : 1;
}

Result<std::unique_ptr<engine::Engine>> start_engine(const RunOptions& options,
                                                     const topology::Topology& topology, FaultLog& faults) {
  engine::EngineOptions engine;
  engine.workers = topology.workers.value_or(0);
  engine.worker.instruction_limit = topology.instruction_budget;
  engine.worker.fault = FaultLog::report;
  engine.worker.fault_self = &faults;
  if (options.trace) engine.worker.trace = print_trace;
  return engine::Engine::start(engine);
}

Result<int> run_live(const RunOptions& options, const topology::Topology& topology,
                     const host::Access& access) {
  const host::NamespaceIdentity home = TRY(host::NetworkNamespace::current()).identity();
  TRY(host::enter(access.mode));
  engine::GuardedKeeper keeper(TRY(host::Keeper::start({access.mode, {}})));
  TRY(host::drop_privileges());

  Interrupt interrupt = TRY(Interrupt::make());
  const auto played = [&]() -> Result<int> {
    const SignalWatch signals(interrupt);
    const Objects objects = TRY(Objects::load(topology, share_directory("bpf")));
    FaultLog faults;
    const std::unique_ptr<engine::Engine> engine = TRY(start_engine(options, topology, faults));
    const auto live = TRY(engine::LiveNetwork::start(
        *engine, keeper, home, [&interrupt](const std::string& what) { interrupt.request(what); }));
    control::System system{engine->network(), live.get()};
    const auto stage =
        TRY(LiveStage::bring_up(topology, host::describe(access), *live, *engine, system, interrupt));
    return play(options, topology, objects, *stage, system, interrupt);
  }();
  const auto undone = keeper.with([](host::Keeper& held) { return held.stop(); });
  if (!undone)
    log::error("not everything could be removed: " + describe(undone.error()) + "\n" +
               undone.error().details);
  return played;
}

Result<int> run_in_process(const RunOptions& options, const topology::Topology& topology,
                           const host::Access& access) {
  if (!options.command.empty()) {
    return fail(EPERM, "a command needs namespaces, and " + access.reason);
  }
  Interrupt interrupt = TRY(Interrupt::make());
  const SignalWatch signals(interrupt);
  const Objects objects = TRY(Objects::load(topology, share_directory("bpf")));
  PacketPool pool;
  FaultLog faults;
  const std::unique_ptr<engine::Engine> engine = TRY(start_engine(options, topology, faults));
  control::System system{engine->network()};
  const auto stage = TRY(InProcessStage::bring_up(topology, host::describe(access), pool, *engine, system,
                                                  share_directory("examples")));
  return play(options, topology, objects, *stage, system, interrupt);
}

}  // namespace

std::filesystem::path share_directory(std::string_view kind) {
  std::error_code error;
  const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::filesystem::path prefix = program.parent_path().parent_path();
  const std::filesystem::path installed = prefix / "share/netkit" / kind;
  return std::filesystem::is_directory(installed, error) ? installed : prefix / kind;
}

Result<int> run_topology(const RunOptions& options) {
  const topology::Topology topology = TRY(topology::load(options.topology));
  bpf::set_program_timing(true);
  use_map_root();
  const host::Access access = TRY(access_for(options.require));
  if (access.mode == host::RunMode::kInProcess) return run_in_process(options, topology, access);
  return run_live(options, topology, access);
}

}  // namespace netkit::runner
