// From an object file to programs that hooks can run: the work of `bpftool prog loadall`.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/object/link.h"
#include "bpf/run/program.h"

namespace netkit::bpf {

// Programs and maps of one object. While it (or a copy of a map reference in it) lives, the maps are in use
// by user space: when the last one goes, its prog arrays empty themselves, as in the kernel.
struct LoadedObject {
  std::vector<LinkedMap> maps;       // in the object's order, data sections last
  std::vector<ProgramRef> programs;  // published; in the order asked for, or the object's

  [[nodiscard]] MapRef find_map(std::string_view name) const { return bpf::find_map(maps, name); }
  // By function name; null: no such program.
  [[nodiscard]] ProgramRef find_program(std::string_view name) const;
};

// Links the object, prepares each program for the interpreter, publishes it and fills the slots of prog
// arrays that the object initialises. What is not supported is refused by its name, with the program and the
// source line. All or nothing: after an error no program, map or slot remains. `uid`: whose programs they
// are.
[[nodiscard]] Result<LoadedObject> load_object(const ObjectFile& object, const LinkOptions& options = {},
                                               std::uint32_t uid = ::getuid());
// The same for a file.
[[nodiscard]] Result<LoadedObject> load_object(const std::filesystem::path& path,
                                               const LinkOptions& options = {});

}  // namespace netkit::bpf
