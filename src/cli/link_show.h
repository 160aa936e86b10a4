// Links as `ip link show` prints them.
#pragma once

#include <string>

#include "cli/link_view.h"
#include "cli/print.h"

namespace netkit::cli {

// With its last newline.
[[nodiscard]] std::string link_text(const LinkView& link, const Options& options);
[[nodiscard]] OrderedJson link_json(const LinkView& link, const Options& options);

}  // namespace netkit::cli
