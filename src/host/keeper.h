// The keeper: the small process in which all privilege lives, and the engine's handle to it.
//
// Theory of operation. Keeper::start forks before any thread exists. The child goes into a network namespace
// of its own (the scratch namespace), in which every TAP is opened, every namespace gets its id and the
// monitor listens; it serves a closed list of requests over a SOCK_SEQPACKET pair, one at a time, and hands
// descriptors over. The parent then drops its privileges. What the keeper makes it writes into its journal
// first. When the other end of the socket closes, because the engine ended, crashed or called stop(), the
// keeper undoes the journal and exits. If the keeper is killed, the lock on its journal falls, and the next
// start undoes it.
//
// Namespaces are known by their id in the scratch namespace (Nsid). Neither process keeps a namespace open:
// the keeper opens it by its path for one exchange and checks that it is still the same one (ESTALE
// otherwise).
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/namespaces.h"
#include "host/netlink.h"
#include "host/sandbox.h"

namespace netkit::host {

struct KeeperOptions {
  RunMode mode = RunMode::kLiveRoot;
  std::filesystem::path state_directory = {};  // journals; empty: state_directory()
};

// A namespace that the keeper knows.
struct Space {
  Nsid nsid = Nsid::kHere;
  NamespaceIdentity identity;
  // What it was called when it was made known, else its name under /run/netns, else "pid:N" after a process
  // in it; empty: none of these.
  std::string name = {};
};

struct TapRequest {
  Nsid space = Nsid::kHere;
  std::string name = {};
  std::uint32_t ifindex = 0;  // 0: the kernel chooses
  std::uint32_t queues = 1;
  std::optional<MacAddress> mac = std::nullopt;
  std::optional<std::uint32_t> mtu = std::nullopt;
  std::string alias = {};
  bool arp = true;  // off gives the flags of an L3 netkit
};

// An interface in its namespace, down and without carrier, and the descriptors that keep it alive.
struct Tap {
  LinkInfo link;
  std::vector<Fd> queues;
};

// Where an interface is at present.
struct Location {
  Space space;
  LinkInfo link;
};

// A command started in a namespace. `exit` becomes readable when it ended; see read_exit.
struct Command {
  pid_t pid = 0;
  Fd exit;
};

// One exchange at a time: not thread-safe. Every call waits for the keeper's answer.
class Keeper {
 public:
  // Undoes what dead keepers left (undo_stale_journals), then forks. To be called before any thread exists.
  [[nodiscard]] static Result<Keeper> start(const KeeperOptions& options);
  Keeper(Keeper&&) noexcept = default;
  Keeper& operator=(Keeper&&) noexcept = default;
  // As stop(); a failure is told as a warning.
  ~Keeper();

  // ---- namespaces ----
  // A new one under /run/netns; deleted by undo. EEXIST: the name is taken.
  [[nodiscard]] Result<Space> make_namespace(std::string_view name);
  // One that exists: /run/netns/NAME, /proc/PID/ns/net or /proc/PID/fd/N as seen by the keeper. `label` is
  // its name for `netkit netns exec`. It is left as it is by undo, except for what was made in it.
  [[nodiscard]] Result<Space> use_namespace(std::string_view label, std::string_view path);
  // The network namespace in which the keeper was started (`host: self`).
  [[nodiscard]] Result<Space> use_own_namespace(std::string_view label);
  // One that a descriptor of nsfs refers to, or in which a process lives now; nothing is held open. EINVAL:
  // no network namespace; ESRCH.
  [[nodiscard]] Result<Space> find_namespace(int descriptor);
  [[nodiscard]] Result<Space> find_namespace_of(pid_t process);
  // One that make_namespace made. ENOENT: it has gone already.
  [[nodiscard]] Result<> remove_namespace(Nsid space);

  // ---- interfaces ----
  // Opened in the scratch namespace, moved with name and number in one request. EEXIST: the name is taken in
  // the namespace; EBUSY: the number is.
  [[nodiscard]] Result<Tap> make_tap(const TapRequest& request);
  [[nodiscard]] Result<> make_veth(Nsid space, std::string_view name, Nsid peer_space,
                                   std::string_view peer_name);
  [[nodiscard]] Result<> change_link(Nsid space, std::uint32_t ifindex, const LinkChange& change);
  [[nodiscard]] Result<> move_link(Nsid space, std::uint32_t ifindex, Nsid target, const LinkChange& change);
  [[nodiscard]] Result<> delete_link(Nsid space, std::uint32_t ifindex);
  [[nodiscard]] Result<LinkInfo> link(Nsid space, std::uint32_t ifindex);
  [[nodiscard]] Result<LinkInfo> link(Nsid space, std::string_view name);
  [[nodiscard]] Result<std::vector<LinkInfo>> links(Nsid space);
  // Where the interface of a TAP's descriptor is now, e.g. after somebody moved it to a namespace that was
  // not known yet. EBADFD: it has gone, or is going with its namespace.
  [[nodiscard]] Result<Location> locate(int tap_queue);
  // The interface of a TAP's descriptor, wherever it is: no path to its namespace is needed. What it is
  // afterwards is the answer. EBADFD as above.
  [[nodiscard]] Result<Location> change_tap(int tap_queue, const LinkChange& change);
  [[nodiscard]] Result<Location> move_tap(int tap_queue, Nsid target, std::string_view name);
  [[nodiscard]] Result<> delete_tap(int tap_queue);
  [[nodiscard]] Result<> add_address(Nsid space, std::uint32_t ifindex, const IpPrefix& address);
  [[nodiscard]] Result<> add_route(Nsid space, const Route& route);
  [[nodiscard]] Result<> add_neighbour(Nsid space, const Neighbour& neighbour);
  // A value below /proc/sys/net, e.g. ("ipv6/conf/eth0/disable_ipv6", "1"). Only in a namespace that the
  // keeper made (EPERM otherwise).
  [[nodiscard]] Result<> set_sysctl(Nsid space, std::string_view key, std::string_view value);

  // ---- the rest ----
  // The socket for a LinkMonitor; its Nsids are those of this keeper.
  [[nodiscard]] Result<Fd> open_monitor();
  // Starts a command in the namespace, with the keeper's privilege and these descriptors as its standard
  // input, output and error. It is killed when the keeper ends.
  [[nodiscard]] Result<Command> run(Nsid space, const std::vector<std::string>& arguments,
                                    std::array<int, 3> stdio);

  // Becomes readable (hang-up) when the keeper has died.
  [[nodiscard]] int poll_fd() const { return socket_.get(); }
  [[nodiscard]] pid_t pid() const { return pid_; }
  // Has everything undone and waits for the keeper's end. What could not be undone is the error's details.
  [[nodiscard]] Result<> stop();

 private:
  Keeper(Fd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}
  template <class Request>
  [[nodiscard]] Result<typename Request::Reply> call(const Request& request, std::vector<int> send_fds = {},
                                                     std::vector<Fd>* received_fds = nullptr);
  Fd socket_;
  pid_t pid_ = 0;
};

// The wait status (waitpid(2)) of a command that ended, or EAGAIN while it runs.
[[nodiscard]] Result<int> read_exit(const Command& command);

// Undoes the journals whose keeper is dead; lines for people about what was removed.
[[nodiscard]] Result<std::vector<std::string>> undo_stale_journals(const std::filesystem::path& directory);

}  // namespace netkit::host
