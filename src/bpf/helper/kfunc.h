// Kernel functions that programs call by name (kfuncs), as rows of the same table type as helpers: a row's
// number is 0 and its name is whole ("bpf_dynptr_from_skb").
#pragma once

#include <span>
#include <string_view>

#include "bpf/helper/helper.h"

namespace netkit::bpf {

// The function of that name, or null when we do not have it.
[[nodiscard]] const Helper* find_kfunc(std::string_view name);
// All that we have, sorted by name.
[[nodiscard]] std::span<const Helper* const> all_kfuncs();

// What a function of the kernel that we lack is for ("red-black trees of kernel objects"), so that it is
// refused with a reason; empty for a name that Linux 7.3 does not have for programs of this type.
[[nodiscard]] std::string_view refused_kfunc(std::string_view name);
struct RefusedKfunc {
  std::string_view name;
  std::string_view what;
};
[[nodiscard]] std::span<const RefusedKfunc> refused_kfuncs();

// ---- families, as in families.h ----
[[nodiscard]] std::span<const Helper> iterator_kfuncs();  // iterators.cpp
[[nodiscard]] std::span<const Helper> dynptr_kfuncs();    // dynptr_functions.cpp
[[nodiscard]] std::span<const Helper> string_kfuncs();    // strings.cpp
[[nodiscard]] std::span<const Helper> section_kfuncs();   // sections.cpp
[[nodiscard]] std::span<const Helper> stream_kfuncs();    // print.cpp
[[nodiscard]] std::span<const Helper> cast_kfuncs();      // kernel_memory.cpp

}  // namespace netkit::bpf
