#include "bpf/object/link.h"

#include <fmt/core.h>

#include <algorithm>

#include "bpf/object/link_maps.h"
#include "bpf/object/program_linker.h"
#include "bpf/object/program_slots.h"

namespace netkit::bpf {
namespace {

bool runs_on_packets_of_tc(ProgramType type) {
  return type == ProgramType::kSchedCls || type == ProgramType::kSchedAct;
}

Failure no_program(const ObjectFile& object, std::string_view name) {
  std::string names;
  for (const ObjectFunction& function : object.contents().functions)
    if (function.program) names += fmt::format("{}'{}'", names.empty() ? "" : ", ", function.name);
  return fail(ENOENT, fmt::format("{}: no program '{}'; the object has {}", object.name(), name,
                                  names.empty() ? "none" : names));
}

// Indices of the programs to link.
Result<std::vector<std::uint32_t>> choose(const ObjectFile& object, const LinkOptions& options) {
  const std::vector<ObjectFunction>& functions = object.contents().functions;
  for (const auto& [name, change] : options.program_overrides)
    if (object.find_program(name) == nullptr) return no_program(object, name);

  std::vector<std::uint32_t> chosen;
  if (options.programs) {
    for (const std::string& name : *options.programs) {
      const ObjectFunction* program = object.find_program(name);
      if (program == nullptr) return no_program(object, name);
      chosen.push_back(static_cast<std::uint32_t>(program - functions.data()));
    }
    return chosen;
  }
  for (std::uint32_t i = 0; i < functions.size(); ++i) {
    if (!functions[i].program || !functions[i].program->auto_load) continue;
    const auto change = options.program_overrides.find(functions[i].name);
    const bool overridden = change != options.program_overrides.end() && change->second.type;
    if (runs_on_packets_of_tc(overridden ? *change->second.type : functions[i].program->type))
      chosen.push_back(i);
  }
  return chosen;
}

}  // namespace

Result<LinkedObject> link(const ObjectFile& object, const LinkOptions& options) {
  const std::vector<std::uint32_t> chosen = TRY(choose(object, options));
  LinkedObject linked;
  const LinkedMaps maps = TRY(link_maps(object, options));
  for (const std::uint32_t function : chosen) {
    const auto change = options.program_overrides.find(object.contents().functions[function].name);
    linked.programs.push_back(TRY(
        ProgramLinker(object, options, maps)
            .link(function, change == options.program_overrides.end() ? ProgramOverride{} : change->second)));
  }
  linked.program_slots = TRY(program_slots(object, maps, linked));
  for (const LinkedMaps::Entry& entry : maps.entries)
    if (entry.linked.map != nullptr) linked.maps.push_back(entry.linked);
  return linked;
}

MapRef find_map(std::span<const LinkedMap> maps, std::string_view name) {
  const auto found = std::ranges::find_if(
      maps, [&](const LinkedMap& map) { return map.name == name || map.section == name; });
  return found == maps.end() ? nullptr : found->map;
}

std::shared_ptr<const ProgramImage> LinkedObject::find_program(std::string_view name) const {
  const auto found =
      std::ranges::find(programs, name, [](const auto& program) { return std::string_view(program->name); });
  return found == programs.end() ? nullptr : *found;
}

}  // namespace netkit::bpf
