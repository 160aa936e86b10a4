#include <fmt/format.h>

#include <cstdint>
#include <limits>

#include "bpf/exec/machine.h"
#include "bpf/map/map.h"
#include "bpf/object/image.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kNear = 65536;     // further off, a region's name would only mislead
constexpr std::uint64_t kNullPage = 4096;  // addresses below come from null pointers

std::int64_t distance(std::uint64_t address, std::uint64_t from) {
  return static_cast<std::int64_t>(address - from);
}

bool near(std::uint64_t address, const Region& region) {
  return region.kind != RegionKind::kNone &&
         (address - region.base < region.size + kNear || region.base - address < kNear);
}

// A pointer to a map is for helpers only; programs are fond of forgetting the lookup.
const Map* map_at(const RunContext& run, std::uint64_t address) {
  for (const auto& map : run.program->image->maps) {
    if (address - reinterpret_cast<std::uint64_t>(map.get()) < sizeof(Map)) return map.get();
  }
  return nullptr;
}

}  // namespace

std::string describe_address(const RunContext& run, std::uint64_t frame_pointer, std::uint64_t address) {
  const RegionTable& regions = run.regions;
  if (address < kNullPage) return fmt::format("null+{}", address);
  if (address == kClobbered || address - kClobbered < kNear || kClobbered - address < kNear)
    return "an address in a register that a call has clobbered";
  if (address >= kFunctionTag && address - kFunctionTag < kNear) return "a function";

  if (const Map* map = map_at(run, address))
    return fmt::format("the map '{}' itself, not a value of it", map->spec().name);

  const Region frames{frame_pointer - kStackSize, kStackSize, RegionKind::kStack, true, 0};
  const Region* const region = regions.nearest(address);
  const bool inside = region != nullptr && region->holds(address, 1);
  if (!inside && near(address, regions.packet)) {
    const std::uint64_t data = regions.packet.base + run.packet->meta.meta_len;
    return fmt::format("packet{:+} (packet has {} bytes)", distance(address, data),
                       regions.packet.size - run.packet->meta.meta_len);
  }
  if (near(address, frames) && (!inside || region->kind == RegionKind::kStack)) {
    return fmt::format("stack{:+} (a frame has {} bytes)", distance(address, frame_pointer), kStackSize);
  }
  if (region == nullptr || !near(address, *region)) return "an address outside of all memory of the program";
  switch (region->kind) {
    case RegionKind::kPacket:
      return fmt::format("packet{:+} (packet has {} bytes)",
                         distance(address, region->base + run.packet->meta.meta_len),
                         region->size - run.packet->meta.meta_len);
    case RegionKind::kMapValue:
    case RegionKind::kGlobalData:
      return fmt::format("{}{:+} of map {} (it has {} bytes)", region_kind_name(region->kind),
                         distance(address, region->base), region->owner, region->size);
    default:
      return fmt::format("{}{:+} (it has {} bytes)", region_kind_name(region->kind),
                         distance(address, region->base), region->size);
  }
}

}  // namespace netkit::bpf
