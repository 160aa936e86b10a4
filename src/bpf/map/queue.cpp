#include "bpf/map/queue.h"

#include <vector>

#include "bpf/map/create.h"

namespace netkit::bpf {
namespace {

class Queue final : public Map {
 public:
  Queue(const MapSpec& spec, MapMemory memory, const QueueGeometry& geometry)
      : Map(spec, kOperations, std::move(memory)), geometry_(geometry) {
    this->memory().describe(geometry_);
  }

 private:
  static void* lookup(Map&, const void*, std::uint32_t) { return nullptr; }
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }
  static std::int64_t erase(Map&, const void*) { return -EINVAL; }
  static std::int64_t push(Map& map, const void* value, std::uint64_t flags) {
    auto& queue = static_cast<Queue&>(map);
    return queue_push(queue.base(), queue.geometry_, value, flags);
  }
  static std::int64_t pop(Map& map, void* value) {
    auto& queue = static_cast<Queue&>(map);
    return queue_read(queue.base(), queue.geometry_, value, true);
  }
  static std::int64_t peek(Map& map, void* value) {
    auto& queue = static_cast<Queue&>(map);
    return queue_read(queue.base(), queue.geometry_, value, false);
  }
  static constexpr MapOperations kOperations{
      .lookup = lookup, .update = update, .erase = erase, .push = push, .pop = pop, .peek = peek};

  Result<> user_lookup(const std::byte*, std::byte* value, std::uint64_t) override {
    return answer(peek(*this, value));
  }
  Result<> user_update(const std::byte*, const std::byte* value, std::uint64_t flags) override {
    return answer(push(*this, value, flags));
  }
  Result<> user_take(const std::byte*, std::byte* value, std::uint64_t) override {
    return answer(pop(*this, value));
  }
  Result<> user_delete(const std::byte*) override { return answer(-EINVAL); }
  Result<> user_next_key(const std::byte*, std::byte*) override { return answer(-EINVAL); }

  // The values in the order in which they would be popped; there are no keys.
  void user_visit(const Visitor& visit) override {
    for (const std::vector<std::byte>& value : values()) {
      if (!visit({}, value)) return;
    }
  }
  [[nodiscard]] std::vector<std::vector<std::byte>> values() const {
    QueueState& state = queue_state(base(), geometry_);
    const MapLock lock(state.lock);
    const std::uint64_t count = (state.head + geometry_.places - state.tail) % geometry_.places;
    std::vector<std::vector<std::byte>> all(count, std::vector<std::byte>(geometry_.value_size));
    for (std::uint64_t at = 0; at < count; ++at) {
      const std::uint64_t place = (state.tail + at) % geometry_.places;
      copy_from_shared(all[geometry_.stack != 0 ? count - 1 - at : at].data(),
                       queue_value(base(), geometry_, place), geometry_.value_size);
    }
    return all;
  }

  QueueGeometry geometry_;
};

}  // namespace

Result<MapRef> make_queue(const MapSpec& spec) {
  RegionLayout layout;
  QueueGeometry geometry{};
  geometry.places = std::uint64_t{spec.max_entries} + 1;
  geometry.stride = static_cast<std::uint32_t>(round_up_8(spec.value_size));
  geometry.value_size = spec.value_size;
  geometry.stack = spec.type == MapType::kStack ? 1 : 0;
  geometry.state = layout.add(1, sizeof(QueueState));
  geometry.values = layout.add(geometry.places, geometry.stride, kPage);
  return std::make_shared<Queue>(spec, TRY(MapMemory::create(spec, layout.size())), geometry);
}

}  // namespace netkit::bpf
