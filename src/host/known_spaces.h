// The network namespaces that a keeper knows, by their id in its own. None is held open: each is opened by
// its path for one exchange, and found to be still the same. Where no path leads to it (any more), another
// one is looked for: a name, a mount, a process that lives in it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <type_traits>

#include "base/result.h"
#include "host/keeper.h"
#include "host/namespaces.h"
#include "host/netlink.h"

namespace netkit::host {

struct KnownSpace {
  std::string name;  // empty: it has none
  std::string path;  // empty: none is known yet
  NamespaceIdentity identity;
  bool made = false;  // by this keeper
};

class KnownSpaces {
 public:
  // `scratch` speaks for the namespace in which the ids are given, and outlives this.
  explicit KnownSpaces(Netlink& scratch) : scratch_(&scratch) {}

  // Gives it an id, if it has none yet. The kernel gives ids of namespaces that have gone to new ones: an old
  // entry of that id is then replaced.
  [[nodiscard]] Result<Space> add(const NetworkNamespace& space, KnownSpace entry);
  // The same for one that somebody else made and that may be known already; its name is looked for.
  [[nodiscard]] Result<Space> add_foreign(const NetworkNamespace& space);
  void forget(Nsid nsid) { entries_.erase(nsid); }

  // ENOENT: not known.
  [[nodiscard]] Result<KnownSpace> find(Nsid nsid) const;
  // ENOENT: nothing leads to it; ESTALE: its path leads to another namespace now.
  [[nodiscard]] Result<NetworkNamespace> open(Nsid nsid) const;

  // Runs `work` with an rtnetlink socket that is opened inside and closed right after.
  template <class Work>
  auto inside(Nsid nsid, Work work) const -> std::invoke_result_t<Work, Netlink&> {
    const NetworkNamespace space = TRY(open(nsid));
    return in_namespace(space, [&]() -> std::invoke_result_t<Work, Netlink&> {
      Netlink netlink = TRY(Netlink::open());
      return work(netlink);
    });
  }

 private:
  Netlink* scratch_;
  std::map<Nsid, KnownSpace> entries_;
};

}  // namespace netkit::host
