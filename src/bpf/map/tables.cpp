#include "bpf/map/tables.h"

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>

#include "base/rcu.h"

namespace netkit::bpf {
namespace {

struct Entry {
  const Program* program = nullptr;
  std::weak_ptr<const Program> reference;
};

// The programs alive at one moment, open addressing by id: what running programs search.
class Directory {
 public:
  explicit Directory(const std::map<std::uint32_t, Entry>& programs)
      : slots_(std::bit_ceil(2 * programs.size() + 1)) {
    for (const auto& [id, entry] : programs) {
      std::size_t at = id & mask();
      while (slots_[at].id != 0) at = (at + 1) & mask();
      slots_[at] = {id, entry.program};
    }
  }

  [[nodiscard]] const Program* find(std::uint32_t id) const {
    if (id == 0) return nullptr;
    for (std::size_t at = id & mask(); slots_[at].id != 0; at = (at + 1) & mask()) {
      if (slots_[at].id == id) return slots_[at].program;
    }
    return nullptr;
  }

 private:
  struct Slot {
    std::uint32_t id = 0;
    const Program* program = nullptr;
  };
  [[nodiscard]] std::size_t mask() const { return slots_.size() - 1; }

  std::vector<Slot> slots_;  // a power of two, at most half full
};

}  // namespace

struct ProgramTable::State {
  mutable std::mutex mutex;
  std::uint32_t last_id = 0;
  std::map<std::uint32_t, Entry> programs;
  rcu::Published<Directory> directory{std::make_unique<const Directory>(programs)};

  void publish_directory() { directory.publish(std::make_unique<const Directory>(programs)); }

  // The last reference has gone: no new run finds the program, and those that did get their grace period.
  void forget(const Program* program) {
    {
      const std::lock_guard lock(mutex);
      programs.erase(program->id);
      publish_directory();
    }
    rcu::retire([program] { delete program; });
  }
};

// Never destroyed: programs may outlive the statics of main.
ProgramTable& ProgramTable::instance() {
  static ProgramTable& table = *new ProgramTable;
  return table;
}

ProgramTable::ProgramTable() : state_(std::make_unique<State>()) {}
ProgramTable::~ProgramTable() = default;

ProgramRef ProgramTable::publish(std::unique_ptr<Program> program) {
  const std::lock_guard lock(state_->mutex);
  program->id = ++state_->last_id;
  const ProgramRef reference(program.release(),
                             [state = state_.get()](const Program* p) { state->forget(p); });
  state_->programs.emplace(reference->id, Entry{reference.get(), reference});
  state_->publish_directory();
  return reference;
}

const Program* ProgramTable::find_running(std::uint32_t id) const {
  return state_->directory.read()->find(id);
}

ProgramRef ProgramTable::find(std::uint32_t id) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->programs.find(id);
  return found == state_->programs.end() ? nullptr : found->second.reference.lock();
}

std::vector<std::uint32_t> ProgramTable::ids() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::uint32_t> ids;
  for (const auto& [id, entry] : state_->programs) ids.push_back(id);
  return ids;
}

struct MapTable::State {
  mutable std::mutex mutex;
  std::uint32_t last_id = 0;
  std::map<std::uint32_t, std::weak_ptr<Map>> maps;
};

MapTable& MapTable::instance() {
  static MapTable& table = *new MapTable;
  return table;
}

MapTable::MapTable() : state_(std::make_unique<State>()) {}
MapTable::~MapTable() = default;

MapRef MapTable::publish(MapRef map) {
  const std::lock_guard lock(state_->mutex);
  map->id_ = ++state_->last_id;
  state_->maps.emplace(map->id_, map);
  return map;
}

MapRef MapTable::find(std::uint32_t id) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->maps.find(id);
  return found == state_->maps.end() ? nullptr : found->second.lock();
}

std::vector<std::uint32_t> MapTable::ids() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::uint32_t> ids;
  for (const auto& [id, map] : state_->maps) {
    if (!map.expired()) ids.push_back(id);
  }
  return ids;
}

void MapTable::forget(std::uint32_t id) {
  const std::lock_guard lock(state_->mutex);
  state_->maps.erase(id);
}

}  // namespace netkit::bpf
