// The RINGBUF map: its region, its wake-up, and what helpers call.
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "bpf/map/create.h"
#include "bpf/map/ringbuf.h"

namespace netkit::bpf {
namespace {

class Ringbuf final : public Map {
 public:
  Ringbuf(const MapSpec& spec, MapMemory memory, const RingbufGeometry& geometry, Fd wakeup)
      : Map(spec, kOperations, std::move(memory)), geometry_(geometry), wakeup_(std::move(wakeup)) {
    this->memory().describe(geometry_);
  }

  [[nodiscard]] const RingbufGeometry& geometry() const { return geometry_; }
  [[nodiscard]] int wakeup() const override { return wakeup_.get(); }

 private:
  static void* lookup(Map&, const void*, std::uint32_t) { return nullptr; }
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) {
    return -kENOTSUPP;
  }
  static std::int64_t erase(Map&, const void*) { return -kENOTSUPP; }
  static constexpr MapOperations kOperations{.lookup = lookup, .update = update, .erase = erase};

  // Positions and data are mapped, not asked for.
  Result<> user_lookup(const std::byte*, std::byte*, std::uint64_t) override { return answer(-kENOTSUPP); }
  Result<> user_update(const std::byte*, const std::byte*, std::uint64_t) override {
    return answer(-kENOTSUPP);
  }
  Result<> user_delete(const std::byte*) override { return answer(-kENOTSUPP); }
  Result<> user_next_key(const std::byte*, std::byte*) override { return answer(-kENOTSUPP); }

  RingbufGeometry geometry_;
  Fd wakeup_;
};

Ringbuf& ringbuf(Map& map) {
  return static_cast<Ringbuf&>(map);
}
RingbufRecord& record_of(void* data) {
  return *reinterpret_cast<RingbufRecord*>(static_cast<std::byte*>(data) - RingbufRecord::kHeaderSize);
}

}  // namespace

void* ringbuf_reserve(Map& map, std::uint64_t size) {
  RingbufRecord* record = ringbuf_reserve(map.memory().base(), ringbuf(map).geometry(), size);
  return record == nullptr ? nullptr : record + 1;
}

void ringbuf_commit(Map& map, void* data, std::uint64_t flags, bool discard) {
  if (!ringbuf_commit(map.memory().base(), ringbuf(map).geometry(), record_of(data), flags, discard)) return;
  const std::uint64_t one = 1;
  if (::write(map.wakeup(), &one, sizeof one) < 0) return;  // the counter is full: who waits is awake
}

std::uint64_t ringbuf_query(const Map& map, std::uint64_t what) {
  return ringbuf_query(map.memory().base(), static_cast<const Ringbuf&>(map).geometry(), what);
}

Result<MapRef> make_ringbuf(const MapSpec& spec) {
  RegionLayout layout;
  RingbufGeometry geometry{};
  geometry.consumer = layout.add(1, kPage, kPage);
  geometry.producer = layout.add(1, kPage, kPage);
  geometry.data = layout.add(spec.max_entries, 1, kPage);
  geometry.size = spec.max_entries;
  geometry.overwrite = (spec.flags & kRbOverwrite) != 0 ? 1 : 0;
  Fd wakeup(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (!wakeup) return fail_errno("eventfd of map '" + spec.name + "'");
  return std::make_shared<Ringbuf>(spec, TRY(MapMemory::create(spec, layout.size(), geometry.size)), geometry,
                                   std::move(wakeup));
}

}  // namespace netkit::bpf
