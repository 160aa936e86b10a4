// The records of .BTF.ext: which function and which source line an instruction belongs to, and CO-RE
// relocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/object/btf.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

struct FunctionRecord {
  std::uint32_t insn = 0;     // in the section
  std::uint32_t type_id = 0;  // a FUNC
};

// What .BTF.ext says about one ELF section; each vector sorted by instruction.
struct SectionRecords {
  std::string_view section;
  std::vector<FunctionRecord> functions;
  std::vector<LineRecord> lines;
  std::vector<CoreRelocation> core_relocations;
};

// EINVAL: tables or records outside the data, strings or types that do not exist. Views are into `btf`.
[[nodiscard]] Result<std::vector<SectionRecords>> read_btf_ext(std::span<const std::byte> raw,
                                                               const Btf& btf);

}  // namespace netkit::bpf
