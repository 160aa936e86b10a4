#include "cli/devices.h"

#include <nlohmann/json.hpp>

#include "cli/errors.h"

namespace netkit::cli {

Result<std::int32_t> find_device(Client& client, std::string_view name) {
  if (name.empty()) return usage_error("which device? Say `dev NAME`");
  Arguments arguments = TRY(client.arguments());
  arguments.params()["ifname"] = name;
  const auto link = client.call("rtnl.get_link", arguments);
  if (link) return (*link)["ifindex"].get<std::int32_t>();
  if (link.error().code != ENODEV) return std::unexpected(link.error());
  return fail(ENODEV, "device \"" + std::string(name) + "\" does not exist",
              "`netkit link show` lists the devices");
}

std::string device_name(Client& client, std::uint64_t ifindex) {
  auto arguments = client.arguments();
  if (!arguments) return {};
  arguments->params()["header"]["index"] = ifindex;
  const auto device = client.call("rtnl.get_link", *arguments);
  return device ? (*device)["ifname"].get<std::string>() : std::string();
}

}  // namespace netkit::cli
