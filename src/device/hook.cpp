#include "device/hook.h"

#include "device/run_list.h"
#include "packet/segment.h"

namespace netkit::device {
namespace {

// TC_ACT_*: the ones that a filter's verdict can come to.
enum Action : std::int32_t {
  kActUnspec = -1,  // the next filter decides
  kActOk = 0,
  kActShot = 2,
  kActStolen = 4,
  kActRedirect = 7,
  kActTrap = 8,
};

constexpr std::int32_t kDefaultClass = -1;  // of a program that only classifies

// Bytes and packets as the queueing layer counts them: the headers of each segment of a super-packet, and at
// a receive hook without the Ethernet header.
void count(QdiscCounters& counters, const Packet& packet) {
  const std::uint32_t segments = packet.meta.gso.size != 0 ? segment_count(packet) : 1;
  const std::uint32_t outside = packet.meta.at_ingress ? packet.meta.mac_len * segments : 0U;
  counters.bytes.add(wire_length(packet) - outside);
  counters.packets.add(segments);
}

// cls_bpf_exec_opcode
std::int32_t direct_action(std::int32_t answer) {
  switch (answer) {
    case kActOk:
    case kActShot:
    case kActStolen:
    case kActRedirect:
    case kActTrap:
      return answer;
    default:
      return kActUnspec;
  }
}

// One filter's verdict (a round of cls_bpf_classify); kActOk sets tc_index to the minor number of the class.
std::int32_t run_filter(Execution& execution, const Filter& filter, Packet& packet) {
  PacketMeta& meta = packet.meta;
  meta.tc_classid = static_cast<std::uint16_t>(filter.classid);
  const std::int32_t answer = execution.run(*filter.program, packet);
  if (meta.tstamp == 0) meta.tstamp_type = TimestampType::kRealtime;
  if (execution.faulted()) return kActShot;

  if (filter.direct_action) {
    const std::int32_t action = direct_action(answer);
    if (action == kActOk) meta.tc_index = meta.tc_classid;
    return action;
  }
  if (answer == 0) return kActUnspec;
  meta.tc_index = static_cast<std::uint16_t>(answer == kDefaultClass ? filter.classid
                                                                     : static_cast<std::uint32_t>(answer));
  return kActOk;
}

// skb_protocol: that of the tag, where it is held beside the bytes.
Be16 protocol_of(const Packet& packet) {
  return packet.meta.vlan.present ? packet.meta.vlan.proto : packet.meta.protocol;
}

// tcf_classify
std::int32_t classify(Execution& execution, const FilterChain& chain, Packet& packet) {
  for (const Classifier& classifier : chain) {
    if (classifier.protocol != kEveryProtocol && classifier.protocol != protocol_of(packet)) continue;
    for (const Filter& filter : classifier.filters) {
      const std::int32_t action = run_filter(execution, filter, packet);
      if (action != kActUnspec) return action;
    }
  }
  return kActUnspec;
}

// tc_run
HookVerdict run_filters(Execution& execution, const FilterList& list, Packet& packet) {
  if (list.chain.empty()) return HookVerdict::kContinue;
  QdiscCounters& counters = (*list.counters)[execution.cpu()];
  count(counters, packet);
  switch (classify(execution, list.chain, packet)) {
    case kActShot:
      counters.drops.add(1);
      return HookVerdict::kDrop;
    case kActRedirect:
      return HookVerdict::kRedirect;
    case kActStolen:
    case kActTrap:
      return HookVerdict::kStolen;
    default:
      return HookVerdict::kContinue;
  }
}

}  // namespace

HookVerdict DirectionHook::run(Execution& execution, Packet& packet) const {
  if (tcx_ != nullptr) {
    switch (run_list(execution, *tcx_, packet)) {
      case bpf::kRedirect:
        return HookVerdict::kRedirect;
      case bpf::kDrop:
        return HookVerdict::kDrop;
      case bpf::kPass:
        packet.meta.tc_index = packet.meta.tc_classid;
        return HookVerdict::kContinue;
      default:  // NEXT, or an answer that tcx does not know: it ended the list, the filters decide
        break;
    }
  }
  return classic_ != nullptr ? run_filters(execution, *classic_, packet) : HookVerdict::kContinue;
}

}  // namespace netkit::device
