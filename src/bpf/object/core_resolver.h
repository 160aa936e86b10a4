// From a CO-RE relocation of an object to what its instruction must become (bpf_core_calc_relo_insn of
// libbpf).
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "bpf/object/btf.h"
#include "bpf/object/core_spec.h"
#include "bpf/object/core_value.h"

namespace netkit::bpf {

class KernelTypes;

// Whether we have what an enumerator stands for: a helper of enum bpf_func_id, a type of enum bpf_map_type.
// Null: everything that the types list.
using ProvidesFunction = bool (*)(std::string_view enumeration, std::uint64_t value);

class CoreResolver {
 public:
  // All must outlive it.
  CoreResolver(const Btf& object, const KernelTypes& kernel, ProvidesFunction provides)
      : object_(object), kernel_(kernel), provides_(provides) {}

  // All candidates of the type's name that have what is asked for must agree. EINVAL: they do not, or the
  // relocation does not fit its type; ENOTSUP: a type without a name.
  [[nodiscard]] Result<CoreResolution> resolve(const CoreRelocation& relocation) const;

 private:
  [[nodiscard]] bool is_provided(const CoreSpec& target) const;

  const Btf& object_;
  const KernelTypes& kernel_;
  ProvidesFunction provides_;
};

}  // namespace netkit::bpf
