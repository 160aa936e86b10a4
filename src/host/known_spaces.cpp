#include "host/known_spaces.h"

#include <filesystem>
#include <utility>

namespace netkit::host {
namespace {

constexpr std::string_view kProcesses = "/proc/";

// By its name in /run/netns, else by the first process in it, if there is one.
KnownSpace foreign(const NamespaceIdentity& identity) {
  std::string path = find_path(identity).value_or("");
  const std::filesystem::path parsed = path;
  std::string name;
  if (parsed.parent_path() == kNetnsDirectory) name = parsed.filename();
  if (path.starts_with(kProcesses))
    name = "pid:" + path.substr(kProcesses.size(), path.find('/', kProcesses.size()) - kProcesses.size());
  return {std::move(name), std::move(path), identity, false};
}

}  // namespace

Result<Space> KnownSpaces::add(const NetworkNamespace& space, KnownSpace entry) {
  const Nsid nsid = TRY(scratch_->assign_nsid(space.fd()));
  const auto known = entries_.find(nsid);
  // One of our own stays ours when it is named a second time.
  if (known != entries_.end() && known->second.identity == entry.identity) entry.made |= known->second.made;
  std::string name = entry.name;
  entries_.insert_or_assign(nsid, std::move(entry));
  return Space{nsid, space.identity(), std::move(name)};
}

Result<Space> KnownSpaces::add_foreign(const NetworkNamespace& space) {
  const Nsid nsid = TRY(scratch_->assign_nsid(space.fd()));
  const auto known = entries_.find(nsid);
  if (known != entries_.end() && known->second.identity == space.identity())
    return Space{nsid, space.identity(), known->second.name};
  return add(space, foreign(space.identity()));
}

Result<KnownSpace> KnownSpaces::find(Nsid nsid) const {
  const auto entry = entries_.find(nsid);
  if (entry == entries_.end()) return fail(ENOENT, "no such network namespace is known to the keeper");
  return entry->second;
}

Result<NetworkNamespace> KnownSpaces::open(Nsid nsid) const {
  const KnownSpace known = TRY(find(nsid));
  auto space = NetworkNamespace::at_path(known.path);
  if (space && space->identity() == known.identity) return space;
  if (const auto path = find_path(known.identity)) return NetworkNamespace::at_path(*path);
  if (space) {
    return fail(ESTALE,
                "network namespace '" + known.name + "' has gone; " + known.path + " is another one now");
  }
  return fail(ENOENT, "network namespace " + describe(known.identity) +
                          " has no name, no mount and no process by which it could be entered");
}

}  // namespace netkit::host
