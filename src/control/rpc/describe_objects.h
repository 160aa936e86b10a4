// Information about programs, maps and links as JSON: the keys of struct bpf_prog_info and its like.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "control/dump.h"
#include "control/object.h"

namespace netkit::rpc {

using Json = nlohmann::json;

[[nodiscard]] Json describe(const control::ObjectInfo& info);
[[nodiscard]] Json describe(const control::LinkInfo& info);
[[nodiscard]] Json describe(std::span<const control::XlatedInsn> insns);

}  // namespace netkit::rpc
