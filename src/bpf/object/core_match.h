// Whether a type of the kernel is what an object means by its own (tools/lib/bpf/relo_core.c: names count
// without flavour, layouts do not count).
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "bpf/object/btf.h"
#include "bpf/object/core_spec.h"

namespace netkit::bpf {

// The path `local` of the object's types, walked from the candidate `root` of `kernel`; none: the candidate
// has no such path, or is another type. EINVAL, E2BIG: types nested too deeply to say.
[[nodiscard]] Result<std::optional<CoreSpec>> match_core_spec(CoreKind kind, const Btf& object,
                                                              const CoreSpec& local, const Btf& kernel,
                                                              std::uint32_t root);

// Whether a type can be meant by its name: the same kind, or both enums of either size.
[[nodiscard]] bool same_core_kind(const Btf& object, std::uint32_t local, const Btf& kernel,
                                  std::uint32_t target);

}  // namespace netkit::bpf
