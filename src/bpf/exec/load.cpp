#include "bpf/exec/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "bpf/exec/interpreter.h"
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
  LinkedObject linked = TRY(link(object, options));

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
