// Whoever asks for something: its network namespace, what it may do, and its open descriptors. The engine
// stands for the kernel, a client for a task.
#pragma once

#include <map>
#include <memory>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/map/perf_ring.h"
#include "bpf/run/program.h"
#include "control/system.h"
#include "device/link.h"
#include "device/network.h"

namespace netkit::control {

// Who a client is, and what follows from it: uid 0 and the engine's owner have every capability in every
// namespace, others none.
struct Credentials {
  std::uint32_t uid = 0;
  bool privileged = true;
  std::uint32_t gid = 0;
};

// What may be done through a map's descriptor (FMODE_CAN_READ, FMODE_CAN_WRITE).
struct MapAccess {
  bool read = true;
  bool write = true;
};

// An open map, held by a reference of user space.
struct MapHandle {
  MapHandle(const bpf::MapRef& object, MapAccess allowed = {})
      : map(bpf::user_reference(object)), access(allowed) {}

  bpf::MapRef map;
  MapAccess access;
};

// BPF_ENABLE_STATS: runs of programs are timed while somebody holds it.
using StatsRef = std::shared_ptr<const bpf::ProgramTiming>;

// A perf ring, which an array of them may hold, too.
using PerfRingRef = std::shared_ptr<bpf::PerfRing>;

// An open file that is none of ours.
struct OtherFile {};

// What a descriptor may stand for.
using Handle = std::variant<bpf::ProgramRef, device::LinkRef, MapHandle, device::NamespaceRef, StatsRef,
                            PerfRingRef, OtherFile>;

// For one thread at a time; different clients of a system are used by different threads at once. What a
// client shares with others (objects, tables of ids, pins, devices) locks for itself.
//
// A handle is an open file: every copy of it, in whatever client, refers to the same one, and what it stands
// for is let go of with the last copy.
class Client {
 public:
  // Its descriptors 0, 1 and 2 are open files that are none of ours. The system outlives the client.
  Client(System& system, device::NamespaceRef netns, Credentials credentials = {});

  [[nodiscard]] System& system() const { return *system_; }
  [[nodiscard]] device::Network& network() const { return system_->network; }
  [[nodiscard]] const device::NamespaceRef& netns() const { return netns_; }
  // setns(2): later requests are made in that namespace.
  void enter(device::NamespaceRef netns) { netns_ = std::move(netns); }
  // setresuid(2): later requests are made by that user, through the same descriptors.
  void become(const Credentials& credentials) { credentials_ = credentials; }
  [[nodiscard]] bool privileged() const { return credentials_.privileged; }
  [[nodiscard]] std::uint32_t uid() const { return credentials_.uid; }
  [[nodiscard]] const Credentials& credentials() const { return credentials_; }

  // The lowest free descriptor. Never call close or this while holding the configuration lock: what
  // a descriptor held may be released by them.
  int open(Handle handle);
  // EBADF
  Result<> close(int fd);
  // dup(2): another descriptor for the same open file. EBADF
  Result<int> duplicate(int fd);
  // Passes an open file to another client, as SCM_RIGHTS does; returns the other's descriptor. EBADF
  Result<int> pass(int fd, Client& to) const;
  // The handle, or null when the descriptor is not open.
  [[nodiscard]] const Handle* find(int fd) const;
  // What the descriptor holds. EBADF: not open; EINVAL: it is something else.
  template <class T>
  [[nodiscard]] Result<T> get(int fd) const {
    const Handle* const handle = find(fd);
    if (handle == nullptr) return fail(EBADF);
    const T* const object = std::get_if<T>(handle);
    if (object == nullptr) return fail(EINVAL);
    return *object;
  }

 private:
  System* system_;
  device::NamespaceRef netns_;
  Credentials credentials_;
  std::map<int, Handle> handles_;
};

}  // namespace netkit::control
