#include "bpf/map/prog_array.h"

#include <fmt/format.h>

#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "bpf/map/array.h"
#include "bpf/map/create.h"
#include "bpf/map/tables.h"

namespace netkit::bpf {
namespace {

struct ProgArrayGeometry {
  std::uint64_t slots;  // offset of slot 0: program ids of 4 bytes, 0 for none
  std::uint32_t max_entries;
};

constexpr std::uint64_t kSlots = kPage;  // the first thing behind the header

std::uint32_t* slot(std::byte* base, std::uint32_t index) {
  return reinterpret_cast<std::uint32_t*>(base + kSlots) + index;
}

class ProgArray final : public Map {
 public:
  ProgArray(const MapSpec& spec, MapMemory memory) : Map(spec, kOperations, std::move(memory)) {
    this->memory().describe(ProgArrayGeometry{kSlots, spec.max_entries});
  }

  Result<> admit(ProgramType type, AttachType expected_attach_type) {
    const std::lock_guard lock(mutex_);
    const Kind kind{type, expected_attach_type};
    if (!kind_) kind_ = kind;
    if (*kind_ == kind) return {};
    return fail(
        EINVAL,
        fmt::format("map '{}' is used by programs of type {} with expected attach type {}, this program "
                    "has {} and {}: programs that share a prog_array must be of one kind",
                    spec().name, std::to_underlying(kind_->type),
                    std::to_underlying(kind_->expected_attach_type), std::to_underlying(type),
                    std::to_underlying(expected_attach_type)));
  }

 private:
  struct Kind {
    ProgramType type;
    AttachType expected_attach_type;
    friend bool operator==(const Kind&, const Kind&) = default;
  };

  static void* lookup(Map&, const void*, std::uint32_t) { return nullptr; }
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }
  static std::int64_t erase(Map&, const void*) { return -EINVAL; }
  static constexpr MapOperations kOperations{lookup, update, erase};

  Result<> user_lookup(const std::byte* key, std::byte* value, std::uint64_t) override {
    const std::uint32_t index = array_index(key);
    if (index >= spec().max_entries) return answer(-ENOENT);
    const auto id = shared_load<std::uint32_t>(slot(base(), index));
    if (id == 0) return answer(-ENOENT);
    std::memcpy(value, &id, sizeof id);
    return {};
  }

  // `value` is the id of a program (bpf_fd_array_map_update_elem, whose user passes a descriptor: EBADF if
  // there is no such program).
  Result<> user_update(const std::byte* key, const std::byte* value, std::uint64_t flags) override {
    const std::uint32_t index = array_index(key);
    if (flags != kAny) return answer(-EINVAL);
    if (index >= spec().max_entries) return answer(-E2BIG);
    ProgramRef program = ProgramTable::instance().find(array_index(value));
    if (program == nullptr)
      return fail(EBADF, fmt::format("map '{}': no program has the id {}", spec().name, array_index(value)));
    TRY(admit(program->type, program->expected_attach_type));
    replace(index, std::move(program));
    return {};
  }

  Result<> user_delete(const std::byte* key) override {
    const std::uint32_t index = array_index(key);
    if (index >= spec().max_entries) return answer(-E2BIG);
    return answer(replace(index, nullptr) == nullptr ? -ENOENT : 0);
  }

  Result<> user_next_key(const std::byte* key, std::byte* next) override {
    return answer(array_next_key(spec().max_entries, key, next));
  }

  void user_visit(const Visitor& visit) override {
    std::map<std::uint32_t, ProgramRef> programs;
    {
      const std::lock_guard lock(mutex_);
      programs = programs_;
    }
    for (const auto& [index, program] : programs) {
      if (!visit(std::as_bytes(std::span(&index, 1)), std::as_bytes(std::span(&program->id, 1)))) return;
    }
  }

  void user_references_gone() override {
    std::map<std::uint32_t, ProgramRef> programs;  // let go of without the lock
    const std::lock_guard lock(mutex_);
    for (const auto& [index, program] : programs_) store(index, 0);
    programs.swap(programs_);
  }

  // Puts a program (null: none) into a slot and gives back what was there.
  ProgramRef replace(std::uint32_t index, ProgramRef program) {
    const std::lock_guard lock(mutex_);
    store(index, program == nullptr ? 0 : program->id);
    ProgramRef& held = programs_[index];
    std::swap(held, program);
    if (held == nullptr) programs_.erase(index);
    return program;
  }

  // A reader that sees the id finds the program in the table, which was published before.
  void store(std::uint32_t index, std::uint32_t id) {
    __atomic_store_n(slot(base(), index), id, __ATOMIC_RELEASE);
  }

  std::mutex mutex_;
  std::map<std::uint32_t, ProgramRef> programs_;  // by slot: what the slots' ids keep alive
  std::optional<Kind> kind_;
};

}  // namespace

const Program* tail_call_target(const Map& map, std::uint32_t index) {
  if (index >= map.spec().max_entries) return nullptr;
  const std::uint32_t id = __atomic_load_n(slot(map.memory().base(), index), __ATOMIC_ACQUIRE);
  return id == 0 ? nullptr : ProgramTable::instance().find_running(id);
}

Result<> admit_map_user(Map& map, ProgramType type, AttachType expected_attach_type) {
  if (map.spec().type != MapType::kProgArray) return {};
  return static_cast<ProgArray&>(map).admit(type, expected_attach_type);
}

Result<MapRef> make_prog_array(const MapSpec& spec) {
  RegionLayout layout;
  layout.add(spec.max_entries, sizeof(std::uint32_t), kPage);
  return std::make_shared<ProgArray>(spec, TRY(MapMemory::create(spec, layout.size())));
}

}  // namespace netkit::bpf
