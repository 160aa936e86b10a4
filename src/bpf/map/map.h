// A map: named, typed storage that programs and control share.
//
// The memory of a map is one contiguous, position-independent region (map/memory.h). The operations that
// programs use are plain functions of (base, geometry) in the header of each type, without exceptions, virtual
// calls or allocation; MapOperations is the table of them that the engines call through. Results follow the
// kernel: 0 or a negative errno.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "bpf/run/regions.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

class Map;

// What a map was asked to be (union bpf_attr of BPF_MAP_CREATE).
struct MapSpec {
  std::string name;  // as in the object, any length
  MapType type = MapType::kUnspec;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
  std::uint32_t flags = 0;  // MapFlag
  std::uint64_t extra = 0;  // map_extra
};

// What running programs may do. `cpu` is the virtual CPU of the run, for per-CPU copies.
struct MapOperations {
  void* (*lookup)(Map& map, const void* key, std::uint32_t cpu) = nullptr;  // address of the value, or null
  std::int64_t (*update)(Map& map, const void* key, const void* value, std::uint64_t flags, std::uint32_t cpu) = nullptr;
  std::int64_t (*erase)(Map& map, const void* key) = nullptr;
};

class Map {
 public:
  virtual ~Map() = default;
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  [[nodiscard]] const MapSpec& spec() const { return spec_; }
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] const MapOperations& operations() const { return *operations_; }
  [[nodiscard]] bool frozen() const { return frozen_; }

  // ---- the side of user space (bpf(2) map commands): values of per-CPU maps are
  // round_up(value_size, 8) * possible_cpus() bytes, those of others value_size ----
  [[nodiscard]] virtual std::size_t user_value_size() const { return spec_.value_size; }
  // The value of a key; ENOENT when there is none.
  [[nodiscard]] virtual Result<> read(std::span<const std::byte> key, std::span<std::byte> value) = 0;
  [[nodiscard]] virtual Result<> write(std::span<const std::byte> key, std::span<const std::byte> value, std::uint64_t flags) = 0;
  [[nodiscard]] virtual Result<> remove(std::span<const std::byte> key) = 0;
  // The key after `key` (empty, or not in the map: the first); ENOENT at the end. Order is the map's own.
  [[nodiscard]] virtual Result<> next_key(std::span<const std::byte> key, std::span<std::byte> next) = 0;
  // BPF_MAP_FREEZE: no more writes from the user side.
  virtual Result<> freeze();

  // The one value of an ARRAY map as a region that programs address directly (global data); none for other types.
  [[nodiscard]] virtual Region direct_value() const { return {}; }

 protected:
  Map(MapSpec spec, const MapOperations& operations) : spec_(std::move(spec)), operations_(&operations) {}

 private:
  friend class MapTable;
  MapSpec spec_;
  const MapOperations* operations_;
  std::uint32_t id_ = 0;
  bool frozen_ = false;
};

using MapRef = std::shared_ptr<Map>;

// Creates a map of any supported type: checks the specification as the kernel does (its errno, in its order),
// and gives it an id. A type that is not supported is EINVAL with the type's name in the text.
[[nodiscard]] Result<MapRef> create_map(const MapSpec& spec);

}  // namespace netkit::bpf
