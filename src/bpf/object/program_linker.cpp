#include "bpf/object/program_linker.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "bpf/map/tables.h"
#include "bpf/object/core_relocation.h"
#include "bpf/object/prototype.h"

namespace netkit::bpf {
namespace {

// Those of [first, first + count) in a vector that is sorted by instruction.
template <class Record>
std::span<const Record> within(const std::vector<Record>& records, const ObjectFunction& function) {
  const auto from = std::ranges::lower_bound(records, function.first, {}, &Record::insn);
  const auto to =
      std::ranges::lower_bound(from, records.end(), function.first + function.count, {}, &Record::insn);
  return {from, to};
}

// A program holds the map itself: through a reference of user space, programs in a PROG_ARRAY that name that
// array would keep it, and so themselves, for ever.
MapRef owned_by_program(const MapRef& map) {
  MapRef itself = MapTable::instance().find(map->id());
  return itself != nullptr ? itself : map;
}

std::string describe(const Extern& external) {
  if (external.section == ".kconfig")
    return fmt::format("the kernel setting '{}' (extern in .kconfig)", external.name);
  if (external.section == ".ksyms")
    return fmt::format("the kernel symbol '{}' (extern in .ksyms)", external.name);
  return fmt::format("'{}', which the object does not define", external.name);
}

}  // namespace

Result<std::shared_ptr<const ProgramImage>> ProgramLinker::link(std::uint32_t function,
                                                                const ProgramOverride& change) {
  const ObjectContents& contents = object_.contents();
  const ObjectFunction& program = contents.functions[function];
  std::string_view section = contents.code[program.section].name;
  if (section.starts_with('?')) section.remove_prefix(1);

  image_ = std::make_shared<ProgramImage>();
  image_->name = program.name;
  image_->section = section;
  image_->type = change.type.value_or(program.program->type);
  image_->expected_attach_type = change.expected_attach_type.value_or(program.program->expected_attach_type);
  image_->license = contents.license;
  image_->gpl_compatible = is_gpl_compatible(contents.license);
  TRY(place_reached(function));
  for (const Placed& placed : placed_) {
    append(placed);
    TRY(check_core_relocations(placed));
    TRY(patch(placed));
    TRY(check_operands(placed));
  }
  bind_constants();
  return image_;
}

Result<> ProgramLinker::place_reached(std::uint32_t program) {
  TRY(place(program));
  // The functions between the program and the one being looked through, each with its relocations yet to see.
  // A stack of our own: the object must not choose the depth of the machine's.
  std::vector<std::span<const Relocation>> path = {relocations_of(program)};
  while (!path.empty()) {
    if (path.back().empty()) {
      path.pop_back();
      continue;
    }
    const Relocation& relocation = path.back().front();
    path.back() = path.back().subspan(1);
    const auto* callee = std::get_if<FunctionTarget>(&relocation.target);
    if (callee == nullptr || numbers_.contains(callee->function)) continue;
    TRY(place(callee->function));
    path.push_back(relocations_of(callee->function));
  }
  return {};
}

Result<> ProgramLinker::place(std::uint32_t function) {
  const ObjectFunction& added = object_.contents().functions[function];
  std::uint32_t base = 0;
  if (!placed_.empty())
    base = placed_.back().base + object_.contents().functions[placed_.back().function].count;
  if (added.count > kMaxInsns - base)
    return fail(
        E2BIG, fmt::format("{}: program '{}' has more than {} instructions with '{}'; split it by tail calls",
                           object_.name(), image_->name, kMaxInsns, added.name));
  numbers_.emplace(function, static_cast<std::uint32_t>(placed_.size()));
  placed_.push_back({.function = function, .base = base});
  image_->functions.push_back(
      {.name = std::string(added.name),
       .first = base,
       .count = added.count,
       .prototype = object_.btf() != nullptr ? prototype(*object_.btf(), added.type_id) : std::string{}});
  return {};
}

void ProgramLinker::append(const Placed& placed) {
  const ObjectFunction& function = object_.contents().functions[placed.function];
  const CodeSection& code = object_.contents().code[function.section];
  const auto insns = std::span(code.insns).subspan(function.first, function.count);
  image_->insns.insert(image_->insns.end(), insns.begin(), insns.end());
  for (const LineRecord& line : within(code.lines, function))
    image_->lines.push_back({.insn = line.insn - function.first + placed.base,
                             .line = line.line,
                             .column = line.column,
                             .file = std::string(line.file),
                             .text = std::string(line.text)});
}

Result<> ProgramLinker::check_core_relocations(const Placed& placed) const {
  const ObjectFunction& function = object_.contents().functions[placed.function];
  for (const CoreRelocation& relocation :
       within(object_.contents().code[function.section].core_relocations, function)) {
    if (is_fixed(relocation, *object_.btf())) continue;
    return refuse(
        ENOTSUP, placed, relocation.insn,
        fmt::format("CO-RE relocation of {} is not supported; use types of the user interface (linux/*.h)",
                    describe(relocation, *object_.btf())));
  }
  return {};
}

Result<> ProgramLinker::patch(const Placed& placed) {
  const ObjectFunction& function = object_.contents().functions[placed.function];
  for (const Relocation& relocation : relocations_of(placed.function)) {
    if (const auto* external = std::get_if<ExternTarget>(&relocation.target))
      return refuse(
          ENOTSUP, placed, relocation.insn,
          fmt::format("it uses {}, which is not supported; remove it or choose other programs of the object",
                      describe(object_.contents().externs[external->external])));
    if (const auto* unusable = std::get_if<UnusableTarget>(&relocation.target))
      return refuse(
          ENOTSUP, placed, relocation.insn,
          fmt::format("it refers to {}; remove it or choose other programs of the object", unusable->text));

    const std::uint32_t at = relocation.insn - function.first + placed.base;
    Insn& insn = image_->insns[at];
    if (insn.opcode == kLdImm64) {
      TRY(patch_load(at, placed, relocation));
      continue;
    }
    const Placed& callee = placed_[numbers_.at(std::get<FunctionTarget>(relocation.target).function)];
    insn.src = kCallLocal;
    insn.imm = static_cast<std::int32_t>(callee.base) - static_cast<std::int32_t>(at) - 1;
  }
  return {};
}

Result<> ProgramLinker::patch_load(std::uint32_t at, const Placed& placed, const Relocation& relocation) {
  const ObjectContents& contents = object_.contents();
  if (at + 1 >= image_->insns.size())
    return refuse(EINVAL, placed, relocation.insn,
                  "a 64-bit load is cut off by the function's end; compile the file again");
  Insn& insn = image_->insns[at];
  std::int32_t& second = image_->insns[at + 1].imm;
  second = 0;
  if (const auto* map = std::get_if<MapTarget>(&relocation.target)) {
    insn.src = kMapFd;
    insn.imm = map_index(map->map);
  } else if (const auto* data = std::get_if<DataTarget>(&relocation.target)) {
    insn.src = kMapValue;
    insn.imm = map_index(static_cast<std::uint32_t>(contents.maps.size()) + data->section);
    second = static_cast<std::int32_t>(data->offset);
  } else {
    insn.src = kFunction;
    insn.imm = static_cast<std::int32_t>(numbers_.at(std::get<FunctionTarget>(relocation.target).function));
  }
  return {};
}

Result<> ProgramLinker::check_operands(const Placed& placed) const {
  const ObjectFunction& function = object_.contents().functions[placed.function];
  const CodeSection& code = object_.contents().code[function.section];
  const std::span<const Relocation> relocations = relocations_of(placed.function);
  for (std::uint32_t at = function.first; at < function.first + function.count; ++at) {
    const Insn& insn = code.insns[at];
    const bool load = insn.opcode == kLdImm64;
    const bool names_something = insn.src != 0 && (load || insn.opcode == kCallImm);
    if (names_something && !std::ranges::binary_search(relocations, at, {}, &Relocation::insn))
      return refuse(EINVAL, placed, at, "a number stands for a map or a function; compile the file again");
    if (load) ++at;
  }
  return {};
}

std::int32_t ProgramLinker::map_index(std::uint32_t map) {
  const auto [entry, is_new] = map_indices_.try_emplace(map, static_cast<std::int32_t>(image_->maps.size()));
  if (is_new) image_->maps.push_back(owned_by_program(maps_[map].map));
  return entry->second;
}

// libbpf binds read-only data to every program of the object, named or not (bpf_object_load_prog).
void ProgramLinker::bind_constants() {
  const ObjectContents& contents = object_.contents();
  for (std::uint32_t section = 0; section < contents.data.size(); ++section) {
    if (contents.data[section].kind != DataKind::kReadOnly) continue;
    map_index(static_cast<std::uint32_t>(contents.maps.size()) + section);
  }
}

std::span<const Relocation> ProgramLinker::relocations_of(std::uint32_t function) const {
  const ObjectFunction& found = object_.contents().functions[function];
  return within(object_.contents().code[found.section].relocations, found);
}

Failure ProgramLinker::refuse(int code, const Placed& placed, std::uint32_t insn,
                              std::string_view what) const {
  const ObjectFunction& function = object_.contents().functions[placed.function];
  const CodeSection& section = object_.contents().code[function.section];
  std::string where;
  const auto behind = std::ranges::upper_bound(section.lines, insn, {}, &LineRecord::insn);
  if (behind != section.lines.begin())
    where = fmt::format(" ({}:{})", std::prev(behind)->file, std::prev(behind)->line);
  return fail(code, fmt::format("{}: section '{}', function '{}', instruction {}{}: {}", object_.name(),
                                section.name, function.name, insn - function.first, where, what));
}

}  // namespace netkit::bpf
