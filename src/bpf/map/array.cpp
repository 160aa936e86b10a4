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
  static constexpr MapOperations kOperations{lookup, update, erase};

  [[nodiscard]] bool per_cpu() const { return geometry_.plane_size != 0; }
  [[nodiscard]] std::byte* value(std::uint32_t index, std::uint32_t cpu) const {
    return array_value(base(), geometry_, index, cpu);
  }

  Result<> user_lookup(const std::byte* key, std::byte* to, std::uint64_t flags) override {
    const std::uint32_t index = array_index(key);
    if (index >= geometry_.max_entries) return answer(-ENOENT);
    for_each_copy(per_cpu(), geometry_.value_size, flags,
                  [&](std::uint32_t cpu, std::size_t at, std::size_t bytes) {
                    copy_from_shared(to + at, value(index, cpu), bytes);
                  });
    return {};
  }

  Result<> user_update(const std::byte* key, const std::byte* from, std::uint64_t flags) override {
    const std::uint32_t index = array_index(key);
    const std::int64_t refused = array_check_update(geometry_, index, without_cpu(flags));
    if (refused != 0) return answer(refused);
    for_each_copy(per_cpu(), geometry_.value_size, flags,
                  [&](std::uint32_t cpu, std::size_t at, std::size_t bytes) {
                    copy_to_shared(value(index, cpu), from + at, bytes);
                  });
    return {};
  }

  Result<> user_delete(const std::byte*) override { return answer(-EINVAL); }

  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    return answer(array_next_key(geometry_.max_entries, key, next));
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
  geometry.values = layout.add(spec.max_entries, geometry.stride, kPage);
  if (spec.type == MapType::kPercpuArray) {
    geometry.plane_size = layout.add(0, 0, kPage) - geometry.values;
    layout.add(possible_cpus() - 1, geometry.plane_size, kPage);
  }
  return std::make_shared<ArrayMap>(spec, TRY(MapMemory::create(spec, layout.size())), geometry);
}

}  // namespace netkit::bpf
