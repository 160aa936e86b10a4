// The id tables of loaded programs and maps. Programs are found by id in the middle of a run (PROG_ARRAY
// holds ids), so finding one takes no lock: the table is published by RCU, and a program is destroyed only
// after a grace period.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bpf/map/map.h"
#include "bpf/run/program.h"

namespace netkit::bpf {

class ProgramTable {
 public:
  static ProgramTable& instance();

  // Gives the program its id and makes it findable; it lives while somebody holds the reference (or a
  // PROG_ARRAY slot does), and is destroyed a grace period after the last one has gone.
  [[nodiscard]] ProgramRef publish(std::unique_ptr<Program> program);

  // For running programs: valid until the caller's next quiescent state. Null: no such program.
  [[nodiscard]] const Program* find_running(std::uint32_t id) const;
  // For control: a reference of one's own. Null: no such program.
  [[nodiscard]] ProgramRef find(std::uint32_t id) const;
  // Ids in rising order.
  [[nodiscard]] std::vector<std::uint32_t> ids() const;

 private:
  ProgramTable();
  ~ProgramTable();
  struct State;
  std::unique_ptr<State> state_;
};

class MapTable {
 public:
  static MapTable& instance();
  // Gives the map its id. The table itself holds no reference.
  MapRef publish(MapRef map);
  [[nodiscard]] MapRef find(std::uint32_t id) const;
  [[nodiscard]] std::vector<std::uint32_t> ids() const;

 private:
  friend class Map;
  MapTable();
  ~MapTable();
  void forget(std::uint32_t id);
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace netkit::bpf
