// Devices by name and by number, in the namespace that the options name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/client.h"

namespace netkit::cli {

// The number of a device, as ip resolves names before it asks for anything. ENODEV.
[[nodiscard]] Result<std::int32_t> find_device(Client& client, std::string_view name);
// Empty: there is none of that number.
[[nodiscard]] std::string device_name(Client& client, std::uint64_t ifindex);

}  // namespace netkit::cli
