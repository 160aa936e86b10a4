#include "device/receive.h"

#include "device/ethernet.h"
#include "device/hook.h"
#include "device/offload.h"
#include "device/redirect.h"
#include "device/run_list.h"
#include "packet/headers.h"

namespace netkit::device {
namespace {

constexpr std::uint32_t kMaxPeerRounds = 64;

// Protocols that the stub of an in-process namespace takes, as a stack with IPv4 and IPv6 does.
bool stack_handles(Be16 protocol) {
  return protocol == kProtoIpv4 || protocol == kProtoIpv6 || protocol == kProtoArp;
}

// One batch at one device.
class Receiver {
 public:
  Receiver(Execution& execution, Device& device, std::uint32_t round)
      : execution_(execution),
        device_(device),
        counters_(execution.counters(device)),
        sniffers_(device.sniffers()),
        hook_(device, Direction::kIngress),
        port_(device.upper_port()),
        redirector_(execution, counters_.receive, Hook::kIngress, round) {}

  void receive(PacketPtr packet) {
    counters_.receive.offered.add(1);
    PacketMeta& meta = packet->meta;
    meta.dev = &device_;
    meta.ifindex = device_.ifindex();
    meta.skb_iif = meta.ifindex;
    packet->set_network_header(0);
    meta.mac_len = static_cast<std::uint16_t>(meta.network_header - meta.mac_header);
    if (is_vlan(meta.protocol)) {
      if (!take_vlan_tag(*packet)) return drop(DropReason::kTooShort);
      packet->set_network_header(0);
    }
    // With a hook, or a tag that no VLAN device takes, listeners get their copy first; without either the
    // last listener takes the packet itself, and nobody finds then that no handler wanted it.
    taken_by_listener_ = sniffers_ != nullptr && !hook_.exists() && !meta.vlan.present;
    if (sniffers_ != nullptr) tell_listeners(*packet);
    if (hook_.exists() && !run_programs(packet)) return;
    deliver(std::move(packet));
  }

  // The end of the batch.
  void finish() {
    redirector_.flush();
    if (upwards_.empty()) return;
    send_up(execution_, device_, *port_, upwards_);
  }

 private:
  void drop(DropReason reason) { counters_.receive.drop(reason); }

  void tell_listeners(Packet& packet) {
    packet.push(packet.meta.mac_len);
    for (Sniffer* const sniffer : *sniffers_) sniffer->heard(device_, packet, false);
    packet.pull(packet.meta.mac_len);
  }

  // sch_handle_ingress: true when the packet goes on to the stack.
  bool run_programs(PacketPtr& packet) {
    packet->push(packet->meta.mac_len);
    packet->meta.at_ingress = true;
    switch (hook_.run(execution_, *packet)) {
      case HookVerdict::kRedirect:
        redirector_.redirect(std::move(packet));
        return false;
      case HookVerdict::kDrop:
        drop(verdict_reason(execution_, DropReason::kIngressVerdict));
        return false;
      case HookVerdict::kStolen:
        drop(DropReason::kStolen);
        return false;
      case HookVerdict::kContinue:
        break;
    }
    packet->pull(packet->meta.mac_len);
    return true;
  }

  void deliver(PacketPtr packet) {
    if (port_ != nullptr) {
      packet->push(packet->meta.mac_len);
      if (upwards_.full()) send_up(execution_, device_, *port_, upwards_);
      upwards_.push(std::move(packet));
      return;
    }
    if (!taken_by_listener_ && !stack_handles(packet->meta.protocol)) {
      counters_.rx_dropped.add(1);
      return drop(DropReason::kUnhandledProtocol);
    }
    counters_.receive.forwarded.add(1);
  }

  Execution& execution_;
  Device& device_;
  CpuCounters& counters_;
  const std::vector<Sniffer*>* sniffers_;
  DirectionHook hook_;
  Port* port_;
  Redirector redirector_;
  PacketBatch upwards_;
  bool taken_by_listener_ = false;
};

}  // namespace

bool enqueue_to_backlog(Execution& execution, Device& receiver, PacketPtr packet) {
  Backlog& backlog = execution.backlog();
  if (backlog.full() || !receiver.is_up() || !receiver.registered()) {
    execution.counters(receiver).rx_dropped.add(1);
    return false;
  }
  packet->meta.dev = &receiver;
  backlog.push(std::move(packet));
  return true;
}

void receive_packets(Execution& execution, Device& device, PacketBatch& batch, std::uint32_t round) {
  if (round > kMaxPeerRounds) {
    FlowCounters& flow = execution.counters(device).receive;
    flow.offered.add(batch.size());
    flow.drop(DropReason::kRedirectPeerLoop, batch.size());
    batch.clear();
    return;
  }
  Receiver receiver(execution, device, round);
  for (PacketPtr& packet : batch) receiver.receive(std::move(packet));
  batch.clear();
  receiver.finish();
}

}  // namespace netkit::device
