#include "control/qdisc.h"

#include <algorithm>

#include "device/namespace.h"

namespace netkit::control {
namespace {

using device::Device;
using device::DeviceRef;
using device::Direction;
using device::QdiscKind;
using device::Rtnl;

// What the kernel has besides; none of them makes a difference to a device that queues nothing.
constexpr std::string_view kOtherKinds[] = {"bfifo", "bpf",      "cake",    "cbs",        "choke",
                                            "codel", "drr",      "dualpi2", "etf",        "ets",
                                            "fq",    "fq_codel", "fq_pie",  "gred",       "hfsc",
                                            "hhf",   "htb",      "mq",      "mqprio",     "multiq",
                                            "netem", "noqueue",  "pfifo",   "pfifo_fast", "pfifo_head_drop",
                                            "pie",   "plug",     "prio",    "qfq",        "red",
                                            "sfb",   "sfq",      "skbprio", "taprio",     "tbf",
                                            "teql0"};

std::optional<QdiscKind> find_kind(std::string_view name) {
  for (const QdiscKind kind : {QdiscKind::kIngress, QdiscKind::kClsact}) {
    if (name_of(kind) == name) return kind;
  }
  return std::nullopt;
}

// A request, parsed, and the device that it is about.
struct Order {
  std::uint16_t flags;
  TcHeader header;
  AttributeTable attributes;
  DeviceRef device;

