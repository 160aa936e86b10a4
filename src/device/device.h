// A network device: what a namespace sees under a name and a number. The base of all kinds.
//
// Members that the data path reads are atomic and may be read from any thread inside a read section;
// everything else belongs to whoever holds the configuration lock, and every change needs it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/per_cpu.h"
#include "base/rcu.h"
#include "base/result.h"
#include "device/backing.h"
#include "device/clsact.h"
#include "device/counters.h"
#include "device/flags.h"
#include "device/mac.h"
#include "device/mprog.h"
#include "device/network.h"
#include "device/sniffer.h"
#include "device/transmit_status.h"
#include "packet/batch.h"
#include "packet/headers.h"
#include "port/port.h"

namespace netkit::device {

class Execution;

// Settings of a device that the kernel's generic code owns, as creation finds or makes them.
struct DeviceSettings {
  std::uint32_t mtu = kDefaultMtu;
  std::uint32_t min_mtu = kMinMtu;
  std::uint32_t max_mtu = kMaxMtu;
  std::uint32_t flags = kBroadcast | kMulticast;
  MacAddress mac;
  MacAddress broadcast = kBroadcastMac;
  std::uint32_t tx_queue_len = kDefaultTxQueueLength;
  std::uint32_t num_tx_queues = 1;
  std::uint32_t num_rx_queues = 1;
  std::uint32_t group = 0;
  std::uint32_t gso_max_size = kDefaultGsoMaxSize;
  std::uint32_t gso_max_segs = kGsoMaxSegs;
  std::uint32_t gso_ipv4_max_size = kDefaultGsoMaxSize;
  std::uint32_t gro_max_size = kDefaultGsoMaxSize;
  std::uint32_t gro_ipv4_max_size = kDefaultGsoMaxSize;
  std::uint32_t tso_max_size = kDefaultGsoMaxSize;
  std::uint32_t needed_headroom = 0;
  std::uint32_t needed_tailroom = 0;
  bool carrier = false;  // whether there is one from the start
};

// Whether a device with these limits may have that MTU (dev_validate_mtu). EINVAL with the kernel's text.
[[nodiscard]] Result<> check_mtu(const DeviceSettings& limits, std::uint32_t mtu);

class Device : public std::enable_shared_from_this<Device> {
 public:
  virtual ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  [[nodiscard]] virtual DeviceKind kind() const = 0;
  [[nodiscard]] Network& network() const { return *network_; }

