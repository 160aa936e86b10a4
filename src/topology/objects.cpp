// What can be said about object files only when they are at hand.
#include <fmt/format.h>

#include <algorithm>

#include "topology/reader.h"
#include "topology/topology.h"

namespace netkit::topology {
namespace {

class ObjectCheck {
 public:
  ObjectCheck(const Topology& topology, std::size_t object, const ObjectNames& names)
      : topology_(topology), object_(object), names_(names), problems_(topology.file.string()) {}

  Result<> run() {
    const Object& object = topology_.objects[object_];
    for (const VariableValue& variable : object.variables)
      require(names_.variables, variable.name, variable.value.where, "variable");
    for (const MapSize& size : object.map_sizes) require(names_.maps, size.map, size.where, "map");
    check(topology_.maps);
    check(topology_.attachments);
    for (const ClassicFilter& filter : topology_.filters) check_program(filter.program);
    for (const Step& step : topology_.steps) check(step);
    if (problems_.empty()) return {};
    return std::unexpected(problems_.error());
  }

 private:
  void require(const std::vector<std::string>& known, const std::string& name, Where where,
               std::string_view kind) {
    if (std::ranges::find(known, name) != known.end()) return;
    const std::vector<std::string_view> candidates(known.begin(), known.end());
    const std::string hint = did_you_mean(name, candidates);
    problems_.report(where, fmt::format("{} has no {} {}{}", topology_.objects[object_].file.string(), kind,
                                        quote(name), hint.empty() ? "; correct the name" : hint));
  }
  void check_program(const ObjectMember& program) {
    if (program.object == object_) require(names_.programs, program.name, program.where, "program");
  }
  void check_map(const ObjectMember& map) {
    if (map.object == object_) require(names_.maps, map.name, map.where, "map");
  }
  void check(const Datum& datum) {
    for (const Field& field : datum.fields)
      if (const auto* slot = std::get_if<ProgramSlot>(&field)) check_program(slot->program);
  }
  void check(const std::vector<MapContents>& maps) {
    for (const MapContents& contents : maps) {
      check_map(contents.map);
      for (const MapEntry& entry : contents.entries) {
        check(entry.key);
        if (entry.value) check(*entry.value);
      }
    }
  }
  void check(const std::vector<Attachment>& attachments) {
    for (const Attachment& attachment : attachments)
      for (const Placement& placement : attachment.programs) {
        check_program(placement.program);
        if (placement.relative) check_program(*placement.relative);
      }
  }
  void check(const Step& step) {
    if (const auto* attach = std::get_if<Attach>(&step.action)) check(attach->attachments);
    if (const auto* detach = std::get_if<Detach>(&step.action)) check(detach->attachments);
    if (const auto* update = std::get_if<UpdateMaps>(&step.action)) check(update->maps);
    for (const Expectation& expectation : step.expectations) {
      if (const auto* program = std::get_if<ProgramCount>(&expectation.counter))
        check_program(program->program);
      if (const auto* map = std::get_if<MapCount>(&expectation.counter)) {
        check_map(map->map);
        check(map->key);
      }
    }
  }

  const Topology& topology_;
  std::size_t object_;
  const ObjectNames& names_;
  Problems problems_;
};

}  // namespace

Result<> check_object(const Topology& topology, std::size_t object, const ObjectNames& names) {
  return ObjectCheck(topology, object, names).run();
}

Result<std::filesystem::path> find_file(const Topology& topology, const std::filesystem::path& file,
                                        Where where, const std::filesystem::path& share_directory) {
  const std::filesystem::path beside = topology.file.parent_path() / file;
  const std::filesystem::path shared = share_directory / file;
  std::error_code ignored;
  for (const auto& candidate : {beside, shared})
    if (std::filesystem::is_regular_file(candidate, ignored)) return candidate;
  return std::unexpected(locate(topology, where,
                                {.code = ENOENT,
                                 .text = fmt::format("no file at {} nor {}; make it or correct its name",
                                                     beside.string(), shared.string()),
                                 .details = {}}));
}

}  // namespace netkit::topology
