#include "device/redirect.h"

#include "bpf/run/types.h"
#include "device/ethernet.h"
#include "device/namespace.h"
#include "device/receive.h"
#include "device/scrub.h"
#include "device/transmit.h"
#include "packet/headers.h"

namespace netkit::device {
namespace {

// A device with MAC headers takes only packets that have one in front of their network header
// (__bpf_redirect_common).
bool has_mac_header(const Packet& packet) {
  return packet.meta.mac_header != kUnset && packet.meta.mac_header < packet.meta.network_header &&
         packet.len() > 0;
}

// The packet becomes one that `target` has received (__bpf_rx_skb). False: it was refused, and counted at the
// target.
bool inject_into(Execution& execution, PacketPtr packet, Device& target) {
  FlowCounters& flow = execution.counters(target).receive;
  scrub_packet(*packet);
  packet->meta.priority = 0;
  DropReason refusal = target.is_up() ? DropReason::kBacklogFull : DropReason::kDeviceDown;
  if (!take_ethernet_header(*packet, target)) {
    refusal = DropReason::kTooShort;
  } else if (enqueue_to_backlog(execution, target, std::move(packet))) {
    return true;
  }
  flow.offered.add(1);
  flow.drop(refusal);
  return false;
}

void prepare_for_egress(Packet& packet, Hook hook) {
  packet.meta.redirected = true;
  packet.meta.from_ingress = hook == Hook::kIngress;
  clear_receive_timestamp(packet);
}

}  // namespace

void Redirector::redirect(PacketPtr packet) {
  const bpf::RedirectRecord record = std::exchange(execution_.redirect(), {});
  const DropReason failure = execute(packet, record);
  if (failure == DropReason::kNone) {
    flow_.redirected.add(1);
  } else {
    flow_.drop(failure);
  }
}

// Takes the packet, or says why it is lost. Numbers are looked up in the namespace of the device the packet
// is at.
DropReason Redirector::execute(PacketPtr& packet, const bpf::RedirectRecord& record) {
  const Namespace& netns = *packet->meta.dev->netns();
  Device* const target = netns.find(record.ifindex);
  if (target == nullptr) {
    return netns.is_foreign(record.ifindex) ? DropReason::kTargetNotAttached : DropReason::kRedirectNoTarget;
  }
  switch (record.kind) {
    case bpf::RedirectKind::kPeer:
      return to_peer(packet, *target, record);
    case bpf::RedirectKind::kNeigh:
      return to_neighbour(packet, *target, record);
    case bpf::RedirectKind::kNone:
    case bpf::RedirectKind::kPlain:
      break;
  }
  if (!has_mac_header(*packet)) return DropReason::kRedirectHeader;
  const bool ingress = (record.flags & bpf::kRedirectIngress) != 0;
  return ingress ? to_ingress(packet, *target) : to_egress(packet, *target);
}

DropReason Redirector::to_peer(PacketPtr& packet, Device& target, const bpf::RedirectRecord& record) {
  Device* const peer = target.peer();
  if (peer == nullptr || !peer->is_up() || peer->netns() == packet->meta.dev->netns()) {
    return DropReason::kRedirectNoPeer;
  }
  scrub_packet(*packet);
  if ((record.flags & bpf::kRedirectPeerEgress) != 0) return to_egress(packet, *peer);
  if (hook_ != Hook::kIngress) return DropReason::kRedirectNoPeer;
  CpuCounters& counters = execution_.counters(*peer);
  counters.rx_packets.add(1);
  counters.rx_bytes.add(packet->len());
  packet->pull(packet->meta.mac_len);
  collect(std::move(packet), *peer, Way::kReceivePeer);
  return DropReason::kNone;
}

DropReason Redirector::to_neighbour(PacketPtr& packet, Device& target, const bpf::RedirectRecord& record) {
  if (!has_mac_header(*packet)) return DropReason::kRedirectHeader;
  if (mac_at(packet->data()).is_group()) return DropReason::kNeighUnsupported;
  if (packet->meta.protocol != kProtoIpv4 && packet->meta.protocol != kProtoIpv6)
    return DropReason::kNeighUnsupported;
  const NeighbourOutput output = execution_.neighbour_output();
  if (output == nullptr) return DropReason::kNeighFailed;
  if (execution_.too_deep()) return DropReason::kRecursion;
  flush();  // what went before goes out before
  const Execution::Nesting nesting(execution_);
  prepare_for_egress(*packet, hook_);
  output(execution_.neighbour_self(), execution_, target, std::move(packet), record);
  return DropReason::kNone;
}

DropReason Redirector::to_ingress(PacketPtr& packet, Device& target) {
  inject_into(execution_, std::move(packet), target);
  return DropReason::kNone;
}

DropReason Redirector::to_egress(PacketPtr& packet, Device& target) {
  if (execution_.too_deep()) return DropReason::kRecursion;
  prepare_for_egress(*packet, hook_);
  collect(std::move(packet), target, Way::kTransmit);
  return DropReason::kNone;
}

void Redirector::collect(PacketPtr packet, Device& target, Way way) {
  if (target_ != &target || way_ != way || collected_.full()) flush();
  target_ = &target;
  way_ = way;
  collected_.push(std::move(packet));
}

void Redirector::flush() {
  if (collected_.empty()) return;
  PacketBatch batch = std::move(collected_);
  if (way_ == Way::kReceivePeer) {
    receive_packets(execution_, *target_, batch, round_ + 1);
    return;
  }
  const Execution::Nesting nesting(execution_);
  queue_transmit(execution_, *target_, batch);
}

std::int64_t clone_redirect(Execution& execution, bpf::RunContext& run, std::uint32_t ifindex,
                            std::uint64_t flags) {
  if ((flags & ~std::uint64_t{bpf::kRedirectIngress}) != 0) return -EINVAL;
  Packet& original = *run.packet;
  Device* const target = original.meta.dev->netns()->find(ifindex);
  if (target == nullptr) return -EINVAL;
  PacketPtr clone = execution.pool().copy(original);
  if (clone == nullptr) return -ENOMEM;
  if (!has_mac_header(*clone)) return -ERANGE;

  if (flags != 0) {
    constexpr std::int64_t kReceiveDrop = 1;  // NET_RX_DROP
    return inject_into(execution, std::move(clone), *target) ? 0 : kReceiveDrop;
  }
  if (execution.too_deep()) return -ENETDOWN;
  prepare_for_egress(*clone, original.meta.at_ingress ? Hook::kIngress : Hook::kEgress);
  PacketBatch batch;
  batch.push(std::move(clone));
  const Execution::Nesting nesting(execution);
  return static_cast<std::int64_t>(queue_transmit(execution, *target, batch));
}

}  // namespace netkit::device
