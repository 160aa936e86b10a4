// What can be told of an object file's programs without running them: netkit prog load OBJECT, netkit prog
// dump xlated OBJECT.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "cli/command.h"
#include "control/dump.h"

namespace netkit::cli {

// OBJECT [ --prog NAME ]... [ --btf kernel|FILE ]: loads the object, or those programs of it, as an engine
// would (with other types of the kernel than ours, if wanted), and prints of each program type, attach type,
// instructions, maps, relocations, helpers and kernel functions.
[[nodiscard]] Result<> check_object(const Options& options, Words words);

// The answer of bpf.prog_dump_xlated for a program of an object file. `program` empty: the only one.
[[nodiscard]] Result<nlohmann::json> dump_object(const std::string& file, const std::string& program,
                                                 const control::DumpStyle& style);

}  // namespace netkit::cli
