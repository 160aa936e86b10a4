#include "host/keeper.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <iterator>

#include "base/log.h"
#include "host/journal.h"
#include "host/keeper_protocol.h"
#include "host/keeper_server.h"
#include "host/stale_sockets.h"

namespace netkit::host {
namespace {

template <class Request, std::size_t Index = 0>
constexpr std::uint16_t number_of() {
  if constexpr (std::is_same_v<Request, std::variant_alternative_t<Index, KeeperRequest>>) {
    return Index;
  } else {
    return number_of<Request, Index + 1>();
  }
}

Failure keeper_died() {
  return fail(EPIPE, "the keeper process has died; what it made is removed at the next start");
}

Result<> ok(Result<Nothing> result) {
  if (!result) return std::unexpected(std::move(result).error());
  return {};
}

// Reads a reply's error part; success leaves the decoder at the answer.
Result<> check_reply(Decoder& decoder) {
  Error error;
  if (!decoder.get(error)) return fail(EBADMSG, "the keeper's reply is truncated");
  if (error.code != 0) return std::unexpected(std::move(error));
  return {};
}

Result<> wait_until_ready(int socket) {
  const Datagram ready = TRY(receive_datagram(socket));
  if (ready.bytes.empty()) return keeper_died();
  Decoder decoder(ready.bytes);
  return check_reply(decoder);
}

}  // namespace

Result<Keeper> Keeper::start(const KeeperOptions& options) {
  KeeperOptions complete = options;
  if (complete.state_directory.empty()) complete.state_directory = TRY(netkit::host::state_directory());
  TRY(undo_stale_journals(complete.state_directory));
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return fail_errno("making a socket pair");
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  const pid_t engine = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail_errno("starting the keeper");
  if (pid == 0) {
    ours.reset();
    serve_as_keeper(std::move(theirs), engine, complete);
  }
  theirs.reset();
  Keeper keeper(std::move(ours), pid);
  TRY(wait_until_ready(keeper.socket_.get()));
  return keeper;
}

Keeper::~Keeper() {
  if (!socket_) return;
  if (auto undone = stop(); !undone)
    log::warning("the keeper could not remove everything: " + describe(undone.error()));
}

template <class Request>
Result<typename Request::Reply> Keeper::call(const Request& request, std::vector<int> send_fds,
                                             std::vector<Fd>* received_fds) {
  Encoder encoder;
  encoder.put(number_of<Request>());
  encoder.put(request);
  if (!socket_) return keeper_died();
  if (auto sent = send_datagram(socket_.get(), encoder.bytes(), send_fds); !sent) {
    if (sent.error().code == EPIPE || sent.error().code == ECONNRESET) return keeper_died();
    return std::unexpected(std::move(sent).error());
  }
  auto reply = receive_datagram(socket_.get());
  if (!reply || reply->bytes.empty()) return keeper_died();
  Decoder decoder(reply->bytes);
  TRY(check_reply(decoder));
  typename Request::Reply answer{};
  if (!decoder.get(answer)) return fail(EBADMSG, "the keeper's reply is truncated");
  if (received_fds != nullptr) *received_fds = std::move(reply->fds);
  return answer;
}

Result<Space> Keeper::make_namespace(std::string_view name) {
  return call(MakeNamespace{std::string(name)});
}

Result<Space> Keeper::use_namespace(std::string_view label, std::string_view path) {
  return call(UseNamespace{std::string(label), std::string(path)});
}

Result<Space> Keeper::use_own_namespace(std::string_view label) {
  return call(UseOwnNamespace{std::string(label)});
}

Result<Space> Keeper::find_namespace(int descriptor) {
  return call(FindNamespace{}, {descriptor});
}

Result<Space> Keeper::find_namespace_of(pid_t process) {
  return call(FindNamespaceOfProcess{process});
}

Result<> Keeper::remove_namespace(Nsid space) {
  return ok(call(RemoveNamespace{space}));
}

Result<Tap> Keeper::make_tap(const TapRequest& request) {
  Tap tap;
  tap.link = TRY(call(MakeTap{request}, {}, &tap.queues));
  return tap;
}

Result<> Keeper::make_veth(Nsid space, std::string_view name, Nsid peer_space, std::string_view peer_name) {
  return ok(call(MakeVeth{space, std::string(name), peer_space, std::string(peer_name)}));
}

Result<> Keeper::change_link(Nsid space, std::uint32_t ifindex, const LinkChange& change) {
  return ok(call(ChangeLink{space, ifindex, change}));
}

Result<> Keeper::move_link(Nsid space, std::uint32_t ifindex, Nsid target, const LinkChange& change) {
  return ok(call(MoveLink{space, ifindex, target, change}));
}

Result<> Keeper::delete_link(Nsid space, std::uint32_t ifindex) {
  return ok(call(DeleteLink{space, ifindex}));
}

Result<LinkInfo> Keeper::link(Nsid space, std::uint32_t ifindex) {
  return call(LinkByIndex{space, ifindex});
}

Result<LinkInfo> Keeper::link(Nsid space, std::string_view name) {
  return call(LinkByName{space, std::string(name)});
}

Result<std::vector<LinkInfo>> Keeper::links(Nsid space) {
  std::vector<LinkInfo> all;
  for (;;) {
    auto more = TRY(call(LinksAfter{space, all.empty() ? 0 : all.back().ifindex}));
    if (more.empty()) return all;
    std::move(more.begin(), more.end(), std::back_inserter(all));
  }
}

Result<Location> Keeper::locate(int tap_queue) {
  return call(LocateTap{}, {tap_queue});
}

Result<Location> Keeper::change_tap(int tap_queue, const LinkChange& change) {
  return call(ChangeTap{change}, {tap_queue});
}

Result<Location> Keeper::move_tap(int tap_queue, Nsid target, std::string_view name) {
  return call(MoveTap{target, std::string(name)}, {tap_queue});
}

Result<> Keeper::delete_tap(int tap_queue) {
  return ok(call(DeleteTap{}, {tap_queue}));
}

Result<> Keeper::add_address(Nsid space, std::uint32_t ifindex, const IpPrefix& address) {
  return ok(call(AddAddress{space, ifindex, address}));
}

Result<> Keeper::add_route(Nsid space, const Route& route) {
  return ok(call(AddRoute{space, route}));
}

Result<> Keeper::add_neighbour(Nsid space, const Neighbour& neighbour) {
  return ok(call(AddNeighbour{space, neighbour}));
}

Result<> Keeper::set_sysctl(Nsid space, std::string_view key, std::string_view value) {
  return ok(call(SetSysctl{space, std::string(key), std::string(value)}));
}

Result<Fd> Keeper::open_monitor() {
  std::vector<Fd> fds;
  TRY(call(OpenMonitor{}, {}, &fds));
  if (fds.size() != 1) return fail(EBADMSG, "the keeper sent no monitor socket");
  return std::move(fds.front());
}

Result<Command> Keeper::run(Nsid space, const std::vector<std::string>& arguments, std::array<int, 3> stdio) {
  std::vector<Fd> fds;
  const pid_t pid = TRY(call(RunCommand{space, arguments}, {stdio.begin(), stdio.end()}, &fds));
  if (fds.size() != 1) return fail(EBADMSG, "the keeper sent no descriptor for the command's end");
  return Command{pid, std::move(fds.front())};
}

Result<> Keeper::stop() {
  Result<> undone = ok(call(Stop{}));
  socket_.reset();
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  return undone;
}

Result<int> read_exit(const Command& command) {
  pollfd ready{command.exit.get(), POLLIN, 0};
  if (::poll(&ready, 1, 0) == 0) return fail(EAGAIN, "the command is still running");
  int status = 0;
  if (::read(command.exit.get(), &status, sizeof status) != sizeof status) return keeper_died();
  return status;
}

Result<std::vector<std::string>> undo_stale_journals(const std::filesystem::path& directory) {
  std::vector<std::string> removed;
  for (const auto& path : list_journals(directory)) {
    auto journal = Journal::adopt(path);
    if (!journal) continue;  // its keeper lives, or somebody else is at it
    auto lines = TRY(journal->undo());
    std::move(lines.begin(), lines.end(), std::back_inserter(removed));
  }
  auto sockets = remove_stale_sockets(directory);
  std::move(sockets.begin(), sockets.end(), std::back_inserter(removed));
  return removed;
}

}  // namespace netkit::host
