#include "control/netns.h"

#include <string>

#include "device/namespace.h"

namespace netkit::control {
namespace {

// As for a file in /run/netns.
Result<> check_name(std::string_view name) {
  constexpr std::size_t kLongest = 255;  // NAME_MAX
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string_view::npos) {
    return fail(EINVAL, "'" + std::string(name) + "' is no name for a namespace");
  }
  if (name.size() > kLongest) return fail(ENAMETOOLONG);
  return {};
}

}  // namespace

Result<device::NamespaceRef> add_namespace(Client& client, std::string_view name, Home home) {
  if (!client.privileged()) return fail(EPERM);
  TRY(check_name(name));
  if (home == Home::kProcess) {
    const device::Rtnl rtnl = client.network().lock();
    return client.network().add_namespace(rtnl, std::string(name));
  }
  if (client.system().kernel == nullptr)
    return fail(EOPNOTSUPP, "this engine has namespaces in its process only");
  return client.system().kernel->make(name);
}

Result<> remove_namespace(Client& client, const device::NamespaceRef& netns) {
  if (!client.privileged()) return fail(EPERM);
  if (netns == client.netns()) return fail(EBUSY, "it is the client's own namespace");
  if (netns->mirrored() && client.system().kernel != nullptr) return client.system().kernel->remove(*netns);
  const device::Rtnl rtnl = client.network().lock();
  if (client.network().find_namespace(rtnl, netns->name()) != netns) return fail(ENOENT);
  client.network().remove_namespace(rtnl, *netns);
  return {};
}

std::vector<device::NamespaceRef> list_namespaces(Client& client) {
  const device::Rtnl rtnl = client.network().lock();
  return client.network().namespaces(rtnl);
}

}  // namespace netkit::control
