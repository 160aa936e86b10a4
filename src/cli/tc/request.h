// Requests that commands stand for. The caller has found the device's number and opened the program.
#pragma once

#include "cli/tc/command.h"
#include "control/tc_message.h"

namespace netkit::cli::tc {

// `ifindex`: of the device; ignored where the command names a block.
[[nodiscard]] control::TcRequest request_of(const QdiscCommand& command, std::uint32_t ifindex);
// `prog_fd`: the descriptor of the command's program; nothing: it names none.
[[nodiscard]] control::TcRequest request_of(const FilterCommand& command, std::uint32_t ifindex,
                                            std::optional<int> prog_fd);

}  // namespace netkit::cli::tc
