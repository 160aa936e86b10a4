// Executing redirects (spec redirect-and-forwarding.md 3; skb_do_redirect).
#pragma once

#include "bpf/run/redirect.h"
#include "device/execution.h"
#include "packet/drop_reason.h"

namespace netkit::device {

enum class Hook : std::uint8_t { kNetkit, kIngress, kEgress };

// The redirects of one batch at one hook. Packets for the same target are collected and sent together, in
// order, as nested transmissions on this thread.
class Redirector {
 public:
  // `flow` is the hook's direction of its device: redirected packets and failed redirects are counted there.
  // `round`: see receive_packets.
  Redirector(Execution& execution, FlowCounters& flow, Hook hook, std::uint32_t round = 0)
      : execution_(execution), flow_(flow), hook_(hook), round_(round) {}
  Redirector(const Redirector&) = delete;
  Redirector& operator=(const Redirector&) = delete;

  // Verdict 7: reads and clears the redirect record, and does what it says. Data is at the MAC header.
  void redirect(PacketPtr packet);
  // Sends what is collected; the end of the batch.
  void flush();

 private:
  // What is done with packets of the present collection.
  enum class Way : std::uint8_t { kTransmit, kReceivePeer };

  [[nodiscard]] DropReason execute(PacketPtr& packet, const bpf::RedirectRecord& record);
  [[nodiscard]] DropReason to_peer(PacketPtr& packet, Device& target, const bpf::RedirectRecord& record);
  [[nodiscard]] DropReason to_neighbour(PacketPtr& packet, Device& target, const bpf::RedirectRecord& record);
  [[nodiscard]] DropReason to_ingress(PacketPtr& packet, Device& target);
  [[nodiscard]] DropReason to_egress(PacketPtr& packet, Device& target);
  void collect(PacketPtr packet, Device& target, Way way);

  Execution& execution_;
  FlowCounters& flow_;
  Hook hook_;
  std::uint32_t round_;
  Device* target_ = nullptr;
  Way way_ = Way::kTransmit;
  PacketBatch collected_;
};

// bpf_clone_redirect: sends a copy of the run's packet now. 0, a positive NET_* code, or a negative errno.
[[nodiscard]] std::int64_t clone_redirect(Execution& execution, bpf::RunContext& run, std::uint32_t ifindex,
                                          std::uint64_t flags);

}  // namespace netkit::device
