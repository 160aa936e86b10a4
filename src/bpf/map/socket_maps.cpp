// Maps of sockets (SOCKMAP, SOCKHASH, SK_STORAGE, XSKMAP): there are no sockets here, so that programs find
// none and user space has no descriptor to put in. They exist so that programs that name them run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <limits>

#include "base/endian.h"
#include "bpf/map/array.h"
#include "bpf/map/create.h"

namespace netkit::bpf {
namespace {

// What commands on a map without entries answer; 0 stands for a rule of the type's own.
struct SocketMapRow {
  MapType type;
  int lookup;
  int erase;
  bool indexed;  // keys are 0 to max_entries - 1
};

constexpr std::array kRows = {
    SocketMapRow{MapType::kSockmap, ENOENT, EINVAL, true},
    SocketMapRow{MapType::kSockhash, ENOENT, ENOENT, false},
    SocketMapRow{MapType::kSkStorage, EBADF, EBADF, false},
    SocketMapRow{MapType::kXskmap, EOPNOTSUPP, 0, true},
};

class SocketMap final : public Map {
 public:
  SocketMap(const MapSpec& spec, MapMemory memory)
      : Map(spec, kOperations, std::move(memory)),
        row_(*std::ranges::find(kRows, spec.type, &SocketMapRow::type)) {}

 private:
  static void* lookup(Map&, const void*, std::uint32_t) { return nullptr; }
  // Our sockets are none of the kernel's, which takes established ones and listeners only
  // (sock_map_update_elem).
  static std::int64_t update(Map& map, const void*, const void*, std::uint64_t flags, std::uint32_t) {
    const MapType type = map.spec().type;
    const bool takes_sockets = type == MapType::kSockmap || type == MapType::kSockhash;
    return takes_sockets && flags <= kExist ? -EOPNOTSUPP : -EINVAL;
  }
  static std::int64_t erase(Map& map, const void* key) {
    const Result<> erased = static_cast<SocketMap&>(map).user_delete(static_cast<const std::byte*>(key));
    return erased ? 0 : -erased.error().code;
  }
  static constexpr MapOperations kOperations{.lookup = lookup, .update = update, .erase = erase};

  // What user space reads of a socket is its cookie, of 8 bytes (sock_map_lookup_sys).
  Result<> user_lookup(const std::byte*, std::byte*, std::uint64_t) override {
    const bool cookies = spec().type == MapType::kSockmap || spec().type == MapType::kSockhash;
    return answer(cookies && spec().value_size != 8 ? -ENOSPC : -row_.lookup);
  }
  Result<> user_update(const std::byte* key, const std::byte* value, std::uint64_t flags) override {
    if (spec().type == MapType::kXskmap) {
      if (flags > kExist) return answer(-EINVAL);
      if (array_index(key) >= spec().max_entries) return answer(-E2BIG);
    }
    if (descriptor_in(value) > std::numeric_limits<std::int32_t>::max()) return answer(-EINVAL);
    return fail(EBADF, fmt::format("map '{}': there are no sockets here", spec().name));
  }
  Result<> user_delete(const std::byte* key) override {
    if (row_.erase != 0) return answer(-row_.erase);
    return answer(array_index(key) < spec().max_entries ? 0 : -EINVAL);
  }
  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    if (spec().type == MapType::kSkStorage) return answer(-kENOTSUPP);
    if (!row_.indexed) return answer(-ENOENT);
    return answer(array_next_key(spec().max_entries, key, next));
  }

  [[nodiscard]] std::uint64_t descriptor_in(const std::byte* value) const {
    return spec().value_size == 8 ? load_unaligned<std::uint64_t>(value) : array_index(value);
  }

  const SocketMapRow& row_;
};

}  // namespace

Result<MapRef> make_socket_map(const MapSpec& spec) {
  return std::make_shared<SocketMap>(spec, TRY(MapMemory::create(spec, kPage)));
}

}  // namespace netkit::bpf
