// A map: named, typed storage that programs and control share.
//
// The memory of a map is one contiguous, position-independent region (map/memory.h). The operations that
// programs use are plain functions of (base, geometry) in the header of each type, without exceptions,
// virtual calls or allocation; MapOperations is the table of them that the engines call through. Results
// follow the kernel: 0 or a negative errno.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/map/memory.h"
#include "bpf/run/regions.h"
#include "bpf/run/types.h"

namespace netkit::bpf {

class Map;

// A member of values that programs touch through helpers only (struct btf_field): user space reads it as
// zeroes and leaves it as it is when it writes. At most one of a kind.
enum class FieldKind : std::uint8_t { kSpinLock, kTimer };

struct SpecialField {
  FieldKind kind{};
  std::uint32_t offset = 0;  // in the value

  [[nodiscard]] constexpr std::uint32_t size() const { return kind == FieldKind::kSpinLock ? 4 : 16; }
  friend bool operator==(const SpecialField&, const SpecialField&) = default;
};

// What a map was asked to be (union bpf_attr of BPF_MAP_CREATE).
struct MapSpec {
  std::string name;  // as in the object, any length
  MapType type = MapType::kUnspec;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
  std::uint32_t flags = 0;                 // MapFlag
  std::uint64_t extra = 0;                 // map_extra
  std::vector<SpecialField> fields{};      // from the BTF of the value
  std::shared_ptr<const MapSpec> inner{};  // maps of maps: the template that inner maps must match

  [[nodiscard]] bool has_field(FieldKind kind) const { return find_field(kind) != nullptr; }
  // Null: values have no such member.
  [[nodiscard]] const SpecialField* find_field(FieldKind kind) const;
};

// What visits the elements of a map for bpf_for_each_map_elem; false: enough.
struct ElementVisitor {
  bool (*visit)(void* self, const void* key, void* value) = nullptr;
  void* self = nullptr;

  bool operator()(const void* key, void* value) const { return visit(self, key, value); }
};

// What running programs may do. `cpu` is the virtual CPU of the run, for per-CPU copies. Never null: a type
// that offers programs none of it (PROG_ARRAY) answers null and -EINVAL; loaders refuse it by name before.
struct MapOperations {
  void* (*lookup)(Map& map, const void* key, std::uint32_t cpu) = nullptr;  // address of the value, or null
  std::int64_t (*update)(Map& map, const void* key, const void* value, std::uint64_t flags,
                         std::uint32_t cpu) = nullptr;
  std::int64_t (*erase)(Map& map, const void* key) = nullptr;

  // QUEUE, STACK and BLOOM_FILTER (bpf_map_push_elem, ...); null: the type has no such operation.
  std::int64_t (*push)(Map& map, const void* value, std::uint64_t flags) = nullptr;
  std::int64_t (*pop)(Map& map, void* value) = nullptr;
  std::int64_t (*peek)(Map& map, void* value) = nullptr;  // BLOOM_FILTER: asks for `value`
  // Visits every element (of per-CPU types that CPU's copy) and returns the number of those visited. Null:
  // the type has no such operation.
  std::int64_t (*for_each)(Map& map, std::uint32_t cpu, const ElementVisitor& visit) = nullptr;
};

// Several entries at once (BPF_MAP_LOOKUP_BATCH, BPF_MAP_LOOKUP_AND_DELETE_BATCH).
struct MapBatch {
  std::vector<std::byte> cursor{};  // where to begin, and in the end where to go on; empty: at the start
  std::uint32_t room = 0;           // at most so many entries
  bool remove = false;              // hash types only
  std::uint32_t count = 0;          // entries read
  std::vector<std::byte> keys{};    // one behind the other
  std::vector<std::byte> values{};
};

class Map {
 public:
  virtual ~Map();
  Map(const Map&) = delete;
  Map& operator=(const Map&) = delete;

  [[nodiscard]] const MapSpec& spec() const { return spec_; }
  [[nodiscard]] std::uint32_t id() const { return id_; }
  [[nodiscard]] const MapOperations& operations() const { return *operations_; }
  [[nodiscard]] const MapMemory& memory() const { return memory_; }
  [[nodiscard]] bool frozen() const { return frozen_.load(std::memory_order_acquire); }

  // What programs may do with values (kWronlyProg and kRdonlyProg at creation). The loader or the verifier
  // refuses a program that does more; regions of values that are handed out go by it.
  [[nodiscard]] bool program_may_read() const { return (spec_.flags & kWronlyProg) == 0; }
  [[nodiscard]] bool program_may_write() const { return (spec_.flags & kRdonlyProg) == 0; }

  [[nodiscard]] bool holds_maps() const { return is_map_of_maps(spec_.type); }
  // Whether user space holds the map (by a handle, a pin, a loaded object).
  [[nodiscard]] bool has_user_references() const {
    return user_references_.load(std::memory_order_acquire) != 0;
  }
  // The key of the element whose value is at `value`, which a program found in this map: valid while the
  // element is. `room` holds it where elements have none of their own. Null: the type has no such.
  [[nodiscard]] virtual const void* key_of(const void* value, std::uint32_t& room) const;
  // What becomes readable when there is something to read, for epoll: an eventfd of ring buffers; -1: none.
  [[nodiscard]] virtual int wakeup() const { return -1; }

