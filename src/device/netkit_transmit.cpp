// The transmit routine of netkit (netkit_xmit; spec netkit-device.md section 8): the step numbers are those
// of its 8.2.
#include "bpf/run/types.h"
#include "device/ethernet.h"
#include "device/namespace.h"
#include "device/netkit.h"
#include "device/receive.h"
#include "device/redirect.h"
#include "device/run_list.h"
#include "device/scrub.h"

namespace netkit::device {
namespace {

// What holds for all packets of a batch: both ends, and what the owner's settings are at this moment.
class Crossing {
 public:
  Crossing(Execution& execution, Netkit& owner, Netkit* end)
      : execution_(execution),
        counters_(execution.counters(owner)),
        end_(end),
        list_(owner.programs.read()),
        policy_(owner.policy()),
        other_namespace_(end != nullptr && end->netns() != owner.netns()),
        clears_marks_(other_namespace_ && owner.scrub() == NetkitScrub::kDefault),
        redirector_(execution, counters_.transmit, Hook::kNetkit) {}

  TransmitStatus transmit(PacketPtr packet) {
    const std::uint32_t length = packet->len();  // step 1
    if (end_ == nullptr) return drop(DropReason::kNoPeer);
    if (!end_->is_up()) return drop(DropReason::kPeerDown);
    if (!packet->make_linear(kEthernetHeader)) return drop(DropReason::kTooShort);
    prepare(*packet);

    if (list_ == nullptr) {  // steps 2 and 12
      if (policy_ == NetkitPolicy::kDrop) return drop(DropReason::kPolicy);
      return pass(std::move(packet), length);
    }
    execution_.begin_packet();                        // step 3
    switch (run_list(execution_, *list_, *packet)) {  // step 13
      case bpf::kNext:
      case bpf::kPass:
        return pass(std::move(packet), length);
      case bpf::kRedirect:
        return redirect(std::move(packet), length);
      default:
        return drop(verdict_reason(execution_, DropReason::kVerdict));
    }
  }

  void finish() { redirector_.flush(); }

 private:
  // Steps 6 to 11.
  void prepare(Packet& packet) {
    scrub_packet(packet);
    packet.meta.nf_skip_egress = true;
    packet.set_mac_header();
    if (other_namespace_) clear_receive_timestamp(packet);
    if (clears_marks_) scrub_marks(packet);
    set_packet_type(packet, *end_);
    packet.meta.dev = end_;
    packet.meta.ifindex = end_->ifindex();
  }

  TransmitStatus pass(PacketPtr packet, std::uint32_t length) {
    if (packet->len() < kEthernetHeader) return drop(DropReason::kTooShort);
    packet->pull(kEthernetHeader);
    if (!enqueue_to_backlog(execution_, *end_, std::move(packet))) {
      return drop(end_->is_up() ? DropReason::kBacklogFull : DropReason::kPeerDown);
    }
    counters_.transmit.forwarded.add(1);
    count_sent(length);
    CpuCounters& receiver = execution_.counters(*end_);
    receiver.rx_packets.add(1);
    receiver.rx_bytes.add(length);
    return TransmitStatus::kSuccess;
  }

  // Counted as sent whatever becomes of it.
  TransmitStatus redirect(PacketPtr packet, std::uint32_t length) {
    count_sent(length);
    redirector_.redirect(std::move(packet));
    return TransmitStatus::kSuccess;
  }

  TransmitStatus drop(DropReason reason) {
    counters_.tx_dropped.add(1);
    counters_.transmit.drop(reason);
    return TransmitStatus::kDrop;
  }

  void count_sent(std::uint32_t length) {
    counters_.tx_packets.add(1);
    counters_.tx_bytes.add(length);
  }

  Execution& execution_;
  CpuCounters& counters_;
  Netkit* const end_;
  const ProgramList::Snapshot* const list_;
  const NetkitPolicy policy_;
  const bool other_namespace_;
  const bool clears_marks_;
  Redirector redirector_;
};

}  // namespace

TransmitStatus Netkit::start_transmit(Execution& execution, PacketBatch& batch) {
  Crossing crossing(execution, *this, other());  // step 4
  TransmitStatus status = TransmitStatus::kSuccess;
  for (PacketPtr& packet : batch) status = merge(status, crossing.transmit(std::move(packet)));
  batch.clear();
  crossing.finish();
  return status;  // step 14: the caller is inside the read section
}

}  // namespace netkit::device
