#include "bpf/map/lpm_trie.h"

#include <vector>

#include "bpf/map/create.h"
#include "bpf/map/lpm_update.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kPrefixLengthSize = sizeof(std::uint32_t);

class LpmTrie final : public Map {
 public:
  LpmTrie(const MapSpec& spec, MapMemory memory, const LpmGeometry& geometry)
      : Map(spec, kOperations, std::move(memory)), geometry_(geometry) {
    this->memory().describe(geometry_);
  }

 private:
  static void* lookup(Map& map, const void* key, std::uint32_t) {
    auto& self = static_cast<LpmTrie&>(map);
    return lpm_lookup(self.base(), self.geometry_, key);
  }
  static std::int64_t update(Map& map, const void* key, const void* value, std::uint64_t flags,
                             std::uint32_t) {
    auto& self = static_cast<LpmTrie&>(map);
    return lpm_update(self.base(), self.geometry_, key, value, flags);
  }
  static std::int64_t erase(Map& map, const void* key) {
    auto& self = static_cast<LpmTrie&>(map);
    return lpm_erase(self.base(), self.geometry_, key);
  }
  static constexpr MapOperations kOperations{lookup, update, erase};

  // From the root to the node that an iteration has come to.
  using Path = std::vector<std::uint32_t>;

  [[nodiscard]] LpmShared& shared() const { return lpm_shared(base(), geometry_); }
  [[nodiscard]] LpmNode& node(std::uint32_t number) const { return lpm_node(base(), geometry_, number); }
  [[nodiscard]] std::uint32_t child(std::uint32_t number, int side) const {
    return lpm_number(node(number).child[side].load(std::memory_order_relaxed));
  }

  // Reads under the lock: the copy is of one value, whatever programs do meanwhile.
  Result<> user_lookup(const std::byte* key, std::byte* value, std::uint64_t) override {
    const LpmKey wanted(key, geometry_);
    if (!lpm_length_is_valid(geometry_, wanted)) return answer(-ENOENT);
    const MapLock lock(shared().lock);
    const LpmMatch match = lpm_walk(base(), geometry_, wanted);
    if (match.node == 0) return answer(-ENOENT);
    copy_from_shared(value, lpm_value(base(), geometry_, match.node), geometry_.value_size);
    return {};
  }

  Result<> user_update(const std::byte* key, const std::byte* value, std::uint64_t flags) override {
    return answer(lpm_update(base(), geometry_, key, value, flags));
  }
  Result<> user_delete(const std::byte* key) override { return answer(lpm_erase(base(), geometry_, key)); }

  // In postorder, longer prefixes before those that hold them (trie_get_next_key).
  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    const MapLock lock(shared().lock);
    Path path = key != nullptr ? path_to(LpmKey(key, geometry_)) : Path();
    const bool more = path.empty() ? begin(path) : advance(path);
    if (!more) return answer(-ENOENT);
    read_key(path.back(), next);
    return {};
  }

  void user_visit(const Visitor& visit) override {
    const std::size_t key_size = spec().key_size;
    const std::size_t entry_size = key_size + geometry_.value_size;
    const std::vector<std::byte> copies = copy_entries(entry_size);
    for (std::span<const std::byte> rest(copies); !rest.empty(); rest = rest.subspan(entry_size)) {
      if (!visit(rest.first(key_size), rest.subspan(key_size, geometry_.value_size))) return;
    }
  }

  [[nodiscard]] std::vector<std::byte> copy_entries(std::size_t entry_size) const {
    const MapLock lock(shared().lock);
    std::vector<std::byte> copies(shared().entries * entry_size);
    std::byte* to = copies.data();
    Path path;
    for (bool more = begin(path); more; more = advance(path), to += entry_size) {
      read_key(path.back(), to);
      copy_from_shared(to + spec().key_size, lpm_value(base(), geometry_, path.back()), geometry_.value_size);
    }
    return copies;
  }

  void read_key(std::uint32_t number, std::byte* key) const {
    store_unaligned(key, detail::lpm_length(node(number)));
    copy_from_shared(key + kPrefixLengthSize, lpm_data(node(number)), geometry_.data_size);
  }

  // Empty: no entry of this very prefix.
  [[nodiscard]] Path path_to(const LpmKey& key) const {
    if (!lpm_length_is_valid(geometry_, key)) return {};
    Path path;
    for (std::uint32_t at = lpm_number(shared().root.load(std::memory_order_relaxed)); at != 0;) {
      path.push_back(at);
      const std::uint32_t length = detail::lpm_length(node(at));
      if (lpm_common_bits(geometry_, lpm_data(node(at)), key, std::min(length, key.length)) != length) break;
      if (length == key.length) return detail::lpm_is_entry(node(at)) ? path : Path();
      at = child(at, static_cast<int>(lpm_bit(key, length)));
    }
    return {};
  }

  // Leads the path down to the first entry in postorder below `from`: a leaf, and leaves are entries.
  void descend(Path& path, std::uint32_t from) const {
    for (std::uint32_t at = from; at != 0;) {
      path.push_back(at);
      const std::uint32_t left = child(at, 0);
      at = left != 0 ? left : child(at, 1);
    }
  }

  [[nodiscard]] bool begin(Path& path) const {
    descend(path, lpm_number(shared().root.load(std::memory_order_relaxed)));
    return !path.empty();
  }

  // To the next entry; false at the end.
  [[nodiscard]] bool advance(Path& path) const {
    while (true) {
      const std::uint32_t done = path.back();
      path.pop_back();
      if (path.empty()) return false;
      const std::uint32_t parent = path.back();
      if (child(parent, 0) == done && child(parent, 1) != 0) {
        descend(path, child(parent, 1));
        return true;
      }
      if (detail::lpm_is_entry(node(parent))) return true;
    }
  }

  LpmGeometry geometry_;
};

}  // namespace

Result<MapRef> make_lpm_trie(const MapSpec& spec) {
  LpmGeometry trie{};
  trie.data_size = spec.key_size - kPrefixLengthSize;
  trie.value_size = spec.value_size;
  trie.max_entries = spec.max_entries;
  trie.value_offset = static_cast<std::uint32_t>(sizeof(LpmNode) + round_up_8(trie.data_size));
  trie.node_size = trie.value_offset + static_cast<std::uint32_t>(round_up_8(spec.value_size));
  // Each entry may need an intermediate node; an update holds its new node while the old one is still there.
  const std::uint64_t wanted = std::uint64_t{spec.max_entries} * 2 + detail::kQuarantine + 1;
  const std::uint64_t possible = std::min(kLargestRegion / 2 / trie.node_size, std::uint64_t{~0U} - 1);
  trie.node_count = static_cast<std::uint32_t>(std::min(wanted, possible));

  RegionLayout layout;
  trie.shared = layout.add(1, sizeof(LpmShared));
  trie.nodes = layout.add(std::uint64_t{trie.node_count} + 1, trie.node_size);
  return std::make_shared<LpmTrie>(spec, TRY(MapMemory::create(spec, layout.size())), trie);
}

}  // namespace netkit::bpf