  // ---- the side of user space (bpf(2) map commands) ----
  // Spans of any other size than that of the map's keys and values are EINVAL; changing a frozen map is
  // EPERM. kRdonly and kWronly are not the map's: they restrict the descriptor that creation returns.

  // Bytes of a value: round_up(value_size, 8) * possible_cpus() in per-CPU types, but one copy of value_size
  // with kUpdateCpu (the CPU in the upper 32 bits) or kUpdateAllCpus; value_size in others.
  [[nodiscard]] std::size_t user_value_size(std::uint64_t flags = kAny) const;
  // The value of a key; ENOENT when there is none. `flags`: kUpdateCpu reads one copy. QUEUE and STACK (no
  // key): the next value; BLOOM_FILTER: asks for the value that `value` holds.
  [[nodiscard]] Result<> read(std::span<const std::byte> key, std::span<std::byte> value,
                              std::uint64_t flags = kAny);
  [[nodiscard]] Result<> write(std::span<const std::byte> key, std::span<const std::byte> value,
                               std::uint64_t flags);
  [[nodiscard]] Result<> remove(std::span<const std::byte> key);
  // Reads and removes an entry in one step. kENOTSUPP: other types than hashes, QUEUE and STACK.
  [[nodiscard]] Result<> take(std::span<const std::byte> key, std::span<std::byte> value,
                              std::uint64_t flags = kAny);
  // The key after `key` (empty, or not in the map: the first); ENOENT at the end. Order is the map's own.
  [[nodiscard]] Result<> next_key(std::span<const std::byte> key, std::span<std::byte> next);
  // BPF_MAP_FREEZE: no more writes from the user side. EPERM if that is so already.
  [[nodiscard]] Result<> freeze();

  // Visits every entry for a dump, until `visit` returns false: each entry that is there throughout exactly
  // once, also while programs update the map. Key and value are copies, valid during the call.
  using Visitor = std::function<bool(std::span<const std::byte> key, std::span<const std::byte> value)>;
  [[nodiscard]] Result<> for_each(const Visitor& visit);

  // Reads (and with `remove` removes) the next entries; see MapBatch. ENOENT: these were the last; ENOSPC:
  // there is room for too few of a hash map to come any further.
  [[nodiscard]] Result<> read_batch(MapBatch& batch, std::uint64_t flags = kAny);

  // The one value of an ARRAY map with a single entry, as a region that programs address directly (global
  // data); none for others.
  [[nodiscard]] virtual Region direct_value() const { return {}; }

 protected:
  Map(MapSpec spec, const MapOperations& operations, MapMemory memory)
      : spec_(std::move(spec)), operations_(&operations), memory_(std::move(memory)) {}

  [[nodiscard]] std::byte* base() const { return memory_.base(); }
  // From what the operations of a type answer: 0 or a negative errno.
  [[nodiscard]] static Result<> answer(std::int64_t outcome);

  // The type's own part of the commands above: spans have the right size, access is allowed, flags are such
  // as the command allows for the type.
  virtual Result<> user_lookup(const std::byte* key, std::byte* value, std::uint64_t flags) = 0;
  virtual Result<> user_update(const std::byte* key, const std::byte* value, std::uint64_t flags) = 0;
  virtual Result<> user_delete(const std::byte* key) = 0;
  // `key` null: the first.
  virtual Result<> user_next_key(const std::byte* key, std::byte* next) = 0;
  virtual void user_visit(const Visitor& visit);
  virtual Result<> user_take(const std::byte* key, std::byte* value, std::uint64_t flags);
  // By keys: the cursor is the last key read.
  virtual Result<> user_read_batch(MapBatch& batch, std::uint64_t flags);
  // The last user reference (user_reference) has gone.
  virtual void user_references_gone() {}

 private:
  friend class MapTable;
  friend std::shared_ptr<Map> user_reference(const std::shared_ptr<Map>& map);

  MapSpec spec_;
  const MapOperations* operations_;
  MapMemory memory_;
  std::uint32_t id_ = 0;
  std::atomic<bool> frozen_{false};
  std::atomic<std::uint32_t> user_references_{0};
};

using MapRef = std::shared_ptr<Map>;

// A reference as user space holds one (a handle, a pin, an object that stays loaded). When the last of them
// and of their copies goes, a PROG_ARRAY empties itself, as in the kernel (bpf_map_put_uref): programs that
// call each other through it hold each other otherwise and never go.
[[nodiscard]] MapRef user_reference(const MapRef& map);

// Checks a specification as the kernel does before it asks for permission (its errno, in its order). A type
// that is not supported is EINVAL with the type's name in the text.
[[nodiscard]] Result<> check_map(const MapSpec& spec);

// Whether create_map knows the type.
[[nodiscard]] bool is_supported(MapType type);

// Creates a map of any supported type from what check_map lets through, and gives it an id.
// Types that the kernel allocates lazily, and ours all, take memory only for what they hold.
[[nodiscard]] Result<MapRef> create_map(const MapSpec& spec);

}  // namespace netkit::bpf
