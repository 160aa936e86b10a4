#include "bpf/object/program_linker.h"

#include <fmt/core.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "bpf/map/tables.h"
#include "bpf/object/core_patch.h"
#include "bpf/object/core_resolver.h"
#include "bpf/object/core_spec.h"
#include "bpf/object/kernel_types.h"
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

// What a program sees of the address of a kernel function that is there: not null, and nothing to read.
constexpr std::uint64_t kKernelText = 0xffff'ffff'8100'0000;
constexpr std::uint64_t kFunctionAlignment = 16;

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
    TRY(check_operands(placed));
    TRY(patch(placed));
    TRY(relocate_core(placed));
  }
  std::ranges::sort(image_->poisoned, {}, &PoisonedInsn::insn);
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

Result<> ProgramLinker::relocate_core(const Placed& placed) {
  const ObjectFunction& function = object_.contents().functions[placed.function];
  const auto relocations = within(object_.contents().code[function.section].core_relocations, function);
  if (relocations.empty()) return {};
  const auto& kernel = options_.kernel_types != nullptr ? options_.kernel_types : KernelTypes::ours();
  const CoreResolver resolver(*object_.btf(), *kernel, options_.provides);
  const auto insns = std::span(image_->insns).subspan(placed.base, function.count);
  for (const CoreRelocation& relocation : relocations) {
    const auto resolution = resolver.resolve(relocation);
    if (!resolution) return refuse(resolution.error().code, placed, relocation.insn, resolution.error().text);
    const std::uint32_t at = relocation.insn - function.first;
    const auto poisoned = patch_core(insns.subspan(at), *resolution);
    if (!poisoned) return refuse(poisoned.error().code, placed, relocation.insn, poisoned.error().text);
    if (*poisoned)
      image_->poisoned.push_back({.insn = at + placed.base, .what = describe(relocation, *object_.btf())});
    ++image_->core_relocations;
  }
  return {};
}

Result<> ProgramLinker::patch(const Placed& placed) {
  const ObjectContents& contents = object_.contents();
  const ObjectFunction& function = contents.functions[placed.function];
  for (const Relocation& relocation : relocations_of(placed.function)) {
    const std::uint32_t at = relocation.insn - function.first + placed.base;
    if (image_->insns[at].opcode == kLdImm64 && at + 1 >= image_->insns.size())
      return refuse(EINVAL, placed, relocation.insn,
                    "a 64-bit load is cut off by the function's end; compile the file again");
    const auto& target = relocation.target;
    if (const auto* unusable = std::get_if<UnusableTarget>(&target))
      return refuse(
          ENOTSUP, placed, relocation.insn,
          fmt::format("it refers to {}; remove it or choose other programs of the object", unusable->text));
    if (const auto* map = std::get_if<MapTarget>(&target)) TRY(patch_map(at, map->map, placed, relocation));
    if (const auto* data = std::get_if<DataTarget>(&target)) TRY(patch_data(at, *data, placed, relocation));
    if (const auto* callee = std::get_if<FunctionTarget>(&target)) patch_function(at, *callee);
    if (const auto* external = std::get_if<ExternTarget>(&target))
      TRY(patch_extern(at, contents.externs[external->external], placed, relocation));
  }
  return {};
}

Result<> ProgramLinker::patch_map(std::uint32_t at, std::uint32_t map, const Placed& placed,
                                  const Relocation& relocation) {
  const LinkedMaps::Entry& entry = maps_.entries[map];
  if (entry.linked.map == nullptr)
    return refuse(entry.error.code, placed, relocation.insn, fmt::format("it uses {}", entry.error.text));
  set_constant(at, static_cast<std::uint32_t>(map_index(entry.linked.map)));
  image_->insns[at].src = kMapFd;
  return {};
}

Result<> ProgramLinker::patch_data(std::uint32_t at, const DataTarget& data, const Placed& placed,
                                   const Relocation& relocation) {
  if (const auto variable = maps_.variables.find({data.section, data.offset});
      variable != maps_.variables.end()) {
    set_constant(at, static_cast<std::uint32_t>(map_index(variable->second)));
    image_->insns[at].src = kMapFd;
    return {};
  }
  TRY(patch_map(at, static_cast<std::uint32_t>(object_.contents().maps.size()) + data.section, placed,
                relocation));
  image_->insns[at].src = kMapValue;
  image_->insns[at + 1].imm = static_cast<std::int32_t>(data.offset);
  return {};
}

