// Kernel network namespaces: names under /run/netns as `ip netns` keeps them, identity, and work inside one.
// Nothing here keeps a namespace alive longer than the NetworkNamespace object that refers to it.
#pragma once

#include <sys/types.h>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace netkit::host {

inline constexpr std::string_view kNetnsDirectory = "/run/netns";

// What tells one namespace from another: device and inode of its file in nsfs (ioctl_ns(2)).
struct NamespaceIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  friend auto operator<=>(const NamespaceIdentity&, const NamespaceIdentity&) = default;
};

// An open reference to a network namespace. It keeps the namespace alive: hold it for one exchange, not
// longer.
class NetworkNamespace {
 public:
  // The calling thread's own.
  [[nodiscard]] static Result<NetworkNamespace> current();
  // /run/netns/NAME. ENOENT: no such name, or its namespace is not mounted.
  [[nodiscard]] static Result<NetworkNamespace> named(std::string_view name);
  [[nodiscard]] static Result<NetworkNamespace> of_process(pid_t pid);
  // Any file of nsfs: /proc/PID/ns/net, /proc/PID/fd/N, /run/netns/NAME. EINVAL: not a network namespace.
  [[nodiscard]] static Result<NetworkNamespace> at_path(const std::string& path);
  [[nodiscard]] static Result<NetworkNamespace> from_fd(Fd fd);
  // Which one a descriptor refers to. EINVAL: it is not of a network namespace.
  [[nodiscard]] static Result<NamespaceIdentity> identify(int fd);
  // A new one that has no name and goes with the last reference.
  [[nodiscard]] static Result<NetworkNamespace> make();

  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] const NamespaceIdentity& identity() const { return identity_; }

 private:
  NetworkNamespace(Fd fd, NamespaceIdentity identity) : fd_(std::move(fd)), identity_(identity) {}
  Fd fd_;
  NamespaceIdentity identity_;
};

// The calling thread is inside another network namespace for the object's life. Failure to come back ends the
// process: a thread in a wrong namespace must not go on.
class InsideNamespace {
 public:
  [[nodiscard]] static Result<InsideNamespace> enter(const NetworkNamespace& target);
  InsideNamespace(InsideNamespace&& other) noexcept : home_(std::move(other.home_)) {}
  InsideNamespace& operator=(InsideNamespace&&) = delete;
  ~InsideNamespace();

 private:
  explicit InsideNamespace(Fd home) : home_(std::move(home)) {}
  Fd home_;
};

// Runs `work`, which returns a Result, inside the namespace.
template <class Work>
[[nodiscard]] std::invoke_result_t<Work> in_namespace(const NetworkNamespace& target, Work work) {
  auto inside = InsideNamespace::enter(target);
  if (!inside) return std::unexpected(std::move(inside).error());
  return work();
}

// May `name` stand as a file name under /run/netns? EINVAL with the reason otherwise.
[[nodiscard]] Result<> check_namespace_name(std::string_view name);

// Makes the directory (0755, a shared mount of its own, so that names come and go in every mount namespace,
// as `ip netns add` does). Harmless when it is there.
[[nodiscard]] Result<> prepare_netns_directory();

// Making a named namespace in two steps, so that a journal can be written in between: the empty file under
// /run/netns first (EEXIST: the name is taken), then the mount of the namespace upon it.
[[nodiscard]] Result<> reserve_namespace_name(std::string_view name);
[[nodiscard]] Result<> mount_namespace(std::string_view name, const NetworkNamespace& space);

// Both steps; the namespace's loopback interface is down, as the kernel makes it.
[[nodiscard]] Result<NetworkNamespace> make_named_namespace(std::string_view name);

// Unmounts and unlinks. ENOENT: no such name.
[[nodiscard]] Result<> delete_named_namespace(std::string_view name);

// The names in /run/netns, sorted.
[[nodiscard]] std::vector<std::string> list_named_namespaces();

// The name in /run/netns under which a namespace is mounted, if it is.
[[nodiscard]] std::optional<std::string> name_of_namespace(const NamespaceIdentity& identity);

// A file by which a namespace can be opened at present: its name, where else it is mounted, or that of a
// process in it. Nothing: only descriptors keep it alive, or it is going.
[[nodiscard]] std::optional<std::string> find_path(const NamespaceIdentity& identity);

// "net:[4026531840]", as its file is called in /proc/PID/ns.
[[nodiscard]] std::string describe(const NamespaceIdentity& identity);

}  // namespace netkit::host
