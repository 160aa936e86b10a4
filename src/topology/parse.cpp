#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <sstream>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{16} << 20U;

// What a file name makes of itself when the topology has no name: "two-pods.yaml" is called two-pods.
std::string name_from(const std::filesystem::path& file) {
  const std::string stem = file.stem().string();
  return is_label(stem) ? stem : "topology";
}

void read_root(Topology& topology, const Node& node, Problems& problems) {
  const Mapping root = Value(node, "topology", problems).mapping();
  root.allow({"name", "description", "host", "namespaces", "pairs", "devices", "objects", "maps", "attach",
              "clsact", "steps", "workers", "instruction_budget"});
  topology.name = name_from(topology.file);
  root.read("name", topology.name);
  check_label(topology.name, root.where_of("name"), problems);
  root.read("description", topology.description);
  constexpr std::uint64_t kMaxWorkers = 1024;
  root.read("workers", topology.workers, 1, kMaxWorkers);
  root.read("instruction_budget", topology.instruction_budget, 1, std::uint64_t{1} << 48U);

  Scope scope(topology, problems);
  read_namespaces(scope, root);
  read_devices(scope, root);
  read_objects(scope, root);
  read_clsact(scope, root);
  read_steps(scope, root);
}

}  // namespace

Result<Topology> parse(std::string_view text, const std::filesystem::path& file) {
  Problems problems(file.string());
  const auto tree = read_yaml(text);
  if (!tree) {
    problems.report(tree.error().where, tree.error().text);
    return std::unexpected(problems.error());
  }
  Topology topology;
  topology.file = file;
  read_root(topology, *tree, problems);
  if (!problems.empty()) return std::unexpected(problems.error());
  return topology;
}

Result<Topology> load(const std::filesystem::path& file) {
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  std::string text(kMaxFileBytes + 1, '\0');
  if (stream) stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!stream && !stream.eof()) {
    const int code = errno != 0 ? errno : EIO;
    return fail(code, fmt::format("{}: cannot read the topology: {}", file.string(), std::strerror(code)));
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > kMaxFileBytes)
    return fail(
        EFBIG, fmt::format("{}: more than {} MiB; this is no topology", file.string(), kMaxFileBytes >> 20U));
  return parse(text, file);
}

Error locate(const Topology& topology, Where where, Error error) {
  error.text = fmt::format("{}:{}: {}", topology.file.string(), where.line,
                           error.text.empty() ? errno_name(error.code) : error.text);
  return error;
}

}  // namespace netkit::topology