void ProgramLinker::patch_function(std::uint32_t at, const FunctionTarget& function) {
  Insn& insn = image_->insns[at];
  const std::uint32_t number = numbers_.at(function.function);
  if (insn.opcode == kLdImm64) {
    set_constant(at, number);
    insn.src = kFunction;
    return;
  }
  insn.src = kCallLocal;
  insn.imm = static_cast<std::int32_t>(placed_[number].base) - static_cast<std::int32_t>(at) - 1;
}

Result<> ProgramLinker::patch_extern(std::uint32_t at, const Extern& external, const Placed& placed,
                                     const Relocation& relocation) {
  switch (external.kind) {
    case ExternKind::kSetting: {
      const Variable& variable = object_.contents().variables[*external.variable];
      if (!external.weak && maps_.missing_settings.contains(external.name))
        return refuse(
            ESRCH, placed, relocation.insn,
            fmt::format("it needs the kernel setting '{}', which is not set here; declare it __weak or "
                        "give it a value as a variable",
                        external.name));
      return patch_data(at, {.section = variable.section, .offset = variable.offset}, placed, relocation);
    }
    case ExternKind::kKernelVariable:
      if (!external.weak)
        return refuse(
            ESRCH, placed, relocation.insn,
            fmt::format("it needs the kernel variable '{}', and there is no kernel here; declare it "
                        "__weak and test its address",
                        external.name));
      set_constant(at, 0);
      return {};
    case ExternKind::kKernelFunction:
      return patch_kernel_function(at, external, placed, relocation);
    case ExternKind::kUndefined:
      break;
  }
  if (external.weak && image_->insns[at].opcode == kLdImm64) {
    set_constant(at, 0);
    return {};
  }
  return refuse(
      ENOTSUP, placed, relocation.insn,
      fmt::format("it uses '{}', which the object does not define; link it with the object that does",
                  external.name));
}

Result<> ProgramLinker::patch_kernel_function(std::uint32_t at, const Extern& external, const Placed& placed,
                                              const Relocation& relocation) {
  const std::string_view name = without_flavour(external.name);
  const bool there = options_.has_kfunc == nullptr || options_.has_kfunc(name);
  Insn& insn = image_->insns[at];
  if (insn.opcode == kLdImm64) {
    if (!there && !external.weak)
      return refuse(
          ESRCH, placed, relocation.insn,
          fmt::format("it needs the kernel function '{}', which is not here; declare it __weak and test "
                      "its address",
                      name));
    const auto number = static_cast<std::uint64_t>(there ? kfunc_index(name) : 0);
    set_constant(at, there ? kKernelText + kFunctionAlignment * number : 0);
    return {};
  }
  if (!there && external.weak) {
    plant_poison(at, fmt::format("kernel function {}", name));
    return {};
  }
  // One that is missing is refused with its reason where its name is resolved.
  insn.src = kCallKfunc;
  insn.off = 0;
  insn.imm = kfunc_index(name);
  return {};
}

void ProgramLinker::set_constant(std::uint32_t at, std::uint64_t value) {
  image_->insns[at].src = kImm64;
  image_->insns[at].imm = static_cast<std::int32_t>(value);
  image_->insns[at + 1].imm = static_cast<std::int32_t>(value >> 32);
}

std::int32_t ProgramLinker::kfunc_index(std::string_view name) {
  const auto [entry, is_new] =
      kfunc_indices_.try_emplace(name, static_cast<std::int32_t>(image_->kfuncs.size()));
  if (is_new) image_->kfuncs.emplace_back(name);
  return entry->second;
}

void ProgramLinker::plant_poison(std::uint32_t at, std::string what) {
  poison(std::span(image_->insns).subspan(at));
  image_->poisoned.push_back({.insn = at, .what = std::move(what)});
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

std::int32_t ProgramLinker::map_index(const MapRef& map) {
  const MapRef own = owned_by_program(map);
  const auto found = std::ranges::find(image_->maps, own);
  if (found != image_->maps.end()) return static_cast<std::int32_t>(found - image_->maps.begin());
  image_->maps.push_back(own);
  return static_cast<std::int32_t>(image_->maps.size() - 1);
}

// libbpf binds read-only data to every program of the object, named or not (bpf_object_load_prog).
void ProgramLinker::bind_constants() {
  const ObjectContents& contents = object_.contents();
  for (std::size_t section = 0; section < contents.data.size(); ++section) {
    const MapRef& map = maps_.entries[contents.maps.size() + section].linked.map;
    if (contents.data[section].kind == DataKind::kReadOnly && map != nullptr) map_index(map);
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