  // ---- readable anywhere ----
  [[nodiscard]] Namespace* netns() const { return netns_.load(std::memory_order_acquire); }
  [[nodiscard]] IfIndex ifindex() const { return ifindex_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t flags() const { return flags_.load(std::memory_order_acquire); }
  [[nodiscard]] bool is_up() const { return (flags() & kUp) != 0; }
  [[nodiscard]] bool carrier() const { return carrier_.load(std::memory_order_acquire); }
  // False once the device is on its way out: nothing may be queued for it any more.
  [[nodiscard]] bool registered() const { return registered_.load(std::memory_order_acquire); }
  // The name, filled up with zeroes (IFNAMSIZ). Half of it may be the old one while the device is renamed.
  [[nodiscard]] std::array<char, 16> published_name() const;
  [[nodiscard]] MacAddress mac() const { return unpack(mac_.load(std::memory_order_relaxed)); }
  [[nodiscard]] MacAddress broadcast() const { return unpack(broadcast_.load(std::memory_order_relaxed)); }
  [[nodiscard]] std::uint32_t mtu() const { return mtu_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t needed_headroom() const {
    return needed_headroom_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t needed_tailroom() const {
    return needed_tailroom_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t gso_max_size() const { return gso_max_size_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::uint32_t gso_ipv4_max_size() const {
    return gso_ipv4_max_size_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint32_t gso_max_segs() const { return gso_max_segs_.load(std::memory_order_relaxed); }
  // The port towards the stack that owns the device; null: the in-process stub of the namespace takes the
  // packets.
  [[nodiscard]] Port* upper_port() const { return upper_port_.load(std::memory_order_acquire); }
  [[nodiscard]] LinkStats stats() const;
  [[nodiscard]] FlowTotals transmit_totals() const;
  [[nodiscard]] FlowTotals receive_totals() const;
  [[nodiscard]] CpuCounters& counters(std::uint32_t cpu) { return counters_[cpu]; }

  // ---- under the configuration lock ----
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const DeviceSettings& settings() const { return settings_; }
  [[nodiscard]] const std::string& alias() const { return alias_; }
  [[nodiscard]] std::uint32_t promiscuity() const { return promiscuity_; }
  [[nodiscard]] std::uint32_t carrier_changes() const { return carrier_changes_; }
  // Whether it has been up since it was made: from then on it has its queueing discipline (dev_activate).
  [[nodiscard]] bool activated() const { return activated_; }
  [[nodiscard]] OperState operstate() const;
  // Flags as `ip link` shows them: with RUNNING and LOWER_UP worked out.
  [[nodiscard]] std::uint32_t reported_flags() const;
  // The device whose number IFLA_LINK gives (valid in that device's namespace); null: none.
  [[nodiscard]] virtual Device* link_device() const { return nullptr; }

  // A device in a kernel namespace passes these on to its interface, whose errors they then have as well.
  // IFF_UP (dev_open, dev_close). Opening may fail: ENOTCONN when the other end has gone.
  Result<> set_up(const Rtnl& rtnl, bool up);
  // The other flags that users may switch: IFF_NOARP, IFF_PROMISC, IFF_ALLMULTI, IFF_MULTICAST.
  Result<> set_flag(const Rtnl& rtnl, DeviceFlag flag, bool on);
  // EINVAL "mtu less than device minimum", "mtu greater than device maximum".
  Result<> set_mtu(const Rtnl& rtnl, std::uint32_t mtu);
  // EADDRNOTAVAIL; EOPNOTSUPP where the kind has none. The address that it has already is always fine.
  Result<> set_mac(const Rtnl& rtnl, const MacAddress& mac);
  Result<> set_broadcast(const Rtnl& rtnl, const MacAddress& broadcast);
  Result<> set_tx_queue_len(const Rtnl& rtnl, std::uint32_t length);
  Result<> set_group(const Rtnl& rtnl, std::uint32_t group);
  Result<> set_alias(const Rtnl& rtnl, std::string alias);
  // The limits of super-packets; a value of at most 64 KiB goes for IPv4 too.
  Result<> set_gso_max_size(const Rtnl& rtnl, std::uint32_t bytes);
  Result<> set_gso_max_segs(const Rtnl& rtnl, std::uint32_t segments);
  void set_gso_ipv4_max_size(const Rtnl& rtnl, std::uint32_t bytes);
  void set_gro_max_size(const Rtnl& rtnl, std::uint32_t bytes);
  void set_gro_ipv4_max_size(const Rtnl& rtnl, std::uint32_t bytes);
  // Wish of a device stacked on this one for room in front of received packets (netdev_set_rx_headroom);
  // negative: back to the default.
  virtual void set_rx_headroom(const Rtnl&, int) {}

  // The mirror of a kernel namespace tells what the interface there has become: nothing is checked, but
  // opening may fail as in set_up.
  Result<> adopt(const Rtnl& rtnl, const InterfaceChange& change);

  // The port must outlive the device's use of it: after taking it away (null) wait for a grace period. The
  // port is told the carrier at once.
  void set_upper_port(const Rtnl& rtnl, Port* port);
  void add_sniffer(const Rtnl& rtnl, Sniffer& sniffer);
  // Waits for nothing: the sniffer may still be called until a grace period has passed.
  void remove_sniffer(const Rtnl& rtnl, Sniffer& sniffer);

  ProgramList tcx_ingress{ProgramList::Revision::kRestarting};
  ProgramList tcx_egress{ProgramList::Revision::kRestarting};
  Clsact clsact{tcx_ingress, tcx_egress};

  // ---- what a kind is: called by the generic layers ----
  // ndo_start_xmit for a batch that has passed everything above. Takes all packets out of it.
  virtual TransmitStatus start_transmit(Execution& execution, PacketBatch& batch) = 0;
  // The other end for bpf_redirect_peer (ndo_get_peer_dev); inside a read section. Null: none.
  [[nodiscard]] virtual Device* peer() const { return nullptr; }
  // No queueing discipline: transmissions nest, and count for the recursion limit.
  [[nodiscard]] virtual bool queueless() const { return true; }
  [[nodiscard]] virtual bool movable() const { return true; }

  // Inside a read section; null: nobody listens.
  [[nodiscard]] const std::vector<Sniffer*>* sniffers() const { return sniffers_.read(); }

 protected:
  Device(Network& network, DeviceSettings settings);

  // ndo_open and ndo_stop: the kind's rules for carrier.
  virtual Result<> open(const Rtnl&) { return {}; }
  virtual void stop(const Rtnl&) {}
  // ndo_set_mac_address: eth_mac_addr, unless the kind says otherwise.
  virtual Result<> change_mac(const Rtnl& rtnl, const MacAddress& mac);
  // ndo_uninit: the device is being unregistered; its own program lists go.
  virtual void uninit(const Rtnl&) {}
  // Who must be unregistered with it (dellink); itself first.
  virtual void collect_for_deletion(const Rtnl&, std::vector<Device*>& doomed) { doomed.push_back(this); }
  // Statistics that are kept elsewhere than in the device's own counters.
  virtual void add_stats(LinkStats&) const {}

  // Applies what has been checked: by way of the interface, where there is one.
  Result<> change(const Rtnl& rtnl, const InterfaceChange& change);
  void set_carrier(const Rtnl& rtnl, bool on);
  void set_needed_room(const Rtnl& rtnl, std::uint32_t headroom, std::uint32_t tailroom);
  void changed(const Rtnl& rtnl, std::uint32_t what);

 private:
  friend class Network;
  friend class Namespace;
  [[nodiscard]] virtual bool lower_is_down() const { return false; }
  Result<> adopt_up(const Rtnl& rtnl, bool up);
  void adopt_flag(const Rtnl& rtnl, DeviceFlag flag, bool on);
  void publish_name();

  Network* network_;
  NamespaceRef home_;  // keeps the namespace's memory for as long as packets may be here
  std::string name_;
  DeviceSettings settings_;
  std::string alias_;
  std::uint32_t promiscuity_ = 0;
  std::uint32_t carrier_changes_;
  bool activated_ = false;

  std::atomic<Namespace*> netns_{nullptr};
  std::atomic<IfIndex> ifindex_{0};
  std::array<std::atomic<std::uint64_t>, 2> published_name_{};  // the bytes of name_
  std::atomic<std::uint32_t> flags_;
  std::atomic<bool> carrier_;
  std::atomic<bool> registered_{false};
  std::atomic<std::uint64_t> mac_;
  std::atomic<std::uint64_t> broadcast_;
  std::atomic<std::uint32_t> mtu_;
  std::atomic<std::uint32_t> needed_headroom_;
  std::atomic<std::uint32_t> needed_tailroom_;
  std::atomic<std::uint32_t> gso_max_size_;
  std::atomic<std::uint32_t> gso_ipv4_max_size_;
  std::atomic<std::uint32_t> gso_max_segs_;
  std::atomic<Port*> upper_port_{nullptr};
  rcu::Published<std::vector<Sniffer*>> sniffers_;
  PerCpu<CpuCounters> counters_;
};

// Makes a device reference whose last release frees the device only when no worker can still hold it.
[[nodiscard]] DeviceRef adopt_device(std::unique_ptr<Device> device);

}  // namespace netkit::device
