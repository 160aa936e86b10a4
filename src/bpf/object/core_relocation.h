// CO-RE relocations that need no work: instructions which are right as clang compiled them.
#pragma once

#include <string>

#include "bpf/object/btf.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

// True when the instruction may stay as it is: the relocation asks about a field or the size of a type of the
// user interface, whose layout never changes and which the object defines in full, or about the object's own
// type ids.
[[nodiscard]] bool is_fixed(const CoreRelocation& relocation, const Btf& btf);

// "struct sk_buff.dev.ifindex", "enum bpf_func_id.BPF_FUNC_loop", "struct net_device".
[[nodiscard]] std::string describe(const CoreRelocation& relocation, const Btf& btf);

}  // namespace netkit::bpf
