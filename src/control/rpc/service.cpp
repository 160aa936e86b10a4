#include "control/rpc/service.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/fd.h"

namespace netkit::rpc {
namespace {

constexpr long kNsfsMagic = 0x6e736673;  // NSFS_MAGIC

Result<Fd> open_netns(const std::string& path) {
  Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(path);
  return file;
}

Result<device::NamespaceRef> find_own(control::System& system) {
  if (system.kernel != nullptr) return system.kernel->own();
  const device::Rtnl rtnl = system.network.lock();
  if (device::NamespaceRef host = system.network.find_namespace(rtnl, kHostNamespace)) return host;
  return system.network.add_namespace(rtnl, std::string(kHostNamespace));
}

}  // namespace

Result<Service::Identity> Service::identify(int descriptor) {
  struct statfs system{};
  struct stat file{};
  if (::fstatfs(descriptor, &system) != 0 || ::fstat(descriptor, &file) != 0) return fail_errno("descriptor");
  if (system.f_type != kNsfsMagic) return fail(EINVAL, "the descriptor is not one of a network namespace");
  return Identity{file.st_dev, file.st_ino};
}

Result<Service> Service::make(control::System& system, std::string how) {
  const Fd process = TRY(open_netns("/proc/self/ns/net"));
  return Service(system, std::move(how), TRY(find_own(system)), TRY(identify(process.get())));
}

Result<device::NamespaceRef> Service::netns_of_descriptor(int descriptor) const {
  if (live()) return system_->kernel->of_descriptor(descriptor);
  if (TRY(identify(descriptor)) == process_) return own_;
  return fail(EOPNOTSUPP, "this engine lives in its process only: it has no part in that namespace");
}

Result<device::NamespaceRef> Service::netns_of_process(pid_t process) const {
  if (live()) return system_->kernel->of_process(process);
  const Fd netns = TRY(open_netns("/proc/" + std::to_string(process) + "/ns/net"));
  return netns_of_descriptor(netns.get());
}

control::Credentials Service::credentials_of(std::uint32_t uid) const {
  return {.uid = uid, .privileged = uid == 0 || uid == ::geteuid()};
}

}  // namespace netkit::rpc
