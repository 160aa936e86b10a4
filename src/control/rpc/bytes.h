// Bytes in JSON: two hexadecimal digits each ("0a000001").
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/rpc/params.h"

namespace netkit::rpc {

class Session;

[[nodiscard]] std::string to_hex(std::span<const std::byte> bytes);
[[nodiscard]] std::string to_hex(std::span<const std::uint8_t> bytes);
// kInvalidParams
[[nodiscard]] Result<std::vector<std::byte>> read_hex(const Params& params, std::string_view key);
// Bytes in hexadecimal, or the content of a regular file passed along ({"passed": 0}), at most 64 MiB. The
// file must not be cut short while it is read (EIO).
[[nodiscard]] Result<std::vector<std::byte>> read_content(const Session& session, const Params& params,
                                                          std::string_view key);

}  // namespace netkit::rpc
