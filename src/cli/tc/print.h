// Answers as tc prints them, plain and as JSON (keys and values of `tc -j`). What the command has named is
// not said again: the device, the parent, and so on.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>

#include "cli/tc/command.h"
#include "control/filter.h"
#include "control/qdisc.h"

namespace netkit::cli::tc {

struct PrintOptions {
  bool statistics = false;  // -s
  bool details = false;     // -d
};

// Of the reports those that the command asks for.
[[nodiscard]] std::string to_text(const QdiscCommand& command, std::span<const control::QdiscReport> reports,
                                  const PrintOptions& options);
[[nodiscard]] nlohmann::ordered_json to_json(const QdiscCommand& command,
                                             std::span<const control::QdiscReport> reports,
                                             const PrintOptions& options);

[[nodiscard]] std::string to_text(const FilterCommand& command,
                                  std::span<const control::FilterReport> reports,
                                  const PrintOptions& options);
[[nodiscard]] nlohmann::ordered_json to_json(const FilterCommand& command,
                                             std::span<const control::FilterReport> reports,
                                             const PrintOptions& options);

}  // namespace netkit::cli::tc
