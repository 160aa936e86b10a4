#include "host/keeper_server.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "base/log.h"
#include "host/command_table.h"
#include "host/journal.h"
#include "host/keeper_protocol.h"
#include "host/link_monitor.h"
#include "host/tap.h"

namespace netkit::host {
namespace {

struct KnownSpace {
  std::string name;
  std::string path;
  NamespaceIdentity identity;
  bool made = false;
};

class Server {
 public:
  [[nodiscard]] static Result<Server> make(Fd socket, pid_t engine, const KeeperOptions& options) {
    // The scratch namespace: this process stays in it.
    if (::unshare(CLONE_NEWNET) != 0) return fail_errno("making the scratch network namespace");
    Netlink scratch = TRY(Netlink::open());
    const std::filesystem::path directory =
        options.state_directory.empty() ? TRY(state_directory()) : options.state_directory;
    Journal journal = TRY(Journal::create(directory, options.mode == RunMode::kLiveUserns));
    return Server(std::move(socket), engine, std::move(scratch), std::move(journal));
  }

  // Until the engine goes or asks for the end.
  void serve() {
    const Fd children = child_signals();
    while (!stopped_) {
      std::array<pollfd, 2> wait{{{socket_.get(), POLLIN, 0}, {children.get(), POLLIN, 0}}};
      if (::poll(wait.data(), wait.size(), -1) < 0) continue;
      if (wait[1].revents != 0) {
        signalfd_siginfo which{};
        if (::read(children.get(), &which, sizeof which) > 0) commands_.reap();
      }
      if (wait[0].revents != 0 && !serve_one()) break;
    }
    if (!stopped_) report_undo(undo());
  }

 private:
  Server(Fd socket, pid_t engine, Netlink scratch, Journal journal)
      : socket_(std::move(socket)),
        engine_(engine),
        scratch_(std::move(scratch)),
        journal_(std::move(journal)) {}

