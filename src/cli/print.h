// Answers on standard output.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "cli/command.h"

namespace netkit::cli {

using OrderedJson = nlohmann::ordered_json;  // keys stay in the order in which the other tools print them

void print(std::string_view text);
// On one line, or laid out for people (-p).
void print(const OrderedJson& json, const Options& options);

}  // namespace netkit::cli
