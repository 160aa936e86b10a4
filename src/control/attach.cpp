#include "control/attach.h"

#include <algorithm>

#include "bpf/map/tables.h"
#include "device/device.h"
#include "device/namespace.h"
#include "device/netkit.h"

namespace netkit::control {
namespace {

using bpf::AttachType;
using bpf::ProgramRef;
using device::AttachPoint;
using device::LinkRef;
using device::Rtnl;

constexpr std::uint32_t kQueryEffective =
    1;  // BPF_F_QUERY_EFFECTIVE: known, yet refused by these attach points

bool is_device_attach_type(std::uint32_t type) {
  switch (static_cast<AttachType>(type)) {
    case AttachType::kTcxIngress:
    case AttachType::kTcxEgress:
    case AttachType::kNetkitPrimary:
    case AttachType::kNetkitPeer:
      return true;
    default:
      return false;
  }
}

// bpf_prog_get_type of a program for these attach points.
Result<ProgramRef> classifier(const Client& client, std::int32_t fd) {
  ProgramRef program = TRY(client.get<ProgramRef>(fd));
  if (program->type != bpf::ProgramType::kSchedCls) return fail(EINVAL);
  return program;
}

// BPF_PROG_ATTACH at other points. One that the kernel knows and does not serve this way (XDP) lets a request
// that is well formed come as far as its descriptor.
Failure refuse_attach_type(const Client& client, const AttachRequest& request) {
  constexpr std::uint32_t kBaseFlags = 1U | 2U | device::kReplace | 64U;  // BPF_F_ATTACH_MASK_BASE
  const bool well_formed = request.attach_type == static_cast<std::uint32_t>(AttachType::kXdp) &&
                           (request.flags & ~kBaseFlags) == 0 && request.relative == 0 &&
                           request.expected_revision == 0;
  return fail(well_formed && client.find(request.prog_fd) == nullptr ? EBADF : EINVAL);
}

// netkit_dev_fetch: the lists are reached through the primary alone.
Result<AttachPoint> netkit_point(device::Netkit& netkit, AttachType type) {
  if (netkit.role() == device::Netkit::Role::kPeer) return fail(EACCES);
  if (netkit.pairing() == device::NetkitPairing::kSingle) return fail(EOPNOTSUPP);
  if (type == AttachType::kNetkitPrimary) return AttachPoint{&netkit, &netkit.programs, type};
  device::Netkit* const peer = netkit.other();
  if (peer == nullptr) return fail(ENODEV);
  return AttachPoint{peer, &peer->programs, type};
}

// The device stage of every request (spec section 2).
Result<AttachPoint> find_point(const Client& client, const Rtnl& rtnl, std::uint32_t ifindex,
                               std::uint32_t attach_type) {
  const device::DeviceRef device = client.netns()->find(rtnl, ifindex);
  if (device == nullptr) return fail(ENODEV);
  const auto type = static_cast<AttachType>(attach_type);
  if (type == AttachType::kTcxIngress) return AttachPoint{device.get(), &device->tcx_ingress, type};
  if (type == AttachType::kTcxEgress) return AttachPoint{device.get(), &device->tcx_egress, type};
  if (device->kind() != device::DeviceKind::kNetkit) return fail(ENXIO);
  return netkit_point(static_cast<device::Netkit&>(*device), type);
}

// What a position is relative to, and the reference that keeps it for the time of the request.
struct Relative {
  ProgramRef program;
  LinkRef link;
  Result<device::Anchor> anchor = device::Anchor{};
};

Result<ProgramRef> relative_program(const Client& client, std::uint32_t flags, std::uint32_t reference) {
  if ((flags & device::kId) == 0) return client.get<ProgramRef>(static_cast<int>(reference));
  ProgramRef program = bpf::ProgramTable::instance().find(reference);
  if (program == nullptr) return fail(ENOENT);
  return program;
}

Result<LinkRef> relative_link(const Client& client, std::uint32_t flags, std::uint32_t reference) {
  if ((flags & device::kId) == 0) {
    if (reference == 0) return fail(EINVAL);
    return client.get<LinkRef>(static_cast<int>(reference));
  }
  LinkRef link = device::LinkTable::instance().find(reference);
  if (link == nullptr) return fail(ENOENT);
  return link;
}

// bpf_mprog_tuple_relative. Looked up before the lock is taken; an error is told when its turn has come.
// `beside`: the program that the position is for, whose type the reference must have; null: any.
Relative resolve(const Client& client, std::uint32_t flags, std::uint32_t reference,
                 const bpf::Program* beside) {
  Relative relative;
  if ((flags & device::kLink) != 0) {
    Result<LinkRef> link = relative_link(client, flags, reference);
    if (!link) {
      relative.anchor = std::unexpected(link.error());
    } else {
      relative.link = *std::move(link);
      relative.anchor = relative.link.get();
    }
  } else if (reference != 0 || (flags & device::kId) != 0) {
    Result<ProgramRef> program = relative_program(client, flags, reference);
    if (program && beside != nullptr && (*program)->type != beside->type) program = fail(EINVAL);
    if (!program) {
      relative.anchor = std::unexpected(program.error());
    } else {
      relative.program = *std::move(program);
      relative.anchor = relative.program.get();
    }
  }
  return relative;
}

}  // namespace

Result<> attach_program(Client& client, const AttachRequest& request) {
  if (!is_device_attach_type(request.attach_type)) return refuse_attach_type(client, request);
  if ((request.flags & ~device::kAttachFlags) != 0) return fail(EINVAL);
  const ProgramRef program = TRY(classifier(client, request.prog_fd));
  const bool replaces = (request.flags & device::kReplace) != 0;
  const Result<ProgramRef> replaced = replaces ? classifier(client, request.replace_fd) : ProgramRef{};
  const Relative relative = resolve(client, request.flags, request.relative, program.get());
  const Rtnl rtnl = client.network().lock();
  const AttachPoint point = TRY(find_point(client, rtnl, request.target_ifindex, request.attach_type));
  if (!replaced) return std::unexpected(replaced.error());
  return point.list->attach(rtnl, {.program = program,
                                   .replaced = replaced->get(),
                                   .flags = request.flags,
                                   .anchor = relative.anchor,
                                   .expected_revision = request.expected_revision});
}

Result<> detach_program(Client& client, const AttachRequest& request) {
  if (!is_device_attach_type(request.attach_type)) return fail(EINVAL);
  if ((request.flags & ~device::kAttachFlags) != 0) return fail(EINVAL);
  ProgramRef program;
  if (request.prog_fd != 0) {
    program = TRY(classifier(client, request.prog_fd));
  } else if (!client.privileged()) {
    return fail(EPERM);
  }
  const Relative relative = resolve(client, request.flags, request.relative, program.get());
  const Rtnl rtnl = client.network().lock();
  const AttachPoint point = TRY(find_point(client, rtnl, request.target_ifindex, request.attach_type));
  return point.list->detach(rtnl, {.program = program,
                                   .flags = request.flags,
                                   .anchor = relative.anchor,
                                   .expected_revision = request.expected_revision});
}

Result<> query_programs(Client& client, const QueryRequest& request, QueryAnswer& answer) {
  if (!client.privileged()) return fail(EPERM);
  if ((request.query_flags & ~kQueryEffective) != 0) return fail(EINVAL);
  if (!is_device_attach_type(request.attach_type)) return fail(EINVAL);
  const Rtnl rtnl = client.network().lock();
  const AttachPoint point = TRY(find_point(client, rtnl, request.target_ifindex, request.attach_type));
  if (request.query_flags != 0 || request.attach_flags != 0) return fail(EINVAL);

  const device::ProgramList::Snapshot& entries = point.list->entries(rtnl);
  answer.count = static_cast<std::uint32_t>(entries.size());
  answer.revision = point.list->reported_revision(rtnl);
  if (request.room == 0 || !request.wants_ids) return {};
  for (const auto& entry : entries) {
    if (answer.prog_ids.size() == request.room) return fail(ENOSPC);
    answer.prog_ids.push_back(entry.program->id);
    if (request.wants_links) answer.link_ids.push_back(entry.owner != nullptr ? entry.owner->id() : 0);
  }
  return {};
}

Result<int> create_link_at(Client& client, const AttachRequest& request) {
  const ProgramRef program = TRY(classifier(client, request.prog_fd));
  if (!is_device_attach_type(request.attach_type)) return fail(EINVAL);
  const Relative relative = resolve(client, request.flags, request.relative, program.get());
  LinkRef link;
  {
    const Rtnl rtnl = client.network().lock();
    const AttachPoint point = TRY(find_point(client, rtnl, request.target_ifindex, request.attach_type));
    link = TRY(device::Link::create(rtnl, client.network(), point,
                                    {.program = program,
                                     .flags = request.flags,
                                     .anchor = relative.anchor,
                                     .expected_revision = request.expected_revision}));
  }
  return client.open(std::move(link));
}

Result<> update_link(Client& client, const LinkUpdateRequest& request) {
  if ((request.flags & ~std::uint32_t{device::kReplace}) != 0) return fail(EINVAL);
  const LinkRef link = TRY(client.get<LinkRef>(request.link_fd));
  const ProgramRef program = TRY(client.get<ProgramRef>(request.new_prog_fd));
  ProgramRef expected;
  if ((request.flags & device::kReplace) != 0) {
    expected = TRY(client.get<ProgramRef>(request.old_prog_fd));
  } else if (request.old_prog_fd != 0) {
    return fail(EINVAL);
  }
  const Rtnl rtnl = client.network().lock();
  return link->update(rtnl, program, expected.get());
}

Result<> detach_link(Client& client, std::int32_t link_fd) {
  const LinkRef link = TRY(client.get<LinkRef>(link_fd));
  const Rtnl rtnl = client.network().lock();
  link->detach(rtnl);
  return {};
}

Result<LinkInfo> link_info(Client& client, std::int32_t link_fd) {
  if (client.find(link_fd) == nullptr) return fail(EBADFD);
  const LinkRef link = TRY(client.get<LinkRef>(link_fd));
  const Rtnl rtnl = client.network().lock();
  const device::Device* const device = link->device(rtnl);
  return LinkInfo{.type = static_cast<std::uint32_t>(link->type()),
                  .id = link->id(),
                  .prog_id = link->program(rtnl)->id,
                  .ifindex = device != nullptr ? device->ifindex() : 0,
                  .attach_type = static_cast<std::uint32_t>(link->attach_type())};
}

Result<int> open_program(Client& client, std::uint32_t id) {
  if (!client.privileged()) return fail(EPERM);
  ProgramRef program = bpf::ProgramTable::instance().find(id);
  if (program == nullptr) return fail(ENOENT);
  return client.open(std::move(program));
}

Result<int> open_link(Client& client, std::uint32_t id) {
  if (!client.privileged()) return fail(EPERM);
  LinkRef link = device::LinkTable::instance().find(id);
  if (link == nullptr) return fail(ENOENT);
  return client.open(std::move(link));
}

}  // namespace netkit::control
