// The qdisc that a device may have beside its queues (net/sched/sch_ingress.c): "ingress" holds filters for
// received packets, "clsact" for received and for sent ones. It queues nothing.
#pragma once

#include <optional>
#include <string_view>

#include "device/filter_block.h"
#include "device/mprog.h"

namespace netkit::device {

enum class QdiscKind : std::uint8_t { kIngress, kClsact };
[[nodiscard]] std::string_view name_of(QdiscKind kind);

enum class Direction : std::uint8_t { kIngress, kEgress };

struct QdiscStats {
  std::uint64_t bytes = 0;    // of packets that came to filters; received ones without their Ethernet header
  std::uint64_t packets = 0;  // segments of super-packets
  std::uint64_t drops = 0;    // TC_ACT_SHOT

  friend bool operator==(const QdiscStats&, const QdiscStats&) = default;
};

class Clsact {
 public:
  // The tcx lists of the same device: their revision goes on for as long as there is a qdisc.
  Clsact(ProgramList& ingress_list, ProgramList& egress_list)
      : ingress_list_(ingress_list), egress_list_(egress_list) {}

  // Data path: null while there is no qdisc for that direction. Valid until the reader's next quiescent
  // state.
  [[nodiscard]] const FilterList* read(Direction direction) const {
    return (direction == Direction::kIngress ? ingress_hook_ : egress_hook_).read();
  }

  // ---- under the configuration lock ----
  // What there is; empty: no qdisc.
  [[nodiscard]] std::optional<QdiscKind> kind(const Rtnl&) const { return kind_; }
  // Whether somebody has asked for a qdisc here before (dev_ingress_queue): some errors depend on it.
  [[nodiscard]] bool known(const Rtnl&) const { return known_; }
  void make_known(const Rtnl&) { known_ = true; }
  // The filters of a direction; null: the qdisc has none there.
  [[nodiscard]] FilterBlock* block(const Rtnl& rtnl, Direction direction);
  [[nodiscard]] const FilterBlock* block(const Rtnl& rtnl, Direction direction) const;
  [[nodiscard]] QdiscStats stats(const Rtnl& rtnl) const;

  // Puts an empty one in the place of what is there. Indices of the blocks: see FilterBlock.
  void install(const Rtnl& rtnl, QdiscKind kind, std::uint32_t ingress_block = 0,
               std::uint32_t egress_block = 0);
  // With all its filters.
  void remove(const Rtnl& rtnl);

 private:
  ProgramList& ingress_list_;
  ProgramList& egress_list_;
  FilterBlock::Hook ingress_hook_, egress_hook_;
  bool known_ = false;
  std::optional<QdiscKind> kind_;
  FilterBlock::Counters counters_;
  std::optional<FilterBlock> ingress_, egress_;
};

}  // namespace netkit::device
