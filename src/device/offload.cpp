#include "device/offload.h"

#include "packet/checksum.h"
#include "packet/segment.h"

namespace netkit::device {
namespace {

bool takes_whole(const PortOffloads& offloads, const Packet& packet) {
  if (packet.len() > offloads.max_len) return false;
  const std::uint32_t type = packet.meta.gso.type;
  if ((type & kGsoTcp4) != 0) return offloads.tso4;
  if ((type & kGsoTcp6) != 0) return offloads.tso6;
  if ((type & kGsoUdpL4) != 0) return offloads.uso;
  return false;
}

class PortWriter {
 public:
  PortWriter(Execution& execution, Device& device, Port& port)
      : execution_(execution),
        flow_(execution.counters(device).receive),
        port_(port),
        offloads_(port.offloads()) {}

  void send(PacketPtr packet) {
    if (!is_gso(*packet) || takes_whole(offloads_, *packet)) return write(std::move(packet));
    const SegmentChecksum checksum =
        offloads_.checksum ? SegmentChecksum::kPartial : SegmentChecksum::kComplete;
    const auto segments =
        segment(*packet, execution_.pool(), checksum, [this](PacketPtr piece) { push(std::move(piece)); });
    segments ? flow_.forwarded.add(1) : flow_.drop(segments.error());
  }

  void finish() {
    if (!ready_.empty()) execution_.hand_to(port_, ready_);
  }

 private:
  void write(PacketPtr packet) {
    if (packet->len() > offloads_.max_len) return flow_.drop(DropReason::kTooLong);
    const bool partial = packet->meta.csum.state == ChecksumState::kPartial;
    if (partial && !offloads_.checksum && !complete_checksum(*packet))
      return flow_.drop(DropReason::kMalformed);
    flow_.forwarded.add(1);
    push(std::move(packet));
  }

  void push(PacketPtr packet) {
    if (ready_.full()) execution_.hand_to(port_, ready_);
    ready_.push(std::move(packet));
  }

  Execution& execution_;
  FlowCounters& flow_;
  Port& port_;
  const PortOffloads offloads_;
  PacketBatch ready_;
};

}  // namespace

void send_up(Execution& execution, Device& device, Port& port, PacketBatch& batch) {
  PortWriter writer(execution, device, port);
  for (PacketPtr& packet : batch) writer.send(std::move(packet));
  batch.clear();
  writer.finish();
}

}  // namespace netkit::device
