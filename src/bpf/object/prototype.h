// A function as C declares it, in the words of `bpftool prog dump` (tools/bpf/bpftool, btf_dumper_type_only).
#pragma once

#include <cstdint>
#include <string>

#include "bpf/object/btf.h"

namespace netkit::bpf {

// "int entry(struct __sk_buff * skb)"; empty when the type is not a function.
[[nodiscard]] std::string prototype(const Btf& btf, std::uint32_t function);

}  // namespace netkit::bpf
