#include "device/veth.h"

#include "device/ethernet.h"
#include "device/execution.h"
#include "device/receive.h"
#include "device/scrub.h"
#include "packet/segment.h"

namespace netkit::device {
namespace {

DeviceSettings with_veth_rules(DeviceSettings settings) {
  if (settings.mac.is_zero()) settings.mac = random_mac();
  settings.tso_max_size = kTsoMaxSize;
  return settings;
}

// Unlike netkit, veth holds a packet against the receiver's MTU (is_skb_forwardable).
bool forwardable(const Packet& packet, const Device& receiver) {
  return is_gso(packet) || packet.len() <= receiver.mtu() + kEthernetHeader + VlanHeader::kSize;
}

// __dev_forward_skb
DropReason forward(Execution& execution, const Device& sender, Device& receiver, PacketPtr packet) {
  if (!receiver.is_up()) return DropReason::kPeerDown;
  if (!forwardable(*packet, receiver)) {
    execution.counters(receiver).rx_dropped.add(1);
    return DropReason::kTooLong;
  }
  scrub_packet(*packet);
  packet->meta.priority = 0;
  if (sender.netns() != receiver.netns()) {
    packet->meta.mark = 0;
    clear_receive_timestamp(*packet);
  }
  if (!take_ethernet_header(*packet, receiver)) return DropReason::kTooShort;
  return enqueue_to_backlog(execution, receiver, std::move(packet)) ? DropReason::kNone
                                                                    : DropReason::kBacklogFull;
}

}  // namespace

Veth::Veth(Network& network, DeviceSettings settings) : PairedDevice(network, with_veth_rules(settings)) {}

// veth_xmit
TransmitStatus Veth::start_transmit(Execution& execution, PacketBatch& batch) {
  CpuCounters& own = execution.counters(*this);
  PairedDevice* const receiver = other_end();
  TransmitStatus status = TransmitStatus::kSuccess;
  for (PacketPtr& packet : batch) {
    const std::uint32_t length = packet->len();
    const DropReason lost =
        receiver == nullptr ? DropReason::kNoPeer : forward(execution, *this, *receiver, std::move(packet));
    if (lost != DropReason::kNone) {
      own.tx_dropped.add(1);
      own.transmit.drop(lost);
      status = TransmitStatus::kDrop;
      continue;
    }
    own.transmit.forwarded.add(1);
    own.tx_packets.add(1);
    own.tx_bytes.add(length);
    CpuCounters& theirs = execution.counters(*receiver);
    theirs.rx_packets.add(1);
    theirs.rx_bytes.add(length);
  }
  batch.clear();
  return status;
}

}  // namespace netkit::device
