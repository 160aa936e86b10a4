#include "bpf/map/perf_event_array.h"

#include <fmt/format.h>

#include "bpf/map/create.h"
#include "bpf/map/fd_array.h"

namespace netkit::bpf {
namespace {

class PerfEventArray final : public FdArray<PerfRing> {
 public:
  PerfEventArray(const MapSpec& spec, MapMemory memory, ReferenceSlots<PerfRing> rings)
      : FdArray(spec, kOperations, std::move(memory), std::move(rings)) {}

 private:
  static void* lookup(Map&, const void*, std::uint32_t) { return nullptr; }
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }
  static std::int64_t erase(Map&, const void*) { return -EINVAL; }
  static constexpr MapOperations kOperations{.lookup = lookup, .update = update, .erase = erase};

  Result<> user_lookup(const std::byte*, std::byte*, std::uint64_t) override {
    return fail(kENOTSUPP, fmt::format("map '{}': perf rings cannot be looked up", spec().name));
  }

  Result<Ref> object_for(std::uint32_t id) override {
    Ref ring = PerfRing::find(id);
    if (ring == nullptr)
      return fail(EBADF, fmt::format("map '{}': no perf ring has the id {}", spec().name, id));
    return ring;
  }

  // perf_event_fd_array_release
  void user_references_gone() override {
    if ((spec().flags & kPreserveElems) == 0) clear_all();
  }
};

}  // namespace

PerfRing* perf_ring_at(const Map& map, std::uint32_t index) {
  return static_cast<const PerfEventArray&>(map).find(index);
}

Result<MapRef> make_perf_event_array(const MapSpec& spec) {
  ZeroedMemory rings = TRY(ReferenceSlots<PerfRing>::memory_for(spec.max_entries));
  MapMemory memory = TRY(MapMemory::create(spec, fd_array_size(spec)));
  return std::make_shared<PerfEventArray>(spec, std::move(memory),
                                          ReferenceSlots<PerfRing>(std::move(rings)));
}

}  // namespace netkit::bpf
