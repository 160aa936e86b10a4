// A map: named, typed storage that programs and the embedding process share.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <netkit/result.h>
#include <netkit/visibility.h>

namespace netkit::v1 {

enum class Update : std::uint64_t { kAny = 0, kNoExist = 1, kExist = 2 };

class NETKIT_API Map {
 public:
  // A map lives while a handle, a pin or a program has it.
  ~Map();
  Map(const Map& other);
  Map& operator=(const Map& other);
  Map(Map&& other) noexcept;
  Map& operator=(Map&& other) noexcept;

  [[nodiscard]] std::uint32_t id() const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::uint32_t type() const;  // enum bpf_map_type
  [[nodiscard]] std::uint32_t key_size() const;
  // Bytes of a value as user space sees it: per-CPU maps have a copy, rounded up to 8 bytes, for each
  // possible CPU.
  [[nodiscard]] std::size_t value_size() const;
  [[nodiscard]] std::uint32_t max_entries() const;

  // BPF_MAP_LOOKUP_ELEM and its kin: the kernel's errno (ENOENT, EEXIST, E2BIG ...); EINVAL also for spans
  // of another size than the map's.
  [[nodiscard]] Result<> lookup(std::span<const std::byte> key, std::span<std::byte> value) const;
  [[nodiscard]] Result<> update(std::span<const std::byte> key, std::span<const std::byte> value,
                                Update how = Update::kAny) const;
  [[nodiscard]] Result<> erase(std::span<const std::byte> key) const;
  // Calls `visit` with a copy of each entry until it returns false. Entries that are there throughout are
  // visited exactly once, also while programs change the map.
  [[nodiscard]] Result<> for_each(const std::function<bool(std::span<const std::byte> key,
                                                           std::span<const std::byte> value)>& visit) const;
  [[nodiscard]] Result<> pin(std::string_view path) const;

  // The same with plain types for key and value.
  template <class Value, class Key>
    requires std::is_trivially_copyable_v<Value> && std::is_trivially_copyable_v<Key>
  [[nodiscard]] Result<Value> get(const Key& key) const {
    Value value{};
    if (auto found = lookup(std::as_bytes(std::span(&key, 1)), std::as_writable_bytes(std::span(&value, 1)));
        !found)
      return std::unexpected(found.error());
    return value;
  }
  template <class Key, class Value>
    requires std::is_trivially_copyable_v<Value> && std::is_trivially_copyable_v<Key>
  [[nodiscard]] Result<> set(const Key& key, const Value& value, Update how = Update::kAny) const {
    return update(std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(&value, 1)), how);
  }

 private:
  friend class Engine;
  friend class Object;
  struct State;
  explicit Map(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace netkit::v1
