// What a map is to hold before a run, from a file: lines of `KEYHEX VALUEHEX` or `KEYHEX prog:NAME`, or JSON
// as `bpftool map dump -j` prints it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "bpf/map/map.h"

namespace netkit::cli {

struct PresetEntry {
  std::vector<std::byte> key;                               // whole; empty for maps without keys
  std::variant<std::vector<std::byte>, std::string> value;  // as user space writes it, or a program's name
};

// `text` is what the file `name` holds, `map` what it is for. EINVAL with file and line (or entry) for what
// does not fit.
[[nodiscard]] Result<std::vector<PresetEntry>> parse_map_file(std::string_view text, std::string_view name,
                                                              const bpf::MapSpec& map);

// The programs that lines of such a file put into prog arrays.
[[nodiscard]] std::vector<std::string> programs_named_in(std::string_view text);

}  // namespace netkit::cli
