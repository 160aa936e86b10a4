#include "device/clsact.h"

namespace netkit::device {

std::string_view name_of(QdiscKind kind) {
  return kind == QdiscKind::kIngress ? "ingress" : "clsact";
}

FilterBlock* Clsact::block(const Rtnl&, Direction direction) {
  std::optional<FilterBlock>& block = direction == Direction::kIngress ? ingress_ : egress_;
  return block ? &*block : nullptr;
}

const FilterBlock* Clsact::block(const Rtnl&, Direction direction) const {
  const std::optional<FilterBlock>& block = direction == Direction::kIngress ? ingress_ : egress_;
  return block ? &*block : nullptr;
}

QdiscStats Clsact::stats(const Rtnl&) const {
  QdiscStats stats;
  if (counters_ == nullptr) return stats;
  counters_->for_each([&stats](const QdiscCounters& counters) {
    stats.bytes += counters.bytes.get();
    stats.packets += counters.packets.get();
    stats.drops += counters.drops.get();
  });
  return stats;
}

void Clsact::install(const Rtnl& rtnl, QdiscKind kind, std::uint32_t ingress_block,
                     std::uint32_t egress_block) {
  remove(rtnl);
  known_ = true;
  kind_ = kind;
  counters_ = std::make_shared<PerCpu<QdiscCounters>>();
  ingress_.emplace(rtnl, ingress_hook_, counters_, ingress_block);
  ingress_list_.share(rtnl, true);
  if (kind == QdiscKind::kIngress) return;
  egress_.emplace(rtnl, egress_hook_, counters_, egress_block);
  egress_list_.share(rtnl, true);
}

void Clsact::remove(const Rtnl& rtnl) {
  kind_.reset();
  ingress_.reset();
  egress_.reset();
  counters_.reset();
  ingress_list_.share(rtnl, false);
  egress_list_.share(rtnl, false);
}

}  // namespace netkit::device
