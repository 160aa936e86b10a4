// What all connections share: the engine, and the rule of which namespace is whose.
//
// A client's own namespace is the mirror of the kernel namespace in which it lives. An engine that lives in
// its process alone has no mirrors: there one in-process namespace stands for the kernel namespace in which
// the engine was started, and clients that live elsewhere have none. An engine that went into a sandbox of
// its own is at home there; whoever lives where it was started is at home with it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "control/client.h"
#include "control/system.h"

namespace netkit::rpc {

inline constexpr std::uint32_t kProtocolVersion = 1;

// The in-process namespace of clients that live where the engine does.
inline constexpr std::string_view kHostNamespace = "host";

class Service {
 public:
  // `how` is told to clients: "live (root)". The system must outlive this. Finds, or makes, the engine's own
  // namespace.
  [[nodiscard]] static Result<Service> make(control::System& system, std::string how);

  [[nodiscard]] control::System& system() const { return *system_; }
  [[nodiscard]] const std::string& how() const { return how_; }
  [[nodiscard]] bool live() const { return system_->kernel != nullptr; }
  // That of the engine: its clients may also name namespaces that the engine knows by name.
  [[nodiscard]] const device::NamespaceRef& own_netns() const { return own_; }

  // The namespace for a descriptor of nsfs. EINVAL: it is something else; EOPNOTSUPP: a kernel namespace that
  // an in-process engine cannot serve.
  [[nodiscard]] Result<device::NamespaceRef> netns_of_descriptor(int descriptor) const;
  // That of a process. ESRCH, EACCES, EOPNOTSUPP.
  [[nodiscard]] Result<device::NamespaceRef> netns_of_process(pid_t process) const;
  // Uid 0 and the engine's owner have every capability.
  [[nodiscard]] control::Credentials credentials_of(std::uint32_t uid) const;

 private:
  // Device and inode of a namespace's file.
  struct Identity {
    std::uint64_t device = 0, inode = 0;
    friend bool operator==(const Identity&, const Identity&) = default;
  };
  [[nodiscard]] static Result<Identity> identify(int descriptor);
  Service(control::System& system, std::string how, device::NamespaceRef own, Identity process)
      : system_(&system), how_(std::move(how)), own_(std::move(own)), process_(process) {}

  control::System* system_;
  std::string how_;
  device::NamespaceRef own_;
  Identity process_;  // where this process lives
};

}  // namespace netkit::rpc
