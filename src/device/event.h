// Notifications of changes, shaped like rtnetlink's (RTM_NEWLINK, RTM_DELLINK, RTM_NEWNSID, RTM_DELNSID).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "device/flags.h"

namespace netkit::device {

class Device;
class Namespace;

enum class EventKind : std::uint8_t { kNewLink, kDelLink, kNewNamespace, kDelNamespace };

// What of a device has changed; bits of Event::changed.
enum Change : std::uint32_t {
  kChangedNothing = 0,
  kChangedRegistered = 1U << 0,  // the device is new (or new in this namespace)
  kChangedFlags = 1U << 1,
  kChangedCarrier = 1U << 2,
  kChangedName = 1U << 3,
  kChangedMac = 1U << 4,
  kChangedMtu = 1U << 5,
  kChangedSettings = 1U << 6,  // any other attribute: policies, queue length, alias, group, limits, headroom
  kChangedMoved = 1U << 7,     // kDelLink: the device goes on living in another namespace
};

// Delivered in order, while the configuration lock is held: a subscriber must neither take the lock nor block
// for long. `device` is null for events of namespaces; after kDelLink without kChangedMoved the device must
// not be used any more by new packets (it is freed after a grace period).
struct Event {
  EventKind kind = EventKind::kNewLink;
  Namespace* netns = nullptr;
  Device* device = nullptr;
  IfIndex ifindex = 0;  // in `netns`, at the time of the event
  std::string name;
  std::uint32_t changed = kChangedNothing;
};

using Subscriber = std::function<void(const Event&)>;

}  // namespace netkit::device
