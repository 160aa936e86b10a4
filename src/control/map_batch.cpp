#include "control/map_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "control/map_descriptor.h"

namespace netkit::control {
namespace {

using bpf::MapType;

enum Command : std::uint8_t { kLookup = 1, kLookupAndDelete = 2, kUpdate = 4, kDelete = 8 };

// Which batch commands the kernel's map_ops of a type have.
struct Row {
  MapType type;
  std::uint8_t commands;
};
constexpr std::uint8_t kOfHash = kLookup | kLookupAndDelete | kUpdate | kDelete;
constexpr std::array kRows = {
    Row{MapType::kArray, kLookup | kUpdate},
    Row{MapType::kPercpuArray, kLookup | kUpdate},
    Row{MapType::kHash, kOfHash},
    Row{MapType::kPercpuHash, kOfHash},
    Row{MapType::kLruHash, kOfHash},
    Row{MapType::kLruPercpuHash, kOfHash},
    Row{MapType::kLpmTrie, kLookup | kUpdate | kDelete},
    Row{MapType::kArrayOfMaps, kLookup | kUpdate},
    Row{MapType::kHashOfMaps, kOfHash},
};

Result<> check_command(const bpf::Map& map, Command command) {
  const auto* row = std::ranges::find(kRows, map.spec().type, &Row::type);
  if (row != kRows.end() && (row->commands & command) != 0) return {};
  return fail(bpf::kENOTSUPP, fmt::format("map '{}' ({}) has no such batch command; use single ones",
                                          map.spec().name, bpf::map_type_name(map.spec().type)));
}

bool is_hash(const bpf::Map& map) {
  switch (map.spec().type) {
    case MapType::kHash:
    case MapType::kPercpuHash:
    case MapType::kLruHash:
    case MapType::kLruPercpuHash:
    case MapType::kHashOfMaps:
      return true;
    default:
      return false;
  }
}

// Runs `one(index)` for each entry until one fails.
template <class One>
Result<> each(std::uint32_t count, std::uint32_t& done, One one) {
  for (done = 0; done < count; ++done) TRY(one(done));
  return {};
}

Result<> read_batch(Client& client, const BatchReadRequest& request, BatchAnswer& answer, Command command) {
  const bool removes = command == kLookupAndDelete;
  const bpf::MapRef map = TRY(map_for(client, request.map_fd, removes ? kToReadAndWrite : kToRead));
  TRY(check_command(*map, command));
  if (is_hash(*map) && request.flags != 0) return fail(EINVAL);
  bpf::MapBatch batch{.cursor = request.cursor, .room = request.count, .remove = removes};
  const Result<> result = map->read_batch(batch, request.elem_flags);
  answer = {.count = batch.count,
            .keys = std::move(batch.keys),
            .values = std::move(batch.values),
            .cursor = std::move(batch.cursor)};
  return result;
}

}  // namespace

Result<> lookup_batch(Client& client, const BatchReadRequest& request, BatchAnswer& answer) {
  return read_batch(client, request, answer, kLookup);
}

Result<> lookup_and_delete_batch(Client& client, const BatchReadRequest& request, BatchAnswer& answer) {
  return read_batch(client, request, answer, kLookupAndDelete);
}

Result<> update_batch(Client& client, const BatchWriteRequest& request, std::uint32_t& done) {
  done = 0;
  const bpf::MapRef map = TRY(map_for(client, request.map_fd, kToWrite));
  TRY(check_command(*map, kUpdate));
  constexpr std::uint32_t kAllowed = bpf::kLock | bpf::kUpdateCpu | bpf::kUpdateAllCpus;
  if ((static_cast<std::uint32_t>(request.elem_flags) & ~kAllowed) != 0) return fail(EINVAL);
  const std::size_t key_size = map->spec().key_size;
  const std::size_t value_size = map->user_value_size(request.elem_flags);
  if (request.keys.size() / key_size < request.count || request.values.size() / value_size < request.count)
    return fail(EFAULT, "there are fewer keys or values than entries");
  return each(request.count, done, [&](std::size_t at) -> Result<> {
    const KeySpan key = request.keys.subspan(at * key_size, key_size);
    const ValueSpan value = request.values.subspan(at * value_size, value_size);
    return map->write(key, TRY(stored_value(client, *map, key, value, request.elem_flags)),
                      request.elem_flags);
  });
}

Result<> delete_batch(Client& client, const BatchWriteRequest& request, std::uint32_t& done) {
  done = 0;
  const bpf::MapRef map = TRY(map_for(client, request.map_fd, kToWrite));
  TRY(check_command(*map, kDelete));
  const bool lock = request.elem_flags == bpf::kLock && map->spec().has_field(bpf::FieldKind::kSpinLock);
  if (request.elem_flags != 0 && !lock) return fail(EINVAL);
  const std::size_t key_size = map->spec().key_size;
  if (request.keys.size() / key_size < request.count)
    return fail(EFAULT, "there are fewer keys than entries");
  return each(request.count, done,
              [&](std::size_t at) { return map->remove(request.keys.subspan(at * key_size, key_size)); });
}

}  // namespace netkit::control
