#include "control/map.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/endian.h"
#include "control/map_descriptor.h"
#include "control/object_name.h"

namespace netkit::control {
namespace {

// Whether user space writes descriptors into maps of that type, which hold ids.
bool takes_descriptors(bpf::MapType type) {
  return type == bpf::MapType::kProgArray || type == bpf::MapType::kPerfEventArray ||
         bpf::is_map_of_maps(type);
}

// The id of what a descriptor stands for, if the map takes such.
Result<std::uint32_t> id_of(const Client& client, bpf::MapType type, int fd) {
  if (bpf::is_map_of_maps(type)) return TRY(client.get<MapHandle>(fd)).map->id();
  if (type == bpf::MapType::kProgArray) return TRY(client.get<bpf::ProgramRef>(fd))->id;
  const auto ring = client.get<PerfRingRef>(fd);
  if (!ring) return fail(EBADF, "the descriptor is not that of a perf ring");
  return (*ring)->id();
}

// The descriptor is looked at only when an array has no complaint of its own
// (bpf_fd_array_map_update_elem).
Result<Buffer> id_for(const Client& client, const bpf::Map& map, KeySpan key, ValueSpan value,
                      std::uint64_t flags) {
  constexpr std::size_t kSize = sizeof(std::uint32_t);
  Buffer id(kSize);
  if (key.size() != map.spec().key_size || value.size() != kSize) return id;
  if (map.spec().type != bpf::MapType::kHashOfMaps) {
    if (flags != bpf::kAny) return id;
    if (load_unaligned<std::uint32_t>(key.data()) >= map.spec().max_entries) return id;
  }
  store_unaligned(id.data(), TRY(id_of(client, map.spec().type, load_unaligned<std::int32_t>(value.data()))));
  return id;
}

}  // namespace

Result<MapAccess> map_access(std::uint32_t flags) {
  switch (flags) {
    case 0:
      return MapAccess{.read = true, .write = true};
    case bpf::kRdonly:
      return MapAccess{.read = true, .write = false};
    case bpf::kWronly:
      return MapAccess{.read = false, .write = true};
    default:
      return fail(EINVAL);
  }
}

Result<bpf::MapRef> map_for(const Client& client, int fd, MapAccess needed) {
  const MapHandle handle = TRY(client.get<MapHandle>(fd));
  const std::string& name = handle.map->spec().name;
  if (needed.read && !handle.access.read)
    return fail(EPERM, fmt::format("map '{}' is open for writing only", name));
  if (needed.write && !handle.access.write)
    return fail(EPERM, fmt::format("map '{}' is open for reading only", name));
  if (needed.write && handle.map->frozen()) return fail(EPERM, fmt::format("map '{}' is frozen", name));
  return handle.map;
}

Result<Buffer> stored_value(const Client& client, const bpf::Map& map, KeySpan key, ValueSpan value,
                            std::uint64_t flags) {
  if (!takes_descriptors(map.spec().type)) return Buffer(value.begin(), value.end());
  return id_for(client, map, key, value, flags);
}

Result<int> create_map(Client& client, const MapCreateRequest& request) {
  bpf::MapSpec spec{.name = request.map_name,
                    .type = static_cast<bpf::MapType>(request.map_type),
                    .key_size = request.key_size,
                    .value_size = request.value_size,
                    .max_entries = request.max_entries,
                    .flags = request.map_flags,
                    .extra = request.map_extra};
  // Memory is that of one node.
  if ((request.map_flags & bpf::kNumaNode) != 0 && request.numa_node != 0) return fail(EINVAL);
  TRY(bpf::check_map(spec));
  if (request.map_ifindex != 0) return fail(EINVAL, "maps are not offloaded to devices");
  if (!client.privileged()) return fail(EPERM, "creating a map needs a privileged client");
  TRY(check_object_name(request.map_name));
  if (bpf::is_map_of_maps(spec.type)) {
    const MapHandle inner = TRY(client.get<MapHandle>(request.inner_map_fd));
    spec.inner = std::make_shared<bpf::MapSpec>(inner.map->spec());
  }
  const MapAccess access = TRY(map_access(request.map_flags & (bpf::kRdonly | bpf::kWronly)));
  return client.open(MapHandle(TRY(bpf::create_map(spec)), access));
}

Result<Buffer> lookup_element(Client& client, int map_fd, KeySpan key, std::uint64_t flags, ValueSpan asked) {
  const bpf::MapRef map = TRY(map_for(client, map_fd, kToRead));
  Buffer value(map->user_value_size(flags));
  if (map->spec().type == bpf::MapType::kBloomFilter) {
    if (asked.size() != value.size()) return fail(EFAULT, "which value? A filter is asked for one");
    std::ranges::copy(asked, value.begin());
  }
  TRY(map->read(key, value, flags));
  return value;
}

Result<> update_element(Client& client, int map_fd, KeySpan key, ValueSpan value, std::uint64_t flags) {
  const bpf::MapRef map = TRY(map_for(client, map_fd, kToWrite));
  return map->write(key, TRY(stored_value(client, *map, key, value, flags)), flags);
}

Result<> delete_element(Client& client, int map_fd, KeySpan key) {
  return TRY(map_for(client, map_fd, kToWrite))->remove(key);
}

Result<Buffer> next_key(Client& client, int map_fd, KeySpan key) {
  const bpf::MapRef map = TRY(map_for(client, map_fd, kToRead));
  Buffer next(map->spec().key_size);
  TRY(map->next_key(key, next));
  return next;
}

Result<Buffer> lookup_and_delete_element(Client& client, int map_fd, KeySpan key, std::uint64_t flags) {
  if ((flags & ~std::uint64_t{bpf::kLock}) != 0) return fail(EINVAL);
  const bpf::MapRef map = TRY(map_for(client, map_fd, kToReadAndWrite));
  Buffer value(map->user_value_size());
  TRY(map->take(key, value, flags));
  return value;
}

Result<int> open_perf_ring(Client& client, const bpf::PerfRingOptions& options) {
  if (!client.privileged()) return fail(EPERM, "opening a perf ring needs a privileged client");
  return client.open(TRY(bpf::PerfRing::open(options)));
}

Result<> freeze_map(Client& client, int map_fd) {
  return TRY(map_for(client, map_fd, kToWrite))->freeze();
}

Result<MapInfo> map_info(Client& client, int map_fd) {
  if (client.find(map_fd) == nullptr) return fail(EBADFD);
  const bpf::MapRef map = TRY(client.get<MapHandle>(map_fd)).map;
  struct stat file{};
  ::fstat(map->memory().file(), &file);
  const bpf::MapSpec& spec = map->spec();
  return MapInfo{.type = static_cast<std::uint32_t>(spec.type),
                 .id = map->id(),
                 .key_size = spec.key_size,
                 .value_size = spec.value_size,
                 .max_entries = spec.max_entries,
                 .map_flags = spec.flags,
                 .name = short_name(spec.name),
                 .full_name = spec.name,
                 .map_extra = spec.extra,
                 .frozen = map->frozen(),
                 .memlock = static_cast<std::uint64_t>(file.st_blocks) * 512};
}

Result<std::vector<MapEntry>> dump_map(Client& client, int map_fd) {
  const bpf::MapRef map = TRY(map_for(client, map_fd, kToRead));
  std::vector<MapEntry> entries;
  TRY(map->for_each([&](KeySpan key, ValueSpan value) {
    entries.push_back({.key = {key.begin(), key.end()}, .value = {value.begin(), value.end()}});
    return true;
  }));
  return entries;
}

}  // namespace netkit::control
