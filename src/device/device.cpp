#include "device/device.h"

#include <algorithm>
#include <bit>

#include "device/namespace.h"

namespace netkit::device {

Device::Device(Network& network, DeviceSettings settings)
    : network_(&network),
      settings_(settings),
      carrier_changes_(settings.carrier ? 0 : 1),
      flags_(settings.flags),
      carrier_(settings.carrier),
      mac_(pack(settings.mac)),
      broadcast_(pack(settings.broadcast)),
      mtu_(settings.mtu),
      needed_headroom_(settings.needed_headroom),
      needed_tailroom_(settings.needed_tailroom),
      gso_max_size_(settings.gso_max_size),
      gso_ipv4_max_size_(settings.gso_ipv4_max_size),
      gso_max_segs_(settings.gso_max_segs) {}

Device::~Device() = default;

LinkStats Device::stats() const {
  LinkStats stats;
  counters_.for_each([&stats](const CpuCounters& counters) {
    stats.rx_packets += counters.rx_packets.get();
    stats.rx_bytes += counters.rx_bytes.get();
    stats.tx_packets += counters.tx_packets.get();
    stats.tx_bytes += counters.tx_bytes.get();
    stats.rx_dropped += counters.rx_dropped.get();
    stats.tx_dropped += counters.tx_dropped.get();
  });
  add_stats(stats);
  return stats;
}

FlowTotals Device::transmit_totals() const {
  FlowTotals totals;
  counters_.for_each([&totals](const CpuCounters& counters) { counters.transmit.add_to(totals); });
  return totals;
}

FlowTotals Device::receive_totals() const {
  FlowTotals totals;
  counters_.for_each([&totals](const CpuCounters& counters) { counters.receive.add_to(totals); });
  return totals;
}

// rfc2863_policy (net/core/link_watch.c), as rtnetlink reports it. Nothing is known of devices that always
// have carrier.
OperState Device::operstate() const {
  if (!is_up()) return OperState::kDown;
  if (carrier_changes_ == 0) return OperState::kUnknown;
  if (carrier()) return OperState::kUp;
  return lower_is_down() ? OperState::kLowerLayerDown : OperState::kDown;
}

// dev_get_flags
std::uint32_t Device::reported_flags() const {
  std::uint32_t reported = flags();
  if (!is_up()) return reported;
  const OperState state = operstate();
  if (state == OperState::kUp || state == OperState::kUnknown) reported |= kRunning;
  if (carrier()) reported |= kLowerUp;
  return reported;
}

void Device::publish_name() {
  std::array<std::uint64_t, 2> words{};
  name_.copy(reinterpret_cast<char*>(words.data()), sizeof words - 1);
  for (std::size_t i = 0; i < words.size(); ++i)
    published_name_[i].store(words[i], std::memory_order_relaxed);
}

std::array<char, 16> Device::published_name() const {
  std::array<std::uint64_t, 2> words{};
  for (std::size_t i = 0; i < words.size(); ++i)
    words[i] = published_name_[i].load(std::memory_order_relaxed);
  return std::bit_cast<std::array<char, 16>>(words);
}

Result<> Device::change(const Rtnl& rtnl, const InterfaceChange& change) {
  Backing* const backing = network_->backing_of(*netns());
  return backing != nullptr ? backing->change(rtnl, *this, change) : adopt(rtnl, change);
}

Result<> Device::adopt(const Rtnl& rtnl, const InterfaceChange& change) {
  const auto store = [&](const auto& wanted, auto& place, Change what) {
    if (!wanted) return;
    place = *wanted;
    changed(rtnl, what);
  };
  if (change.mac) mac_.store(pack(*change.mac), std::memory_order_relaxed);
  if (change.mtu) mtu_.store(*change.mtu, std::memory_order_relaxed);
  if (change.broadcast) broadcast_.store(pack(*change.broadcast), std::memory_order_relaxed);
  if (change.gso_max_size) gso_max_size_.store(*change.gso_max_size, std::memory_order_relaxed);
  if (change.gso_max_segs) gso_max_segs_.store(*change.gso_max_segs, std::memory_order_relaxed);
  store(change.mac, settings_.mac, kChangedMac);
  store(change.mtu, settings_.mtu, kChangedMtu);
  store(change.group, settings_.group, kChangedSettings);
  store(change.name, name_, kChangedName);
  publish_name();
  store(change.alias, alias_, kChangedSettings);
  store(change.broadcast, settings_.broadcast, kChangedMac);
  store(change.tx_queue_len, settings_.tx_queue_len, kChangedSettings);
  store(change.gso_max_segs, settings_.gso_max_segs, kChangedSettings);
  if (change.gso_max_size.value_or(kTsoMaxSize) <= kDefaultGsoMaxSize)
    set_gso_ipv4_max_size(rtnl, *change.gso_max_size);
  store(change.gso_max_size, settings_.gso_max_size, kChangedSettings);
  for (const DeviceFlag flag : {kNoArp, kMulticast, kPromisc, kAllMulti}) {
    if ((change.meant & flag) != 0) adopt_flag(rtnl, flag, (change.flags & flag) != 0);
  }
  if ((change.meant & kUp) == 0) return {};
  return adopt_up(rtnl, (change.flags & kUp) != 0);
}

Result<> Device::set_up(const Rtnl& rtnl, bool up) {
  if (up == is_up()) return {};
  return change(rtnl, {.flags = up ? kUp : 0U, .meant = kUp});
}

Result<> Device::adopt_up(const Rtnl& rtnl, bool up) {
  if (up == is_up()) return {};
  if (up) {
    TRY(open(rtnl));
    activated_ = true;
    flags_.fetch_or(kUp, std::memory_order_acq_rel);
  } else {
    stop(rtnl);
    flags_.fetch_and(~std::uint32_t{kUp}, std::memory_order_acq_rel);
  }
  changed(rtnl, kChangedFlags);
  return {};
}

Result<> Device::set_flag(const Rtnl& rtnl, DeviceFlag flag, bool on) {
  if (((flags() & flag) != 0) == on) return {};
  return change(rtnl, {.flags = on ? flag : 0U, .meant = flag});
}

void Device::adopt_flag(const Rtnl& rtnl, DeviceFlag flag, bool on) {
  if (((flags() & flag) != 0) == on) return;
  if (flag == kPromisc) promiscuity_ += on ? 1U : ~0U;
  if (on) {
    flags_.fetch_or(flag, std::memory_order_acq_rel);
  } else {
    flags_.fetch_and(~std::uint32_t{flag}, std::memory_order_acq_rel);
  }
  changed(rtnl, kChangedFlags);
}

Result<> Device::set_mtu(const Rtnl& rtnl, std::uint32_t mtu) {
  if (mtu == this->mtu()) return {};
  TRY(check_mtu(settings_, mtu));
  return change(rtnl, {.mtu = mtu});
}

// dev_validate_mtu
Result<> check_mtu(const DeviceSettings& limits, std::uint32_t mtu) {
  const bool negative = static_cast<std::int32_t>(mtu) < 0;
  if (negative || mtu < limits.min_mtu) return fail(EINVAL, "mtu less than device minimum");
  if (limits.max_mtu > 0 && mtu > limits.max_mtu) return fail(EINVAL, "mtu greater than device maximum");
  return {};
}

Result<> Device::set_mac(const Rtnl& rtnl, const MacAddress& mac) {
  if (mac == this->mac()) return {};
  return change_mac(rtnl, mac);
}

Result<> Device::change_mac(const Rtnl& rtnl, const MacAddress& mac) {
  if (!is_valid_unicast(mac)) return fail(EADDRNOTAVAIL);
  return change(rtnl, {.mac = mac});
}

Result<> Device::set_broadcast(const Rtnl& rtnl, const MacAddress& broadcast) {
  return change(rtnl, {.broadcast = broadcast});
}

Result<> Device::set_tx_queue_len(const Rtnl& rtnl, std::uint32_t length) {
  return change(rtnl, {.tx_queue_len = length});
}

Result<> Device::set_group(const Rtnl& rtnl, std::uint32_t group) {
  return change(rtnl, {.group = group});
}

Result<> Device::set_alias(const Rtnl& rtnl, std::string alias) {
  return change(rtnl, {.alias = std::move(alias)});
}

Result<> Device::set_gso_max_size(const Rtnl& rtnl, std::uint32_t bytes) {
  return change(rtnl, {.gso_max_size = bytes});
}

Result<> Device::set_gso_max_segs(const Rtnl& rtnl, std::uint32_t segments) {
  return change(rtnl, {.gso_max_segs = segments});
}

void Device::set_gso_ipv4_max_size(const Rtnl& rtnl, std::uint32_t bytes) {
  settings_.gso_ipv4_max_size = bytes;
  gso_ipv4_max_size_.store(bytes, std::memory_order_relaxed);
  changed(rtnl, kChangedSettings);
}

void Device::set_gro_max_size(const Rtnl& rtnl, std::uint32_t bytes) {
  settings_.gro_max_size = bytes;
  if (bytes <= kDefaultGsoMaxSize) settings_.gro_ipv4_max_size = bytes;
  changed(rtnl, kChangedSettings);
}

void Device::set_gro_ipv4_max_size(const Rtnl& rtnl, std::uint32_t bytes) {
  settings_.gro_ipv4_max_size = bytes;
  changed(rtnl, kChangedSettings);
}

void Device::set_carrier(const Rtnl& rtnl, bool on) {
  if (on == carrier()) return;
  carrier_.store(on, std::memory_order_release);
  ++carrier_changes_;
  if (Port* const port = upper_port()) port->set_carrier(on);
  changed(rtnl, kChangedCarrier);
}

void Device::set_needed_room(const Rtnl& rtnl, std::uint32_t headroom, std::uint32_t tailroom) {
  needed_headroom_.store(headroom, std::memory_order_relaxed);
  needed_tailroom_.store(tailroom, std::memory_order_relaxed);
  changed(rtnl, kChangedSettings);
}

void Device::set_upper_port(const Rtnl&, Port* port) {
  upper_port_.store(port, std::memory_order_release);
  if (port != nullptr) port->set_carrier(carrier());
}

void Device::add_sniffer(const Rtnl&, Sniffer& sniffer) {
  std::vector<Sniffer*> next;
  if (const auto* const present = sniffers_.read()) next = *present;
  next.push_back(&sniffer);
  sniffers_.publish(std::make_unique<const std::vector<Sniffer*>>(std::move(next)));
}

void Device::remove_sniffer(const Rtnl&, Sniffer& sniffer) {
  const auto* const present = sniffers_.read();
  if (present == nullptr) return;
  std::vector<Sniffer*> next = *present;
  std::erase(next, &sniffer);
  sniffers_.publish(next.empty() ? nullptr : std::make_unique<const std::vector<Sniffer*>>(std::move(next)));
}

void Device::changed(const Rtnl& rtnl, std::uint32_t what) {
  if (registered()) network_->notify(rtnl, EventKind::kNewLink, *this, what);
}

}  // namespace netkit::device
