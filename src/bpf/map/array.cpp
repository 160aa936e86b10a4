#include "bpf/map/array.h"

#include "base/per_cpu.h"
#include "bpf/map/create.h"
#include "bpf/map/user_value.h"

namespace netkit::bpf {
namespace {

class ArrayMap final : public Map {
 public:
  ArrayMap(const MapSpec& spec, MapMemory memory, const ArrayGeometry& geometry)
      : Map(spec, kOperations, std::move(memory)), geometry_(geometry) {
    this->memory().describe(geometry_);
  }

  [[nodiscard]] Region direct_value() const override {
    if (spec().type != MapType::kArray || geometry_.max_entries != 1) return {};
    return {reinterpret_cast<std::uint64_t>(base() + geometry_.values), geometry_.value_size,
            RegionKind::kGlobalData, program_may_write(), id()};
  }

  const void* key_of(const void* value, std::uint32_t& room) const override {
    const auto* values = base() + geometry_.values;
    room = static_cast<std::uint32_t>((static_cast<const std::byte*>(value) - values) / geometry_.stride);
    return &room;
  }

  ~ArrayMap() override { user_references_gone(); }

 private:
  static void* lookup(Map& map, const void* key, std::uint32_t cpu) {
    auto& array = static_cast<ArrayMap&>(map);
    return array_lookup(array.base(), array.geometry_, key, cpu);
  }
  static std::int64_t update(Map& map, const void* key, const void* value, std::uint64_t flags,
                             std::uint32_t cpu) {
    auto& array = static_cast<ArrayMap&>(map);
    return array_update(array.base(), array.geometry_, key, value, flags, cpu);
  }
  static std::int64_t erase(Map&, const void*) { return -EINVAL; }
  static std::int64_t for_each(Map& map, std::uint32_t cpu, const ElementVisitor& visit) {
    auto& array = static_cast<ArrayMap&>(map);
    return array_for_each(array.base(), array.geometry_, cpu, visit);
  }
  static constexpr MapOperations kOperations{
      .lookup = lookup, .update = update, .erase = erase, .for_each = for_each};

  [[nodiscard]] bool per_cpu() const { return geometry_.plane_size != 0; }
  [[nodiscard]] std::byte* value(std::uint32_t index, std::uint32_t cpu) const {
    return array_value(base(), geometry_, index, cpu);
  }

  Result<> user_lookup(const std::byte* key, std::byte* to, std::uint64_t flags) override {
    const std::uint32_t index = array_index(key);
    if (index >= geometry_.max_entries) return answer(-ENOENT);
    for_each_copy(per_cpu(), geometry_.value_size, flags,
                  [&](std::uint32_t cpu, std::size_t at, std::size_t bytes) {
                    read_copy(value(index, cpu), to + at, bytes, flags);
                  });
    return {};
  }

  Result<> user_update(const std::byte* key, const std::byte* from, std::uint64_t flags) override {
    const std::uint32_t index = array_index(key);
    const std::int64_t refused = array_check_update(geometry_, index, without_cpu(flags));
    if (refused != 0) return answer(refused);
    for_each_copy(per_cpu(), geometry_.value_size, flags,
                  [&](std::uint32_t cpu, std::size_t at, std::size_t bytes) {
                    write_copy(value(index, cpu), from + at, bytes, flags);
                  });
    return {};
  }

  Result<> user_delete(const std::byte*) override { return answer(-EINVAL); }

  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    return answer(array_next_key(geometry_.max_entries, key, next));
  }

  // The padding of per-CPU copies belongs to them, and such values have no special members.
  void read_copy(std::byte* value, std::byte* to, std::size_t bytes, std::uint64_t flags) const {
    if (per_cpu()) return copy_from_shared(to, value, bytes);
    if ((flags & kLock) != 0)
      return copy_from_locked_value(to, value, geometry_.value_size, geometry_.fields);
    copy_from_value(to, value, geometry_.value_size, geometry_.fields);
  }
  void write_copy(std::byte* value, const std::byte* from, std::size_t bytes, std::uint64_t flags) const {
    if (per_cpu()) return copy_to_shared(value, from, bytes);
    array_write(value, geometry_, from, flags);
  }

  // Timers go with the last user reference (array_map_free_internal_structs).
  void user_references_gone() override {
    if (geometry_.fields.timer == kNoField) return;
    for (std::uint32_t index = 0; index < geometry_.max_entries; ++index)
      free_timer(value(index, 0) + geometry_.fields.timer);
  }

  ArrayGeometry geometry_;
};

}  // namespace

Result<MapRef> make_array(const MapSpec& spec) {
  RegionLayout layout;
  ArrayGeometry geometry{};
  geometry.stride = static_cast<std::uint32_t>(round_up_8(spec.value_size));
  geometry.value_size = spec.value_size;
  geometry.max_entries = spec.max_entries;
  geometry.fields = value_fields(spec);
  geometry.values = layout.add(spec.max_entries, geometry.stride, kPage);
  if (spec.type == MapType::kPercpuArray) {
    geometry.plane_size = layout.add(0, 0, kPage) - geometry.values;
    layout.add(possible_cpus() - 1, geometry.plane_size, kPage);
  }
  return std::make_shared<ArrayMap>(spec, TRY(MapMemory::create(spec, layout.size())), geometry);
}

}  // namespace netkit::bpf
