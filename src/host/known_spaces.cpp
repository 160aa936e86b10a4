#include "host/known_spaces.h"

#include <utility>

namespace netkit::host {
namespace {

KnownSpace foreign(const NamespaceIdentity& identity) {
  for (const std::string& name : list_named_namespaces()) {
    const auto space = NetworkNamespace::named(name);
    if (space && space->identity() == identity) {
      return {name, std::string(kNetnsDirectory) + "/" + name, identity, false};
    }
  }
  return {"(without a name)", {}, identity, false};
}

}  // namespace

Result<Space> KnownSpaces::add(const NetworkNamespace& space, KnownSpace entry) {
  const Nsid nsid = TRY(scratch_->assign_nsid(space.fd()));
  const auto known = entries_.find(nsid);
  // One of our own stays ours when it is named a second time.
  if (known != entries_.end() && known->second.identity == entry.identity) entry.made |= known->second.made;
  entries_.insert_or_assign(nsid, std::move(entry));
  return Space{nsid, space.identity()};
}

Result<Space> KnownSpaces::add_foreign(const NetworkNamespace& space) {
  const Nsid nsid = TRY(scratch_->assign_nsid(space.fd()));
  const auto known = entries_.find(nsid);
  if (known != entries_.end() && known->second.identity == space.identity())
    return Space{nsid, space.identity()};
  return add(space, foreign(space.identity()));
}

Result<KnownSpace> KnownSpaces::find(Nsid nsid) const {
  const auto entry = entries_.find(nsid);
  if (entry == entries_.end()) return fail(ENOENT, "no such network namespace is known to the keeper");
  return entry->second;
}

Result<NetworkNamespace> KnownSpaces::open(Nsid nsid) const {
  const KnownSpace known = TRY(find(nsid));
  if (known.path.empty()) return fail(ENOENT, "a network namespace without a name cannot be opened");
  NetworkNamespace space = TRY(NetworkNamespace::at_path(known.path));
  if (space.identity() != known.identity) {
    return fail(ESTALE,
                "network namespace '" + known.name + "' has gone; " + known.path + " is another one now");
  }
  return space;
}

}  // namespace netkit::host
