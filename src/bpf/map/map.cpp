#include "bpf/map/map.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/per_cpu.h"
#include "bpf/map/tables.h"
#include "bpf/map/value.h"

namespace netkit::bpf {
namespace {

// What any map command accepts in its flags (bpf_map_check_op_flags). The CPU is in the upper half.
std::int64_t check_flags(const MapSpec& spec, std::uint64_t flags, std::uint32_t allowed) {
  if ((static_cast<std::uint32_t>(flags) & ~allowed) != 0) return -EINVAL;
  if ((flags & kLock) != 0 && !spec.has_field(FieldKind::kSpinLock)) return -EINVAL;
  const bool one_cpu = (flags & kUpdateCpu) != 0;
  const bool all_cpus = (flags & kUpdateAllCpus) != 0;
  if (!one_cpu && flags >> 32 != 0) return -EINVAL;
  if (!one_cpu && !all_cpus) return 0;
  if (!is_per_cpu(spec.type) || (one_cpu && all_cpus)) return -EINVAL;
  if (one_cpu && flags >> 32 >= possible_cpus()) return -ERANGE;
  return 0;
}

Failure wrong_size(const MapSpec& spec, std::string_view what, std::size_t given, std::size_t wanted) {
  return fail(EINVAL,
              fmt::format("map '{}': a {} of {} bytes where {} are needed", spec.name, what, given, wanted));
}

Failure refuse_frozen(const Map& map) {
  return fail(EPERM, fmt::format("map '{}' is frozen", map.spec().name));
}

}  // namespace

const SpecialField* MapSpec::find_field(FieldKind kind) const {
  const auto found = std::ranges::find(fields, kind, &SpecialField::kind);
  return found == fields.end() ? nullptr : &*found;
}

Map::~Map() {
  if (id_ != 0) MapTable::instance().forget(id_);
}

const void* Map::key_of(const void*, std::uint32_t&) const {
  return nullptr;
}

Result<> Map::answer(std::int64_t outcome) {
  if (outcome < 0) return fail(static_cast<int>(-outcome));
  return {};
}

std::size_t Map::user_value_size(std::uint64_t flags) const {
  if (!is_per_cpu(spec_.type) || (flags & (kUpdateCpu | kUpdateAllCpus)) != 0) return spec_.value_size;
  return round_up_8(spec_.value_size) * possible_cpus();
}

Result<> Map::read(std::span<const std::byte> key, std::span<std::byte> value, std::uint64_t flags) {
  TRY(answer(check_flags(spec_, flags, kLock | kUpdateCpu)));
  if (key.size() != spec_.key_size) return wrong_size(spec_, "key", key.size(), spec_.key_size);
  if (value.size() != user_value_size(flags)) {
    return wrong_size(spec_, "value", value.size(), user_value_size(flags));
  }
  return user_lookup(key.data(), value.data(), flags);
}

Result<> Map::write(std::span<const std::byte> key, std::span<const std::byte> value, std::uint64_t flags) {
  if (frozen()) return refuse_frozen(*this);
  TRY(answer(check_flags(spec_, flags, ~0U)));
  if (key.size() != spec_.key_size) return wrong_size(spec_, "key", key.size(), spec_.key_size);
  if (value.size() != user_value_size(flags)) {
    return wrong_size(spec_, "value", value.size(), user_value_size(flags));
  }
  return user_update(key.data(), value.data(), flags);
}

Result<> Map::remove(std::span<const std::byte> key) {
  if (frozen()) return refuse_frozen(*this);
  if (key.size() != spec_.key_size) return wrong_size(spec_, "key", key.size(), spec_.key_size);
  return user_delete(key.data());
}

Result<> Map::take(std::span<const std::byte> key, std::span<std::byte> value, std::uint64_t flags) {
  if (frozen()) return refuse_frozen(*this);
  TRY(answer(check_flags(spec_, flags, kLock)));
  if (key.size() != spec_.key_size) return wrong_size(spec_, "key", key.size(), spec_.key_size);
  if (value.size() != user_value_size()) return wrong_size(spec_, "value", value.size(), user_value_size());
  return user_take(key.data(), value.data(), flags);
}

Result<> Map::next_key(std::span<const std::byte> key, std::span<std::byte> next) {
  if (!key.empty() && key.size() != spec_.key_size) {
    return wrong_size(spec_, "key", key.size(), spec_.key_size);
  }
  if (next.size() != spec_.key_size) return wrong_size(spec_, "key", next.size(), spec_.key_size);
  return user_next_key(key.empty() ? nullptr : key.data(), next.data());
}

Result<> Map::for_each(const Visitor& visit) {
  user_visit(visit);
  return {};
}

void Map::user_visit(const Visitor& visit) {
  std::vector<std::byte> key(spec_.key_size);
  std::vector<std::byte> value(user_value_size());
  for (bool more = user_next_key(nullptr, key.data()).has_value(); more;) {
    if (user_lookup(key.data(), value.data(), kAny) && !visit(key, value)) return;
    more = user_next_key(key.data(), key.data()).has_value();
  }
}

Result<> Map::user_take(const std::byte*, std::byte*, std::uint64_t) {
  return fail(kENOTSUPP, fmt::format("map '{}' ({}): reading and deleting in one step is for hash types only",
                                     spec_.name, map_type_name(spec_.type)));
}

Result<> Map::read_batch(MapBatch& batch, std::uint64_t flags) {
  if (batch.remove && frozen()) return refuse_frozen(*this);
  TRY(answer(check_flags(spec_, flags, kLock | kUpdateCpu)));
  if (batch.room == 0) return {};
  return user_read_batch(batch, flags);
}

// generic_map_lookup_batch
Result<> Map::user_read_batch(MapBatch& batch, std::uint64_t flags) {
  if (!batch.cursor.empty() && batch.cursor.size() != spec_.key_size)
    return wrong_size(spec_, "cursor", batch.cursor.size(), spec_.key_size);
  std::vector<std::byte> key(spec_.key_size);
  std::vector<std::byte> value(user_value_size(flags));
  while (batch.count < batch.room) {
    TRY(user_next_key(batch.cursor.empty() ? nullptr : batch.cursor.data(), key.data()));
    batch.cursor = key;
    if (!user_lookup(key.data(), value.data(), flags)) continue;  // deleted meanwhile
    batch.keys.insert(batch.keys.end(), key.begin(), key.end());
    batch.values.insert(batch.values.end(), value.begin(), value.end());
    ++batch.count;
  }
  return {};
}

Result<> Map::freeze() {
  if (frozen_.exchange(true, std::memory_order_acq_rel)) return refuse_frozen(*this);
  memory_.header().frozen = 1;
  return {};
}

MapRef user_reference(const MapRef& map) {
  map->user_references_.fetch_add(1, std::memory_order_relaxed);
  return {map.get(), [map](Map* held) {
            if (held->user_references_.fetch_sub(1, std::memory_order_acq_rel) == 1)
              held->user_references_gone();
          }};
}

}  // namespace netkit::bpf