  [[nodiscard]] bool has(std::uint16_t all) const { return (flags & all) == all; }
  // The kind it names is another one.
  [[nodiscard]] bool differs_from(std::string_view kind) const {
    const auto named = attributes.text(kTcaKind);
    return named && *named != kind;
  }
};

Result<Order> parse(const Client& client, const Rtnl& rtnl, const TcRequest& request) {
  AttributeTable attributes = TRY(AttributeTable::parse(request.attributes.all(), tc_policy()));
  DeviceRef device = TRY(find_tc_device(client, rtnl, request.header));
  return Order{request.flags, request.header, std::move(attributes), std::move(device)};
}

// Blocks by which requests may name a new qdisc's filters (qdisc_block_indexes_set); 0: none.
struct Blocks {
  std::uint32_t ingress = 0;
  std::uint32_t egress = 0;
};

Result<Blocks> parse_blocks(const Order& order, QdiscKind kind) {
  Blocks blocks;
  if (const auto index = order.attributes.number(kTcaIngressBlock)) {
    if (*index == 0) return fail(EINVAL, "Ingress block index cannot be 0");
    blocks.ingress = *index;
  }
  if (const auto index = order.attributes.number(kTcaEgressBlock)) {
    if (*index == 0) return fail(EINVAL, "Egress block index cannot be 0");
    if (kind == QdiscKind::kIngress) return fail(EOPNOTSUPP, "Egress block sharing is not supported");
    blocks.egress = *index;
  }
  return blocks;
}

// A block belongs to one direction of one device. Its own device cannot have it twice, not even for the time
// in which one qdisc takes the place of another (tcf_block_get_ext); others cannot join.
Result<> check_unshared(const Client& client, const Rtnl& rtnl, const Order& order, const Blocks& blocks) {
  const Failure taken = fail(EBUSY, "block dev insert failed");
  if (blocks.ingress != 0 && blocks.ingress == blocks.egress) return taken;
  for (const DeviceRef& device : client.netns()->devices(rtnl)) {
    for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
      const device::FilterBlock* const block = device->clsact.block(rtnl, direction);
      if (block == nullptr || block->index() == 0) continue;
      if (block->index() != blocks.ingress && block->index() != blocks.egress) continue;
      if (device == order.device) return taken;
      return fail(EOPNOTSUPP, "sharing a block between devices is not supported; give each its own");
    }
  }
  return {};
}

// qdisc_create and qdisc_graft
Result<> create(const Client& client, const Rtnl& rtnl, const Order& order) {
  const std::string_view name = order.attributes.text(kTcaKind).value_or("");
  const std::optional<QdiscKind> kind = find_kind(name);
  if (!kind && std::ranges::find(kOtherKinds, name) == std::end(kOtherKinds))
    return fail(ENOENT, "Specified qdisc kind is unknown");
  const bool at_ingress = order.header.parent == kIngressParent;
  if (!kind && at_ingress)
    return fail(EINVAL, "Specified parent ID is reserved for ingress and clsact Qdiscs");
  if (!kind) return fail(EOPNOTSUPP, "devices queue nothing here; only clsact and ingress can be added");
  const Blocks blocks = TRY(parse_blocks(order, *kind));
  if (!at_ingress) return fail(EOPNOTSUPP);
  TRY(check_unshared(client, rtnl, order, blocks));
  order.device->clsact.install(rtnl, *kind, blocks.ingress, blocks.egress);
  return {};
}

Result<> create_if_asked(const Client& client, const Rtnl& rtnl, const Order& order) {
  if (!order.has(kCreate)) return fail(ENOENT, "Qdisc not found. To create specify NLM_F_CREATE flag");
  return create(client, rtnl, order);
}

// The request is about the qdisc of that kind, which is there (qdisc_change).
Result<> change(const Order& order, QdiscKind kind) {
  if (order.has(kExclusive)) return fail(EEXIST, "Exclusivity flag on, cannot modify");
  if (order.differs_from(name_of(kind))) return fail(EINVAL, "Invalid qdisc name: must match existing qdisc");
  if (order.attributes.has(kTcaOptions))
    return fail(EINVAL, "Change operation not supported by specified qdisc");
  return {};
}

// A request for the place of ingress and clsact.
Result<> new_at_ingress(const Client& client, const Rtnl& rtnl, const Order& order) {
  device::Clsact& clsact = order.device->clsact;
  clsact.make_known(rtnl);
  const std::optional<QdiscKind> present = clsact.kind(rtnl);
  const std::uint32_t handle = order.header.handle;
  if (!present) {
    if (minor_of(handle) != 0) return fail(EINVAL, "Invalid minor handle");
    return create_if_asked(client, rtnl, order);
  }
  if (handle == kIngressHandle) return change(order, *present);
  if (handle != 0) {
    if (!order.has(kReplaceLink)) return fail(EEXIST, "NLM_F_REPLACE needed to override");
    if (minor_of(handle) != 0) return fail(EINVAL, "Invalid minor handle");
    return create_if_asked(client, rtnl, order);
  }
  // Without handle, another kind takes the place, unless the flags fit neither creating nor changing.
  if (order.differs_from(name_of(*present))) {
    if (order.has(kCreate | kReplaceLink) || order.has(kCreate | kExclusive))
      return create(client, rtnl, order);
    if ((order.flags & (kCreate | kReplaceLink | kExclusive)) == 0) return create(client, rtnl, order);
  }
  return change(order, *present);
}

// A request that names no parent: by handle alone.
Result<> change_by_handle(const Rtnl& rtnl, const Order& order) {
  if (order.header.handle == 0) return fail(EINVAL, "Handle cannot be zero");
  const std::optional<QdiscKind> present = order.device->clsact.kind(rtnl);
  if (!present || order.header.handle != kIngressHandle) return fail(ENOENT, "Specified qdisc not found");
  return change(order, *present);
}

// A request for the place of the device's queues, where nothing can be put.
Result<> new_at_root(const Client& client, const Rtnl& rtnl, const Order& order) {
  const std::uint32_t handle = order.header.handle;
  if (minor_of(handle) != 0) return fail(EINVAL, "Invalid minor handle");
  if (handle == kIngressHandle && order.device->clsact.kind(rtnl))
    return fail(EINVAL, "Cannot move an existing qdisc to a different parent");
  return create_if_asked(client, rtnl, order);
}

// The qdisc of a device's own queues.
std::string_view root_kind(const Device& device) {
  return device.activated() ? "noqueue" : "noop";
}

QdiscReport report_root(const Device& device) {
  return {.ifindex = device.ifindex(),
          .dev = device.name(),
          .kind = root_kind(device),
          .handle = 0,
          .parent = kRootParent,
          .refcount = 2};
}

QdiscReport report_clsact(const Rtnl& rtnl, const Device& device, QdiscKind kind) {
  const auto index = [&](Direction direction) {
    const device::FilterBlock* const block = device.clsact.block(rtnl, direction);
    return block != nullptr ? block->index() : 0;
  };
  return {.ifindex = device.ifindex(),
          .dev = device.name(),
          .kind = name_of(kind),
          .handle = kIngressHandle,
          .parent = kIngressParent,
          .refcount = 1,
          .ingress_block = index(Direction::kIngress),
          .egress_block = index(Direction::kEgress),
          .stats = device.clsact.stats(rtnl)};
}

// What a request to delete or show means: a real qdisc, or a placeholder of the kernel ("noop"; "noqueue" is
// one to those who want to delete it).
struct Found {
  std::string_view kind;
  std::uint32_t handle = 0;
};

// The part of tc_get_qdisc that both share.
Result<Found> find_existing(const Rtnl& rtnl, const Order& order) {
  const device::Clsact& clsact = order.device->clsact;
  const std::optional<QdiscKind> present = clsact.kind(rtnl);
  const TcHeader& header = order.header;
  Found found;
  if (header.parent == 0) {
    if (!present || header.handle != kIngressHandle)
      return fail(ENOENT, "Failed to find qdisc with specified handle");
    found = {name_of(*present), kIngressHandle};
  } else {
    if (header.parent == kRootParent) {
      found.kind = root_kind(*order.device);
    } else if (major_of(header.parent) != kIngressHandle) {
      return fail(ENOENT, "Failed to find qdisc with specified classid");
    } else if (!clsact.known(rtnl)) {
      return fail(ENOENT, "Cannot find specified qdisc on specified device");
    } else {
      found = present ? Found{name_of(*present), kIngressHandle} : Found{"noop", 0};
    }
    if (header.handle != 0 && header.handle != found.handle) return fail(EINVAL, "Invalid handle");
  }
  if (order.differs_from(found.kind)) return fail(EINVAL, "Invalid qdisc name: must match existing qdisc");
  return found;
}

}  // namespace

