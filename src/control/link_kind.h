// Kinds of devices that a request can create (struct rtnl_link_ops): one row each.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "control/attributes.h"
#include "device/device.h"

namespace netkit::control {

// A request to create a device, parsed and with its namespaces found.
struct NewLink {
  device::Network& network;
  IfInfo header;
  AttributeTable attributes;
  std::optional<AttributeTable> data;       // IFLA_INFO_DATA
  std::optional<IfInfo> peer_header;        // the attribute that describes the other end was there
  AttributeTable peer_attributes;           // its attributes; without it those of the request itself
  device::Namespace* netns = nullptr;       // where the device is made
  device::Namespace* peer_netns = nullptr;  // where its other end is made
};

struct LinkKind {
  std::string_view name;
  std::span<const Rule> data_policy;
  std::uint16_t peer_attribute = 0;  // of IFLA_INFO_DATA: describes the other end; 0: the kind has none
  // Makes and registers the device, with its other end. A failure leaves nothing behind.
  Result<device::DeviceRef> (*create)(const device::Rtnl& rtnl, const NewLink& request) = nullptr;
  // Applies changed data to a device of this kind; null: EOPNOTSUPP.
  Result<> (*change)(const device::Rtnl& rtnl, device::Device& device, const AttributeTable& data) = nullptr;
};

extern const LinkKind kNetkitKind;
extern const LinkKind kVethKind;
extern const LinkKind kDummyKind;

// Null: unknown.
[[nodiscard]] const LinkKind* find_link_kind(std::string_view name);

}  // namespace netkit::control
