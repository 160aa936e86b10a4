#include "bpf/run/regions.h"

#include <algorithm>
#include <bit>

namespace netkit::bpf {
namespace {

constexpr unsigned kSmallestLevel = 6;  // granules of less than a cache line would only make more levels

// 2^level is the granule size for a region of that many bytes.
unsigned level_of(std::uint64_t bytes) {
  return std::max(kSmallestLevel, static_cast<unsigned>(std::bit_width(bytes - (bytes != 0))));
}

std::size_t hash_of(std::uint64_t granule, unsigned level) {
  const std::uint64_t mixed = (granule + level) * 0x9e37'79b9'7f4a'7c15U;  // Fibonacci hashing
  return static_cast<std::size_t>(mixed ^ (mixed >> 32));
}

}  // namespace

std::string_view region_kind_name(RegionKind kind) {
  switch (kind) {
    case RegionKind::kNone:
      return "none";
    case RegionKind::kStack:
      return "stack";
    case RegionKind::kPacket:
      return "packet";
    case RegionKind::kPacketMeta:
      return "packet_meta";
    case RegionKind::kContext:
      return "ctx";
    case RegionKind::kMapValue:
      return "map_value";
    case RegionKind::kGlobalData:
      return "global_data";
    case RegionKind::kReservation:
      return "reservation";
    case RegionKind::kMemory:
      return "mem";
    case RegionKind::kSocket:
      return "sock";
    case RegionKind::kTcpSocket:
      return "tcp_sock";
  }
  return "none";
}

void RegionTable::begin(std::span<const Region> globals) {
  globals_ = globals;
  handed_out_.clear();
  free_.clear();
  last_ = &kNowhere;
  if (indexed()) std::ranges::fill(index_, kEmpty);
  index_used_ = 0;
  levels_ = 0;
}

void RegionTable::hand_out(const Region& region) {
  if (region.size == 0) return;
  const std::size_t known = find_handed_out(region.base, region.size);
  if (known < handed_out_.size() && handed_out_[known].base == region.base &&
      handed_out_[known].size == region.size) {
    handed_out_[known] = region;
    return;
  }
  std::size_t position = handed_out_.size();
  if (free_.empty()) {
    handed_out_.push_back(region);
  } else {
    position = free_.back();
    free_.pop_back();
    handed_out_[position] = region;
  }
  last_ = &handed_out_[position];
  if (indexed()) {
    index(static_cast<std::uint32_t>(position));
  } else if (handed_out_.size() > kSearched) {
    rebuild_index();
  }
}

void RegionTable::take_back(std::uint64_t base) {
  const std::size_t position = find_handed_out(base, 1);
  if (position >= handed_out_.size() || handed_out_[position].base != base) return;
  // Entries of the index may stay: they lead to a region that holds nothing, or to its successor.
  handed_out_[position] = Region{};
  free_.push_back(static_cast<std::uint32_t>(position));
}

const Region* RegionTable::find(std::uint64_t at, std::uint64_t bytes) const {
  if (stack.holds(at, bytes)) return &stack;
  if (packet.holds(at, bytes)) return &packet;
  if (context.holds(at, bytes)) return &context;
  return find_memory(at, bytes);
}

const Region* RegionTable::search_memory(std::uint64_t at, std::uint64_t bytes) const {
  const auto after = std::ranges::upper_bound(globals_, at, {}, &Region::base);
  if (after != globals_.begin() && std::prev(after)->holds(at, bytes)) return last_ = &*std::prev(after);
  const std::size_t position = find_handed_out(at, bytes);
  return position < handed_out_.size() ? last_ = &handed_out_[position] : nullptr;
}

const Region* RegionTable::nearest(std::uint64_t at) const {
  const Region* best = nullptr;
  const auto consider = [&](const Region& region) {
    if (region.size == 0 || region.base > at) return;
    if (best == nullptr || region.base > best->base) best = &region;
  };
  for (const Region* region : {&stack, &packet, &context}) consider(*region);
  for (const Region& region : globals_) consider(region);
  for (const Region& region : handed_out_) consider(region);
  return best;
}

// The position of the region that holds the range, or handed_out_.size().
std::size_t RegionTable::find_handed_out(std::uint64_t at, std::uint64_t bytes) const {
  if (!indexed()) {
    for (std::size_t position = handed_out_.size(); position-- > 0;) {
      if (handed_out_[position].holds(at, bytes)) return position;
    }
    return handed_out_.size();
  }
  const std::size_t mask = index_.size() - 1;
  for (std::uint64_t rest = levels_; rest != 0; rest &= rest - 1) {
    const auto level = static_cast<unsigned>(std::countr_zero(rest));
    for (std::size_t slot = hash_of(at >> level, level) & mask; index_[slot] != kEmpty;
         slot = (slot + 1) & mask) {
      if (handed_out_[index_[slot]].holds(at, bytes)) return index_[slot];
    }
  }
  return handed_out_.size();
}

void RegionTable::index(std::uint32_t position) {
  if ((index_used_ + 2) * 2 > index_.size()) return rebuild_index();
  const Region& region = handed_out_[position];
  const unsigned level = level_of(region.size);
  const std::uint64_t first = region.base >> level;
  const std::uint64_t last = (region.base + region.size - 1) >> level;
  insert(first, level, position);
  if (last != first) insert(last, level, position);
  levels_ |= std::uint64_t{1} << level;
}

void RegionTable::insert(std::uint64_t granule, unsigned level, std::uint32_t position) {
  const std::size_t mask = index_.size() - 1;
  std::size_t slot = hash_of(granule, level) & mask;
  while (index_[slot] != kEmpty) slot = (slot + 1) & mask;
  index_[slot] = position;
  ++index_used_;
}

void RegionTable::rebuild_index() {
  const std::size_t live = handed_out_.size() - free_.size();
  index_.assign(std::max(index_.size(), std::bit_ceil((live + 1) * 8)), kEmpty);
  index_used_ = 0;
  levels_ = 0;
  for (std::uint32_t position = 0; position < handed_out_.size(); ++position) {
    if (handed_out_[position].size != 0) index(position);
  }
}

}  // namespace netkit::bpf
