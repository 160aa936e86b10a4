// Arrays whose user writes a descriptor and reads an id (bpf_fd_array_map_*): the region holds ids of 4
// bytes, the process holds what they stand for.
#pragma once

#include <cstring>
#include <utility>

#include "bpf/map/array.h"
#include "bpf/map/map.h"
#include "bpf/map/reference_slots.h"

namespace netkit::bpf {

struct FdArrayGeometry {
  std::uint64_t slots;  // offset of slot 0: ids of 4 bytes, 0 for none
  std::uint32_t max_entries;
};

inline constexpr std::uint64_t kFdArraySlots = kPage;  // the first thing behind the header

// `Object` has an id().
template <class Object>
class FdArray : public Map {
 public:
  using Ref = std::shared_ptr<Object>;

  // For running programs: valid until the caller's next quiescent state. Null: none, or beyond the array.
  [[nodiscard]] Object* find(std::uint32_t index) const {
    return index < spec().max_entries ? objects_.read(index) : nullptr;
  }

 protected:
  FdArray(const MapSpec& spec, const MapOperations& operations, MapMemory memory,
          ReferenceSlots<Object> objects)
      : Map(spec, operations, std::move(memory)), objects_(std::move(objects)) {
    this->memory().describe(FdArrayGeometry{kFdArraySlots, spec.max_entries});
  }

  // The object of an id that user space writes, if the map takes it.
  virtual Result<Ref> object_for(std::uint32_t id) = 0;

  Result<> user_lookup(const std::byte* key, std::byte* value, std::uint64_t) override {
    const std::uint32_t index = array_index(key);
    if (index >= spec().max_entries) return answer(-ENOENT);
    const auto id = shared_load<std::uint32_t>(slot(index));
    if (id == 0) return answer(-ENOENT);
    std::memcpy(value, &id, sizeof id);
    return {};
  }

  Result<> user_update(const std::byte* key, const std::byte* value, std::uint64_t flags) override {
    const std::uint32_t index = array_index(key);
    if (flags != kAny) return answer(-EINVAL);
    if (index >= spec().max_entries) return answer(-E2BIG);
    Ref object = TRY(object_for(array_index(value)));
    shared_store(slot(index), object->id());
    objects_.replace(index, std::move(object));
    return {};
  }

  Result<> user_delete(const std::byte* key) override {
    const std::uint32_t index = array_index(key);
    if (index >= spec().max_entries) return answer(-E2BIG);
    return answer(clear(index) ? 0 : -ENOENT);
  }

  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    return answer(array_next_key(spec().max_entries, key, next));
  }

  void user_visit(const Visitor& visit) override {
    for (const auto& [slot, object] : objects_.all()) {
      const auto index = static_cast<std::uint32_t>(slot);
      const std::uint32_t id = object->id();
      if (!visit(std::as_bytes(std::span(&index, 1)), std::as_bytes(std::span(&id, 1)))) return;
    }
  }

  bool clear(std::uint32_t index) {
    shared_store<std::uint32_t>(slot(index), 0);
    return objects_.replace(index, nullptr);
  }
  void clear_all() {
    for (const auto& [index, object] : objects_.all()) clear(static_cast<std::uint32_t>(index));
  }

 private:
  [[nodiscard]] std::byte* slot(std::uint32_t index) const {
    return base() + kFdArraySlots + std::uint64_t{index} * sizeof(std::uint32_t);
  }

  ReferenceSlots<Object> objects_;
};

[[nodiscard]] inline std::uint64_t fd_array_size(const MapSpec& spec) {
  RegionLayout layout;
  layout.add(spec.max_entries, sizeof(std::uint32_t), kPage);
  return layout.size();
}

}  // namespace netkit::bpf