  static Fd child_signals() {
    sigset_t set;
    ::sigemptyset(&set);
    ::sigaddset(&set, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &set, nullptr);
    return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  // ---- one request ----
  bool serve_one() {
    auto datagram = receive_datagram(socket_.get());
    if (!datagram || datagram->bytes.empty()) return false;
    received_ = std::move(datagram->fds);
    replied_.clear();
    const auto answer = dispatch(datagram->bytes);
    std::vector<int> fds;
    for (const Fd& fd : replied_) fds.push_back(fd.get());
    auto sent = send_datagram(socket_.get(), answer, fds);
    if (!sent && sent.error().code == EMSGSIZE)
      sent = send_datagram(socket_.get(), encode_error(sent.error()), {});
    received_.clear();
    replied_.clear();
    return sent.has_value();
  }

  static std::vector<std::uint8_t> encode_error(const Error& error) {
    Encoder encoder;
    encoder.put(error);
    return encoder.bytes();
  }

  std::vector<std::uint8_t> dispatch(std::span<const std::uint8_t> bytes) {
    Decoder decoder(bytes);
    std::uint16_t which = 0;
    if (!decoder.get(which)) return encode_error({EBADMSG, "a request without a number", {}});
    return dispatch_to(which, decoder, std::make_index_sequence<std::variant_size_v<KeeperRequest>>());
  }

  template <std::size_t... Index>
  std::vector<std::uint8_t> dispatch_to(std::uint16_t which, Decoder& decoder,
                                        std::index_sequence<Index...>) {
    std::vector<std::uint8_t> answer = encode_error({EBADMSG, "not a request that the keeper knows", {}});
    static_cast<void>(
        ((which == Index &&
          (answer = answer_to<std::variant_alternative_t<Index, KeeperRequest>>(decoder), true)) ||
         ...));
    return answer;
  }

  template <class Request>
  std::vector<std::uint8_t> answer_to(Decoder& decoder) {
    Request request{};
    if (!decoder.get(request)) return encode_error({EBADMSG, "a truncated request", {}});
    Result<typename Request::Reply> result = handle(request);
    if (!result) return encode_error(result.error());
    Encoder encoder;
    encoder.put(Error{});
    encoder.put(*result);
    return encoder.bytes();
  }

  static Result<Nothing> nothing(Result<> result) {
    if (!result) return std::unexpected(std::move(result).error());
    return Nothing{};
  }

  // ---- namespaces ----
  Result<Space> handle(const MakeNamespace& request) {
    const std::string& name = request.name;
    TRY(journal_.write(NameReserved{name}));
    auto space = make_journalled(name);
    if (!space) TRY(journal_.write(NamespaceRemoved{name}));
    return space;
  }

  Result<Space> make_journalled(const std::string& name) {
    TRY(reserve_namespace_name(name));
    auto space = mount_journalled(name);
    if (!space) static_cast<void>(delete_named_namespace(name));
    return space;
  }

  Result<Space> mount_journalled(const std::string& name) {
    const NetworkNamespace space = TRY(NetworkNamespace::make());
    TRY(journal_.write(NamespaceMade{name, space.identity()}));
    TRY(mount_namespace(name, space));
    return remember(space, {name, std::string(kNetnsDirectory) + "/" + name, space.identity(), true});
  }

  Result<Space> handle(const UseNamespace& request) {
    TRY(check_namespace_name(request.label));
    const NetworkNamespace space = TRY(NetworkNamespace::at_path(request.path));
    TRY(journal_.write(NamespaceUsed{request.label, request.path}));
    return remember(space, {request.label, request.path, space.identity(), false});
  }

  Result<Space> handle(const UseOwnNamespace& request) {
    return handle(UseNamespace{request.label, "/proc/" + std::to_string(engine_) + "/ns/net"});
  }

  // The kernel gives ids of namespaces that have gone to new ones: the entry is then replaced.
  Result<Space> remember(const NetworkNamespace& space, KnownSpace entry) {
    const Nsid nsid = TRY(scratch_.assign_nsid(space.fd()));
    entry.made |=
        spaces_.contains(nsid) && spaces_.at(nsid).made && spaces_.at(nsid).identity == entry.identity;
    spaces_.insert_or_assign(nsid, std::move(entry));
    return Space{nsid, space.identity()};
  }

  Result<Nothing> handle(const RemoveNamespace& request) {
    const KnownSpace& known = TRY(find(request.space)).get();
    if (!known.made)
      return fail(EPERM, "network namespace '" + known.name + "' was not made by this instance");
    const std::string name = known.name;
    TRY(open(request.space));
    TRY(delete_named_namespace(name));
    spaces_.erase(request.space);
    return nothing(journal_.write(NamespaceRemoved{name}));
  }

  Result<std::reference_wrapper<const KnownSpace>> find(Nsid nsid) const {
    const auto entry = spaces_.find(nsid);
    if (entry == spaces_.end()) return fail(ENOENT, "no such network namespace is known to the keeper");
    return std::cref(entry->second);
  }

  Result<NetworkNamespace> open(Nsid nsid) const {
    const KnownSpace& known = TRY(find(nsid)).get();
    NetworkNamespace space = TRY(NetworkNamespace::at_path(known.path));
    if (space.identity() != known.identity) {
      return fail(ESTALE,
                  "network namespace '" + known.name + "' has gone; " + known.path + " is another one now");
    }
    return space;
  }

  // One exchange with a socket that is opened inside and closed right after.
  template <class Work>
  auto inside(Nsid nsid, Work work) const -> std::invoke_result_t<Work, Netlink&> {
    const NetworkNamespace space = TRY(open(nsid));
    return in_namespace(space, [&]() -> std::invoke_result_t<Work, Netlink&> {
      Netlink netlink = TRY(Netlink::open());
      return work(netlink);
    });
  }

  // ---- interfaces ----
  Result<LinkInfo> handle(const MakeTap& request) {
    const TapRequest& tap = request.tap;
    const NetworkNamespace target = TRY(open(tap.space));
    const std::string scratch_name = "tap" + std::to_string(++taps_made_);
    std::vector<Fd> queues = TRY(open_tap(scratch_name, tap.queues));
    const LinkInfo made = TRY(scratch_.link(scratch_name));
    const std::uint32_t ifindex = tap.ifindex != 0 ? tap.ifindex : TRY(next_ifindex(tap.space));
    LinkChange change{
        .name = tap.name, .mtu = tap.mtu, .mac = tap.mac, .arp = tap.arp, .new_ifindex = ifindex};
    if (!tap.alias.empty()) change.alias = tap.alias;
    TRY(explain(scratch_.move_link(made.ifindex, target.fd(), change), tap, ifindex));
    replied_ = std::move(queues);
    return scratch_.link(ifindex, tap.space);
  }

  // As a kernel that makes a device there would number it; devices made and deleted before leave no trace
  // that could be read.
  Result<std::uint32_t> next_ifindex(Nsid space) {
    std::uint32_t highest = 0;
    for (const LinkInfo& link : TRY(scratch_.links(space))) highest = std::max(highest, link.ifindex);
    return highest + 1;
  }

  Result<> explain(Result<> moved, const TapRequest& tap, std::uint32_t ifindex) const {
    if (moved) return moved;
    const std::string where = " in network namespace '" + spaces_.at(tap.space).name + "'";
    if (moved.error().code == EEXIST)
      return fail(EEXIST, "interface name '" + tap.name + "' is taken" + where);
    if (moved.error().code == EBUSY)
      return fail(EBUSY, "ifindex " + std::to_string(ifindex) + " is taken" + where);
    return moved;
  }

  Result<Nothing> handle(const MakeVeth& request) {
    const NetworkNamespace peer = TRY(open(request.peer_space));
    return inside(request.space, [&](Netlink& netlink) {
      return nothing(netlink.make_veth(request.name, request.peer_name, peer.fd()));
    });
  }

  Result<Nothing> handle(const ChangeLink& request) {
    return inside(request.space, [&](Netlink& netlink) {
      return nothing(netlink.change_link(request.ifindex, request.change));
    });
  }

  Result<Nothing> handle(const MoveLink& request) {
    const NetworkNamespace target = TRY(open(request.target));
    return inside(request.space, [&](Netlink& netlink) {
      return nothing(netlink.move_link(request.ifindex, target.fd(), request.change));
    });
  }

  Result<Nothing> handle(const DeleteLink& request) {
    TRY(find(request.space));
    return nothing(scratch_.delete_link(request.ifindex, request.space));
  }

  Result<LinkInfo> handle(const LinkByIndex& request) {
    return scratch_.link(request.ifindex, request.space);
  }

  Result<LinkInfo> handle(const LinkByName& request) { return scratch_.link(request.name, request.space); }

  Result<std::vector<LinkInfo>> handle(const LinksAfter& request) {
    constexpr std::size_t kPerDatagram = 200;  // of at most some 400 bytes each
    std::vector<LinkInfo> links = TRY(scratch_.links(request.space));
    std::erase_if(links, [&](const LinkInfo& link) { return link.ifindex <= request.after; });
    std::ranges::sort(links, {}, &LinkInfo::ifindex);
    if (links.size() > kPerDatagram) links.resize(kPerDatagram);
    return links;
  }

  Result<Location> handle(const LocateTap&) {
    if (received_.size() != 1) return fail(EINVAL, "one descriptor is needed");
    const TapPlace place = TRY(find_tap(received_.front().get()));
    const Nsid nsid = TRY(scratch_.assign_nsid(place.space.fd()));
    if (!spaces_.contains(nsid) || spaces_.at(nsid).identity != place.space.identity()) {
      TRY(remember(place.space, named_space(place.space.identity())));
    }
    return Location{{nsid, place.space.identity()}, TRY(scratch_.link(place.name, nsid))};
  }

  // One that somebody else made: reachable by its name if it has one, else only for what needs no entry.
  static KnownSpace named_space(const NamespaceIdentity& identity) {
    for (const std::string& name : list_named_namespaces()) {
      const auto space = NetworkNamespace::named(name);
      if (space && space->identity() == identity) {
        return {name, std::string(kNetnsDirectory) + "/" + name, identity, false};
      }
    }
    return {"(without a name)", {}, identity, false};
  }

  Result<Nothing> handle(const AddAddress& request) {
    return inside(request.space, [&](Netlink& netlink) {
      return nothing(netlink.add_address(request.ifindex, request.address));
    });
  }

  Result<Nothing> handle(const AddRoute& request) {
    return inside(request.space, [&](Netlink& netlink) { return nothing(netlink.add_route(request.route)); });
  }

  Result<Nothing> handle(const AddNeighbour& request) {
    return inside(request.space,
                  [&](Netlink& netlink) { return nothing(netlink.add_neighbour(request.neighbour)); });
  }

  Result<Nothing> handle(const SetSysctl& request) {
    const KnownSpace& known = TRY(find(request.space)).get();
    if (!known.made) {
      return fail(EPERM,
                  "network namespace '" + known.name + "' was not made by this instance: its sysctls stay");
    }
    if (request.key.contains("..") || request.key.starts_with('/')) {
      return fail(EINVAL, "'" + request.key + "' is not the path of a sysctl below /proc/sys/net");
    }
    const NetworkNamespace space = TRY(open(request.space));
    return in_namespace(space, [&] { return nothing(write_sysctl(request)); });
  }

  static Result<> write_sysctl(const SetSysctl& request) {
    const std::string path = "/proc/sys/net/" + request.key;
    const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file) return fail_errno("opening " + path);
    const auto size = static_cast<ssize_t>(request.value.size());
    if (::write(file.get(), request.value.data(), request.value.size()) != size)
      return fail_errno("writing " + path);
    return {};
  }

