#include "bpf/trace/value_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "bpf/exec/operation.h"
#include "bpf/map/map.h"
#include "bpf/object/image.h"
#include "bpf/run/skb.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kShortNumber = 4096;
constexpr std::uint64_t kPastEnd = 4096;  // so far behind a packet a pointer still is about it
constexpr std::uint64_t kMostBytes = 16;  // of memory that is shown with an argument

std::int64_t distance(std::uint64_t address, std::uint64_t from) {
  return static_cast<std::int64_t>(address - from);
}

std::string map_name(const Step& step, std::uint32_t id) {
  for (const auto& map : step.run.program->image->maps) {
    if (map->id() == id) return map->spec().name;
  }
  for (const std::uint64_t found : step.run.found_maps) {
    const Map& map = *reinterpret_cast<const Map*>(found);
    if (map.id() == id) return map.spec().name;
  }
  return fmt::format("map id {}", id);
}

// The program's own frame, or that of a caller.
std::string stack_name(const Step& step, std::uint64_t address) {
  std::uint64_t frame = step.frame_pointer;
  std::uint32_t callers = 0;
  while (address >= frame && callers < step.depth) {
    frame += kStackSize;
    ++callers;
  }
  const std::string caller = callers == 0 ? "" : fmt::format("[{}]", step.depth - callers);
  return address == frame ? "fp" + caller : fmt::format("fp{}{:+}", caller, distance(address, frame));
}

bool is_stack(const Step& step, std::uint64_t address) {
  const std::uint64_t low = step.frame_pointer - kStackSize;
  const std::uint64_t top = step.frame_pointer + std::uint64_t{step.depth} * kStackSize;
  return address >= low && address <= top;
}

}  // namespace

std::string number_text(std::uint64_t value) {
  const auto number = static_cast<std::int64_t>(value);
  if (value < kShortNumber || (number < 0 && number > -static_cast<std::int64_t>(kShortNumber)))
    return std::to_string(number);
  return fmt::format("{:#x}", value);
}

const Map* ValueNames::map_at(const Step& step, std::uint64_t value) {
  for (const auto& map : step.run.program->image->maps) {
    if (reinterpret_cast<std::uint64_t>(map.get()) == value) return map.get();
  }
  const bool found = std::ranges::find(step.run.found_maps, value) != step.run.found_maps.end();
  return found ? reinterpret_cast<const Map*>(value) : nullptr;
}

std::string ValueNames::name(const Step& step, std::uint64_t value) const {
  if (value < kShortNumber) return number_text(value);
  if (value == kClobbered) return "clobbered";
  const ProgramImage& image = *step.run.program->image;
  if (value >= kFunctionTag && value - kFunctionTag < image.functions.size())
    return image.functions[value - kFunctionTag].name;
  if (const Map* map = map_at(step, value)) return map->spec().name;

  const RegionTable& regions = step.run.regions;
  if (regions.context.holds(value, 1)) {
    const std::uint64_t offset = value - regions.context.base;
    return offset == 0 ? "ctx" : fmt::format("ctx+{}", offset);
  }
  if (is_stack(step, value)) return stack_name(step, value);
  const std::uint64_t data = regions.packet.base + step.run.packet->meta.meta_len;
  if (value >= regions.packet.base && value - regions.packet.base <= regions.packet.size + kPastEnd &&
      regions.find(value, 1) == nullptr)
    return fmt::format("packet{:+}", distance(value, data));
  const Region* region = regions.find(value, 1);
  if (region == nullptr) return number_text(value);
  const std::int64_t offset = distance(value, region->base);
  switch (region->kind) {
    case RegionKind::kPacket:
    case RegionKind::kPacketMeta:
      return fmt::format("packet{:+}", distance(value, data));
    case RegionKind::kMapValue: {
      const auto known = values_.find(region->base);
      return fmt::format(
          "{}{:+}", known != values_.end() ? known->second : map_name(step, region->owner) + "[?]", offset);
    }
    case RegionKind::kGlobalData:
      return fmt::format("{}{:+}", map_name(step, region->owner), offset);
    default:
      return fmt::format("{}{:+}", region_kind_name(region->kind), offset);
  }
}

std::string ValueNames::place(const Step& step, std::uint64_t address, std::uint32_t size) const {
  if (address < kShortNumber) return fmt::format("null+{}", address);
  const Region& context = step.run.regions.context;
  if (!context.holds(address, size)) return name(step, address);
  const std::uint64_t offset = address - context.base;
  const SkbFieldInfo* field = skb_readable(offset, size);
  if (field == nullptr) return name(step, address);
  const std::uint64_t inside = offset - field->offset;
  return inside == 0 ? fmt::format("skb->{}", field->name) : fmt::format("skb->{}+{}", field->name, inside);
}

std::string ValueNames::hex(const Step& step, std::uint64_t address, std::uint64_t size) {
  const Region* region = step.run.regions.find(address, size);
  if (region == nullptr || region->kind == RegionKind::kContext) return {};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(address);
  return fmt::format("{:02x}", fmt::join(std::span(bytes, size), ""));
}

std::string ValueNames::bytes(const Step& step, std::uint64_t address, std::uint64_t size) {
  const std::uint64_t shown = std::min(size, kMostBytes);
  const std::string digits = hex(step, address, shown);
  if (digits.empty()) return {};
  return fmt::format("{{{}{}}}", digits, shown < size ? "..." : "");
}

}  // namespace netkit::bpf
