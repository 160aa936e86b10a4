#include <fmt/format.h>

#include <algorithm>

#include "bpf/exec/load.h"
#include "bpf/test_run/engine.h"

namespace netkit::bpf {
namespace {

class LocalEngine final : public TestEngine {
 public:
  LocalEngine(LoadedObject object, TestRunner& runner) : object_(std::move(object)), runner_(&runner) {}

  [[nodiscard]] std::vector<std::string> programs() const override {
    std::vector<std::string> names;
    for (const ProgramRef& program : object_.programs) names.push_back(program->name);
    return names;
  }

  Result<TestOutput> run(std::span<const std::string> chain, const TestInput& input) override {
    std::vector<ProgramRef> programs;
    for (const std::string& name : chain) programs.push_back(TRY(find_program(name)));
    return runner_->run(programs, input);
  }

  [[nodiscard]] std::vector<MapSpec> maps() const override {
    std::vector<MapSpec> all;
    for (const LinkedMap& linked : object_.maps) {
      all.push_back(linked.map->spec());
      all.back().name = linked.name;
    }
    return all;
  }
  Result<> write_map(std::string_view map, std::span<const std::byte> key,
                     std::span<const std::byte> value) override {
    return TRY(find_map(map))->write(key, value, kAny);
  }
  Result<> write_program(std::string_view map, std::span<const std::byte> key,
                         const std::string& program) override {
    const ProgramRef found = TRY(find_program(program));
    return write_map(map, key, std::as_bytes(std::span(&found->id, 1)));
  }
  Result<> erase_map(std::string_view map, std::span<const std::byte> key) override {
    return TRY(find_map(map))->remove(key);
  }
  Result<> visit_map(std::string_view map, const Map::Visitor& visit) override {
    return TRY(find_map(map))->for_each(visit);
  }

 private:
  Result<MapRef> find_map(std::string_view name) const {
    if (MapRef map = object_.find_map(name)) return map;
    return fail(ENOENT, fmt::format("the object has no map '{}'", name));
  }
  Result<ProgramRef> find_program(const std::string& name) const {
    if (ProgramRef program = object_.find_program(name)) return program;
    return fail(ENOENT, fmt::format("the object has no program '{}'", name));
  }

  LoadedObject object_;
  TestRunner* runner_;
};

}  // namespace

Result<std::unique_ptr<TestEngine>> load_for_test(const std::filesystem::path& object,
                                                  const LinkOptions& options, TestRunner& runner) {
  return std::make_unique<LocalEngine>(TRY(load_object(object, options)), runner);
}

}  // namespace netkit::bpf
