// From an object file to programs that an engine can take: creates the maps, fills global data, joins each
// program with the functions that it reaches, and names maps and functions in its instructions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/object/image.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

class KernelTypes;

// Makes a map; create_map unless a test stands in for it.
using MapFactory = std::function<Result<MapRef>(const MapSpec&)>;

// What to do with one program in place of what its section says.
struct ProgramOverride {
  std::optional<ProgramType> type = std::nullopt;
  std::optional<AttachType> expected_attach_type = std::nullopt;
};

struct MapOverride {
  // The whole first value, of a data section or another array; exactly its size.
  std::optional<std::vector<std::byte>> initial_value = std::nullopt;
  std::optional<std::uint32_t> max_entries = std::nullopt;
  std::optional<std::uint32_t> value_size =
      std::nullopt;  // of a data section: at least its size, the rest is zero
};

// A new value of a global variable: a number for integers, enums and bools; else exactly its bytes.
using VariableValue = std::variant<std::int64_t, std::vector<std::byte>>;

// Where maps are pinned: a tree of names, as bpffs is one, that the caller keeps.
struct MapPins {
  // Whether a definition with this `pinning` number asks for a pin. Absent: 1 does (LIBBPF_PIN_BY_NAME), any
  // other number says nothing, as numbers above 1 are private to loaders.
  std::function<bool(std::uint32_t pinning)> wanted;
  // The map that is pinned for a name; null: none.
  std::function<Result<MapRef>(std::string_view map)> find;
  // Pins a new map. After the programs of its object are loaded.
  std::function<Result<>(std::string_view map, const MapRef&)> add;
  // Takes back what `add` did, when loading fails later.
  std::function<void(std::string_view map)> remove;
};

struct LinkOptions {
  // Function names; absent: every program of type SCHED_CLS or SCHED_ACT whose section does not begin with
  // "?".
  std::optional<std::vector<std::string>> programs;
  // By function name.
  std::map<std::string, ProgramOverride, std::less<>> program_overrides;
  // By map name; data sections by map name or section name.
  std::map<std::string, MapOverride, std::less<>> map_overrides;
  // By map name, as above: taken in place of a new map. Type, sizes and flags must be those of the
  // definition. Also by the name of a variable in a data section: references to the variable become
  // references to the map.
  std::map<std::string, MapRef, std::less<>> reuse;
  // By variable name, `volatile const` and others, externs of .kconfig too.
  std::map<std::string, VariableValue, std::less<>> variables;
  MapFactory create = create_map;
  // Absent: no map is pinned.
  std::optional<MapPins> pins;
  // What CO-RE relocations are resolved against; null: our own types (KernelTypes::ours()).
  std::shared_ptr<const KernelTypes> kernel_types;
  // Whether we have what an enumerator of our own types names (enum bpf_func_id, enum bpf_map_type), for
  // bpf_core_enum_value_exists(). Null: all that are listed. load_object sets it for our own types.
  bool (*provides)(std::string_view enumeration, std::uint64_t value) = nullptr;
  // Whether there is a kernel function of that name: a weak extern without one is null, and a call of it ends
  // the run. Null: all are taken to be there. load_object sets it.
  bool (*has_kfunc)(std::string_view name) = nullptr;
};

struct LinkedMap {
  std::string name;     // full ELF name; data sections as libbpf names them
  std::string section;  // of a data section ('.rodata'), else empty
  std::uint32_t pinning = 0;
  MapRef map;           // a user_reference; programs hold the map itself
  bool to_pin = false;  // new, and MapPins wants it: the loader pins it once the programs are loaded
};
// By map name or section name of a data section; null: no such map.
[[nodiscard]] MapRef find_map(std::span<const LinkedMap> maps, std::string_view name);

// A PROG_ARRAY slot that the object fills, by a `values` initialiser, a declaration tag "tail:<map>/<slot>"
// or a section name "<map id>/<slot>" (iproute2): the loader writes the program's id there once the program
// is published.
struct ProgramSlot {
  MapRef map;
  std::uint32_t slot = 0;
  std::string program;  // function name
};

struct LinkedObject {
  std::vector<LinkedMap> maps;                                // in the object's order, data sections last
  std::vector<std::shared_ptr<const ProgramImage>> programs;  // in the order asked for, or the object's
  std::vector<ProgramSlot> program_slots;

  [[nodiscard]] MapRef find_map(std::string_view name) const { return bpf::find_map(maps, name); }
  // By function name; null: no such program.
  [[nodiscard]] std::shared_ptr<const ProgramImage> find_program(std::string_view name) const;
};

// Errors name file, section, symbol and source line. Nothing stays behind after an error: maps made so far
// go.
[[nodiscard]] Result<LinkedObject> link(const ObjectFile& object, const LinkOptions& options = {});

}  // namespace netkit::bpf
