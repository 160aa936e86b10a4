// tc's grammar, as far as there are qdiscs and filters here (iproute2: tc_qdisc.c, tc_filter.c, f_bpf.c).
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "cli/tc/command.h"

namespace netkit::cli::tc {

// The words behind the program's name: "qdisc add dev nk0 clsact". As with tc, keywords may be cut short
// where tc allows it. EINVAL: one line that says which word is wrong, with the nearest one that is known.
[[nodiscard]] Result<Command> parse(std::span<const std::string> words);

}  // namespace netkit::cli::tc
