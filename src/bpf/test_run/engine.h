// One object file loaded into an engine where its programs can be test-run and its maps read and written:
// ours, or the running kernel's.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/object/link.h"
#include "bpf/test_run/runner.h"
#include "bpf/test_run/test_run.h"

namespace netkit::bpf {

class TestEngine {
 public:
  virtual ~TestEngine() = default;

  // By function name, in the object's order.
  [[nodiscard]] virtual std::vector<std::string> programs() const = 0;
  // TestRunner::run of programs of the object. ENOENT: there is no program of that name.
  [[nodiscard]] virtual Result<TestOutput> run(std::span<const std::string> chain,
                                               const TestInput& input) = 0;

  // The object's maps, data sections included: their names are as libbpf has them.
  [[nodiscard]] virtual std::vector<MapSpec> maps() const = 0;
  // Spans are whole keys and values as user space has them (a per-CPU value: that of all CPUs). ENOENT: there
  // is no such map; else the errno of the command.
  [[nodiscard]] virtual Result<> write_map(std::string_view map, std::span<const std::byte> key,
                                           std::span<const std::byte> value) = 0;
  // A slot of a prog array.
  [[nodiscard]] virtual Result<> write_program(std::string_view map, std::span<const std::byte> key,
                                               const std::string& program) = 0;
  [[nodiscard]] virtual Result<> erase_map(std::string_view map, std::span<const std::byte> key) = 0;
  [[nodiscard]] virtual Result<> visit_map(std::string_view map, const Map::Visitor& visit) = 0;
};

// Our own; `runner` gives the observer of its runs.
[[nodiscard]] Result<std::unique_ptr<TestEngine>> load_for_test(const std::filesystem::path& object,
                                                                const LinkOptions& options,
                                                                TestRunner& runner);
// The running kernel's, by bpf(2) through libbpf. Of the options it takes `programs` and `variables`. The
// device of a run is looked up in the caller's network namespace. EPERM: the caller may not load programs.
[[nodiscard]] Result<std::unique_ptr<TestEngine>> load_in_kernel(const std::filesystem::path& object,
                                                                 const LinkOptions& options);

}  // namespace netkit::bpf
