// What `netkit prog run` prints.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "bpf/test_run/engine.h"
#include "bpf/trace/record.h"
#include "cli/print.h"
#include "cli/prog/arguments.h"

namespace netkit::cli {

// Bytes as `bpftool prog run` shows them: an offset, eight groups of two, the characters.
[[nodiscard]] std::string hex_dump(std::span<const std::uint8_t> bytes);

// The lines below data and context: every program's value but the last's, "Return value: 7, duration: 12ns",
// the verdict, clones that were sent.
[[nodiscard]] std::string result_text(const RunArguments& arguments, const bpf::TestOutput& output);
// One line for a packet of a capture.
[[nodiscard]] std::string packet_line(const RunArguments& arguments, const bpf::TestOutput& output,
                                      std::size_t number);
// With the keys of bpftool first; data and context where they go to standard output.
[[nodiscard]] OrderedJson result_json(const RunArguments& arguments, const bpf::TestOutput& output);

[[nodiscard]] OrderedJson trace_json(const bpf::TraceRecord& record);
[[nodiscard]] std::string registers_text(std::span<const bpf::NamedRegister> registers);
[[nodiscard]] OrderedJson registers_json(std::span<const bpf::NamedRegister> registers);

// The maps asked for, as `bpftool map dump` prints each. ENOENT: there is no such map.
[[nodiscard]] Result<std::string> maps_text(const RunArguments& arguments, bpf::TestEngine& engine);
[[nodiscard]] Result<OrderedJson> maps_json(const RunArguments& arguments, bpf::TestEngine& engine);

}  // namespace netkit::cli
