#include "bpf/exec/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

#include "bpf/exec/interpreter.h"
#include "bpf/helper/helper.h"
#include "bpf/helper/kfunc.h"
#include "bpf/map/prog_array.h"
#include "bpf/map/tables.h"

namespace netkit::bpf {
namespace {

// The same error, with the object it is about in front.
Failure in_object(const ObjectFile& object, Error error) {
  error.text = fmt::format("{}: {}", object.name(), error.text);
  return Failure(std::move(error));
}

Result<std::unique_ptr<Program>> prepare(const std::shared_ptr<const ProgramImage>& image) {
  auto program = TRY(prepare_interpreted(image));
  for (const MapRef& map : image->maps) TRY(admit_map_user(*map, image->type, image->expected_attach_type));
  return program;
}

// What our own types may say is there: what we have.
bool provides(std::string_view enumeration, std::uint64_t value) {
  if (value > std::numeric_limits<std::uint32_t>::max()) return false;
  const auto number = static_cast<std::uint32_t>(value);
  if (enumeration == "bpf_func_id") return find_helper(number) != nullptr;
  if (enumeration == "bpf_map_type") return is_supported(static_cast<MapType>(number));
  return true;
}

bool has_kfunc(std::string_view name) {
  return find_kfunc(name) != nullptr;
}

// What the caller leaves open is decided by what there is here.
LinkOptions with_defaults(LinkOptions options) {
  if (options.provides == nullptr && options.kernel_types == nullptr) options.provides = provides;
  if (options.has_kfunc == nullptr) options.has_kfunc = has_kfunc;
  return options;
}

// The pins of an object's new maps: all, or after an error none.
Result<> pin_maps(const std::vector<LinkedMap>& maps, const LinkOptions& options) {
  for (auto map = maps.begin(); map != maps.end(); ++map) {
    if (!map->to_pin) continue;
    auto pinned = options.pins->add(map->name, map->map);
    if (pinned) continue;
    for (auto before = maps.begin(); before != map; ++before)
      if (before->to_pin) options.pins->remove(before->name);
    return fail(pinned.error().code,
                fmt::format("map '{}' cannot be pinned: {}", map->name, describe(pinned.error())));
  }
  return {};
}

Result<> fill(const ProgramSlot& slot, const LoadedObject& loaded) {
  const ProgramRef program = loaded.find_program(slot.program);
  if (program == nullptr) {
    return fail(EINVAL, fmt::format("map '{}' wants program '{}' in slot {}, which is not loaded",
                                    slot.map->spec().name, slot.program, slot.slot));
  }
  return slot.map->write(std::as_bytes(std::span(&slot.slot, 1)), std::as_bytes(std::span(&program->id, 1)),
                         kAny);
}

}  // namespace

Result<LoadedObject> load_object(const ObjectFile& object, const LinkOptions& options, std::uint32_t uid) {
  LinkedObject linked = TRY(link(object, with_defaults(options)));

  // Nothing is published before all of it is known to be good.
  std::vector<std::unique_ptr<Program>> prepared;
  for (const auto& image : linked.programs) {
    auto program = prepare(image);
    if (!program) return in_object(object, std::move(program).error());
    (*program)->uid = uid;
    prepared.push_back(*std::move(program));
  }
  LoadedObject loaded{.maps = std::move(linked.maps), .programs = {}};
  for (auto& program : prepared)
    loaded.programs.push_back(ProgramTable::instance().publish(std::move(program)));
  for (const ProgramSlot& slot : linked.program_slots) {
    if (auto filled = fill(slot, loaded); !filled) return in_object(object, std::move(filled).error());
  }
  if (auto pinned = pin_maps(loaded.maps, options); !pinned)
    return in_object(object, std::move(pinned).error());
  return loaded;
}

Result<LoadedObject> load_object(const std::filesystem::path& path, const LinkOptions& options) {
  const ObjectFile object = TRY(ObjectFile::read(path));
  return load_object(object, options);
}

ProgramRef LoadedObject::find_program(std::string_view name) const {
  const auto found = std::ranges::find(
      programs, name, [](const ProgramRef& program) { return std::string_view(program->name); });
  return found == programs.end() ? nullptr : *found;
}

}  // namespace netkit::bpf
