// netkit pin: the tree of pins, which `ls`, `rm`, `mkdir` and `rmdir` manage where it is a file system.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/command.h"
#include "cli/errors.h"
#include "cli/objects.h"
#include "cli/print.h"

namespace netkit::cli {
namespace {

Result<> show(const Options& options, Words words) {
  const std::string path = words.empty() ? "/sys/fs/bpf" : pin_path(words.take());
  TRY(words.end());
  Client client = TRY(Client::connect(options));
  const auto listed = client.call("pin.list", Json{{"path", path}});
  if (!listed) return std::unexpected(listed.error());
  if (options.json) {
    print(OrderedJson(*listed), options);
    return {};
  }
  for (const Json& entry : *listed) {
    const auto name = entry["name"].get<std::string>();
    const auto kind = entry["object"].get<std::string>();
    print(kind == "dir" ? fmt::format("{}/\n", name)
                        : fmt::format("{}  {} id {}\n", name, kind, entry["id"].get<std::uint64_t>()));
  }
  return {};
}

// One request about one path.
Result<> change(const Options& options, Words words, std::string_view method) {
  if (words.empty()) return usage_error("which one? Say its path");
  const std::string path = pin_path(words.take());
  TRY(words.end());
  Client client = TRY(Client::connect(options));
  const auto changed = client.call(method, Json{{"path", path}});
  if (!changed) return std::unexpected(changed.error());
  return {};
}

Result<> remove(const Options& options, Words words) {
  return change(options, words, "pin.unlink");
}

Result<> make_directory(const Options& options, Words words) {
  return change(options, words, "pin.mkdir");
}

Result<> remove_directory(const Options& options, Words words) {
  return change(options, words, "pin.rmdir");
}

constexpr Verb kVerbs[] = {
    {"show list ls", show, "netkit pin show [ DIRECTORY ]"},
    {"del rm", remove, "netkit pin del FILE"},
    {"mkdir", make_directory, "netkit pin mkdir DIRECTORY"},
    {"rmdir", remove_directory, "netkit pin rmdir DIRECTORY"},
};

}  // namespace

const Family kPinFamily{"pin", "What is pinned: the engine's /sys/fs/bpf", kVerbs, "show"};

}  // namespace netkit::cli
