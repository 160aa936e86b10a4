// netkit prog run OBJECT: programs of an object file on packets, without daemon, device or privilege.
#pragma once

#include "base/result.h"
#include "cli/command.h"

namespace netkit::cli {

[[nodiscard]] Result<> run_programs(const Options& options, Words words);

}  // namespace netkit::cli
