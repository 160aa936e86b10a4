#include "control/map.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/endian.h"
#include "control/map_descriptor.h"
#include "control/object_name.h"

namespace netkit::control {
namespace {

// What user space writes into a PROG_ARRAY is a descriptor; the map holds ids. It is looked at only when the
// map has no complaint of its own (bpf_fd_array_map_update_elem).
Result<Buffer> program_id_for(const Client& client, const bpf::Map& map, KeySpan key, ValueSpan value,
                              std::uint64_t flags) {
  constexpr std::size_t kSize = sizeof(std::uint32_t);
  Buffer id(kSize);
  if (flags != bpf::kAny || key.size() != kSize || value.size() != kSize) return id;
  if (load_unaligned<std::uint32_t>(key.data()) >= map.spec().max_entries) return id;
  const auto program = TRY(client.get<bpf::ProgramRef>(load_unaligned<std::int32_t>(value.data())));
  store_unaligned(id.data(), program->id);
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

Result<int> create_map(Client& client, const MapCreateRequest& request) {
  const bpf::MapSpec spec{.name = request.map_name,
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
  const MapAccess access = TRY(map_access(request.map_flags & (bpf::kRdonly | bpf::kWronly)));
  return client.open(MapHandle(TRY(bpf::create_map(spec)), access));
}

Result<Buffer> lookup_element(Client& client, int map_fd, KeySpan key, std::uint64_t flags) {
  const bpf::MapRef map = TRY(map_for(client, map_fd, kToRead));
  Buffer value(map->user_value_size(flags));
  TRY(map->read(key, value, flags));
  return value;
}

Result<> update_element(Client& client, int map_fd, KeySpan key, ValueSpan value, std::uint64_t flags) {
  const bpf::MapRef map = TRY(map_for(client, map_fd, kToWrite));
  if (map->spec().type != bpf::MapType::kProgArray) return map->write(key, value, flags);
  return map->write(key, TRY(program_id_for(client, *map, key, value, flags)), flags);
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
