// A BPF link at a netkit or tcx attach point: the owner of one entry of a program list.
//
// A link holds its program, not its device. It lives while somebody has a LinkRef (a handle, a pin); when the
// last one goes, the entry is taken out of the list. When the device goes first, the link stays and is
// defunct.
#pragma once

#include <cstdint>
#include <memory>

#include "bpf/run/program.h"
#include "device/mprog.h"

namespace netkit::device {

// BPF_LINK_TYPE_*
enum class LinkType : std::uint32_t { kTcx = 11, kNetkit = 13 };

class Link;
// Dropping the last one takes the configuration lock: never do that while holding it.
using LinkRef = std::shared_ptr<Link>;

// A list, and the device whose packets run through it.
struct AttachPoint {
  Device* device = nullptr;
  ProgramList* list = nullptr;
  bpf::AttachType type = bpf::AttachType::kNone;
};

class Link {
 public:
  // BPF_LINK_CREATE: puts request.program into the list, owned by the new link. Errors of
  // ProgramList::attach, but kReplace can never name anything: ENOENT.
  [[nodiscard]] static Result<LinkRef> create(const Rtnl& rtnl, Network& network, const AttachPoint& point,
                                              ListRequest request);

  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] LinkType type() const;
  [[nodiscard]] bpf::AttachType attach_type() const { return point_.type; }
  [[nodiscard]] const bpf::ProgramRef& program(const Rtnl&) const { return program_; }
  // The device whose list it is in; null once defunct.
  [[nodiscard]] Device* device(const Rtnl&) const { return point_.device; }

  // BPF_LINK_UPDATE. ENOLINK: defunct; EPERM: `expected` is given and is not the present program; EEXIST;
  // EINVAL: another program type.
  Result<> update(const Rtnl& rtnl, bpf::ProgramRef program, const bpf::Program* expected);
  // BPF_LINK_DETACH, also of a link that is defunct already.
  void detach(const Rtnl& rtnl);

 private:
  friend class ProgramList;
  Link(Network& network, AttachPoint point, bpf::ProgramRef program);
  void orphan() { point_.device = nullptr, point_.list = nullptr; }

  Network* network_;
  std::uint32_t id_;
  AttachPoint point_;
  bpf::ProgramRef program_;
};

// Links by id, for as long as they live.
class LinkTable {
 public:
  static LinkTable& instance();
  // Null: no such link.
  [[nodiscard]] LinkRef find(std::uint32_t id) const;
  // Ids in rising order.
  [[nodiscard]] std::vector<std::uint32_t> ids() const;

 private:
  friend class Link;
  LinkTable();
  ~LinkTable();
  std::uint32_t reserve();
  void insert(const LinkRef& link);
  void erase(std::uint32_t id);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace netkit::device