  // ---- the rest ----
  Result<Nothing> handle(const OpenMonitor&) {
    replied_.push_back(TRY(LinkMonitor::open_socket()));
    return Nothing{};
  }

  Result<pid_t> handle(const RunCommand& request) {
    if (received_.size() != 3) return fail(EINVAL, "a command needs three descriptors");
    const NetworkNamespace space = TRY(open(request.space));
    const std::string& name = TRY(find(request.space)).get().name;
    Command command = TRY(commands_.start(space, name, request.arguments,
                                          {received_[0].get(), received_[1].get(), received_[2].get()}));
    replied_.push_back(std::move(command.exit));
    return command.pid;
  }

  Result<Nothing> handle(const Stop&) {
    stopped_ = true;
    return nothing(undo());
  }

  Result<> undo() {
    commands_.end_all();
    if (auto undone = journal_.undo(); !undone) return std::unexpected(std::move(undone).error());
    return {};
  }

  static void report_undo(const Result<>& undone) {
    if (!undone) log::error("not everything could be removed: " + describe(undone.error()));
  }

  Fd socket_;
  pid_t engine_;
  Netlink scratch_;
  Journal journal_;
  CommandTable commands_;
  std::map<Nsid, KnownSpace> spaces_;
  std::vector<Fd> received_;  // with the present request
  std::vector<Fd> replied_;   // with the present reply
  std::uint32_t taps_made_ = 0;
  bool stopped_ = false;
};

// The engine's descriptors are none of the keeper's business, and Ctrl-C is for the engine: the keeper goes
// when the engine has gone.
void leave_the_engine_alone(int socket) {
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGPIPE}) ::signal(number, SIG_IGN);
  ::prctl(PR_SET_NAME, "netkit-keeper");
  if (socket > 3) ::close_range(3, static_cast<unsigned>(socket) - 1, 0);
  ::close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  const Fd nowhere(::open("/dev/null", O_RDWR));
  ::dup2(nowhere.get(), STDIN_FILENO);
  ::dup2(nowhere.get(), STDOUT_FILENO);
}

}  // namespace

void serve_as_keeper(Fd socket, pid_t engine, const KeeperOptions& options) {
  leave_the_engine_alone(socket.get());
  const int raw = socket.get();
  auto server = Server::make(std::move(socket), engine, options);
  Encoder ready;
  ready.put(server ? Error{} : server.error());
  if (!server) {
    static_cast<void>(send_datagram(raw, ready.bytes(), {}));
    ::_exit(1);
  }
  if (send_datagram(raw, ready.bytes(), {})) server->serve();
  ::_exit(0);
}

}  // namespace netkit::host
