// A packet socket on a device (packet(7), SOCK_RAW): whole Ethernet frames out, and all that passes in.
#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "base/result.h"
#include "device/execution.h"
#include "device/sniffer.h"

namespace netkit::device {

struct FrameOptions {
  std::uint32_t mark = 0;      // SO_MARK
  std::uint32_t priority = 0;  // SO_PRIORITY
  bool bypass = false;         // PACKET_QDISC_BYPASS
};

// Sends one frame out of the device (packet_snd). ENETDOWN: the device is down; EMSGSIZE: longer than MTU and
// header; EINVAL: shorter than an Ethernet header; ENOBUFS: it was dropped on the way, as far as the sender
// is told.
Result<> send_frame(Execution& execution, Device& device, std::span<const std::uint8_t> frame,
                    const FrameOptions& options);

// Keeps what passes the devices that it was added to (Device::add_sniffer).
class FrameListener final : public Sniffer {
 public:
  struct Frame {
    PacketType type = PacketType::kHost;  // kOutgoing for what the device sends
    Be16 protocol;
    std::uint32_t mark = 0;
    VlanTag vlan;
    std::vector<std::uint8_t> bytes;
  };

  // What was heard since the last call.
  [[nodiscard]] std::vector<Frame> take();
  void heard(const Device& device, const Packet& packet, bool outgoing) override;

 private:
  std::mutex mutex_;
  std::vector<Frame> frames_;
};

}  // namespace netkit::device