Result<> new_qdisc(Client& client, const TcRequest& request) {
  if (!client.privileged()) return fail(EPERM);
  const Rtnl rtnl = client.network().lock();
  const Order order = TRY(parse(client, rtnl, request));
  switch (request.header.parent) {
    case 0:
      return change_by_handle(rtnl, order);
    case kRootParent:
      return new_at_root(client, rtnl, order);
    case kIngressParent:
      return new_at_ingress(client, rtnl, order);
    default:
      return fail(ENOENT, "Failed to find specified qdisc");
  }
}

Result<> delete_qdisc(Client& client, const TcRequest& request) {
  if (!client.privileged()) return fail(EPERM);
  const Rtnl rtnl = client.network().lock();
  const Order order = TRY(parse(client, rtnl, request));
  const Found found = TRY(find_existing(rtnl, order));
  if (request.header.parent == 0) return fail(EINVAL, "Classid cannot be zero");
  if (found.handle == 0) return fail(ENOENT, "Cannot delete qdisc with handle of zero");
  order.device->clsact.remove(rtnl);
  return {};
}

Result<std::optional<QdiscReport>> get_qdisc(Client& client, const TcRequest& request) {
  const Rtnl rtnl = client.network().lock();
  const Order order = TRY(parse(client, rtnl, request));
  const Found found = TRY(find_existing(rtnl, order));
  if (const auto kind = find_kind(found.kind)) return report_clsact(rtnl, *order.device, *kind);
  if (found.kind == "noqueue") return report_root(*order.device);
  return std::nullopt;
}

std::vector<QdiscReport> list_qdiscs(Client& client) {
  const Rtnl rtnl = client.network().lock();
  std::vector<QdiscReport> reports;
  for (const DeviceRef& device : client.netns()->devices(rtnl)) {
    if (device->queueless() && device->activated()) reports.push_back(report_root(*device));
    if (const auto kind = device->clsact.kind(rtnl)) reports.push_back(report_clsact(rtnl, *device, *kind));
  }
  return reports;
}

}  // namespace netkit::control
