// What a CO-RE relocation's answer is, for the types an object was compiled with and for those of the kernel
// (bpf_core_calc_relo of libbpf).
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "bpf/object/btf.h"
#include "bpf/object/core_spec.h"

namespace netkit::bpf {

// One side's answer.
struct CoreAnswer {
  std::uint64_t value = 0;
  bool certain = true;        // clang computes the same for its own types
  std::uint32_t bytes = 0;    // of the field behind a byte offset; 0: no field
  std::uint32_t type_id = 0;  // of that field
};

// `spec` absent: the kernel has no such thing, which some questions have an answer to; none: there is no
// answer. EINVAL, E2BIG, ENOTSUP: a question that cannot be asked of this field.
[[nodiscard]] Result<std::optional<CoreAnswer>> core_answer(CoreKind kind, const Btf& btf,
                                                            const std::optional<CoreSpec>& spec);

// What an instruction must become.
struct CoreResolution {
  bool poisoned = false;  // the kernel has no answer
  bool check = true;      // the instruction must hold `local` now
  std::uint64_t local = 0;
  std::uint64_t value = 0;
  std::uint32_t local_bytes = 0;  // of the field in memory
  std::uint32_t bytes = 0;
  bool resizable = true;  // a load or store of local_bytes may become one of `bytes`
};

// EINVAL and others as core_answer.
[[nodiscard]] Result<CoreResolution> resolve_core(CoreKind kind, const Btf& object, const CoreSpec& local,
                                                  const Btf& kernel, const std::optional<CoreSpec>& target);

}  // namespace netkit::bpf
