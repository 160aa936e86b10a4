// The netkit device: two ends that hand packets to each other, through BPF programs in the transmit routine;
// or a single device without another end. (drivers/net/netkit.c; spec netkit-device.md)
#pragma once

#include <atomic>
#include <cstdint>

#include "device/device.h"
#include "device/mprog.h"
#include "device/pair.h"

namespace netkit::device {

// UAPI names and numbers of linux/if_link.h.
enum class NetkitMode : std::uint32_t { kL2 = 0, kL3 = 1 };
enum class NetkitPolicy : std::uint32_t { kPass = 0, kDrop = 2 };  // "forward" and "blackhole" in iproute2
enum class NetkitScrub : std::uint32_t { kNone = 0, kDefault = 1 };
enum class NetkitPairing : std::uint32_t { kPair = 0, kSingle = 1 };

// One end's settings.
struct NetkitSettings {
  NetkitMode mode = NetkitMode::kL3;
  NetkitPairing pairing = NetkitPairing::kPair;
  NetkitPolicy policy = NetkitPolicy::kPass;  // for what this end transmits while it has no program
  NetkitScrub scrub = NetkitScrub::kDefault;  // for what this end transmits into another namespace
};

class Netkit final : public PairedDevice {
 public:
  enum class Role : std::uint8_t { kPrimary, kPeer };

  Netkit(Network& network, DeviceSettings generic, NetkitSettings settings, Role role);

  [[nodiscard]] DeviceKind kind() const override { return DeviceKind::kNetkit; }
  [[nodiscard]] Role role() const { return role_; }
  [[nodiscard]] NetkitMode mode() const { return mode_; }
  [[nodiscard]] NetkitPairing pairing() const { return pairing_; }
  [[nodiscard]] NetkitScrub scrub() const { return scrub_; }
  [[nodiscard]] NetkitPolicy policy() const { return policy_.load(std::memory_order_relaxed); }
  void set_policy(const Rtnl& rtnl, NetkitPolicy policy);
  // The other end: inside a read section or under the lock. Null: single, or it has gone.
  [[nodiscard]] Netkit* other() const { return static_cast<Netkit*>(other_end()); }

  // The programs that run for what this end transmits.
  ProgramList programs{ProgramList::Revision::kLasting};

  void set_rx_headroom(const Rtnl& rtnl, int headroom) override;
  TransmitStatus start_transmit(Execution& execution, PacketBatch& batch) override;

 private:
  Result<> open(const Rtnl& rtnl) override;
  Result<> change_mac(const Rtnl& rtnl, const MacAddress& mac) override;
  void uninit(const Rtnl& rtnl) override;

  const Role role_;
  const NetkitMode mode_;
  const NetkitPairing pairing_;
  const NetkitScrub scrub_;
  std::uint32_t headroom_wish_;
  std::atomic<NetkitPolicy> policy_;
};

}  // namespace netkit::device
