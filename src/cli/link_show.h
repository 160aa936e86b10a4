// Links as `ip link show` prints them: from an engine's answer to ip's text and JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "cli/command.h"

namespace netkit::cli {

using Json = nlohmann::json;

// Prints an array of links to standard output.
void print_links(const Json& links, const Options& options);

}  // namespace netkit::cli
