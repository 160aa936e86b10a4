// What the name of a section says about the programs in it.
#pragma once

#include <string_view>

#include "bpf/run/types.h"

namespace netkit::bpf {

struct ProgramKind {
  ProgramType type = ProgramType::kSchedCls;
  AttachType expected_attach_type = AttachType::kNone;
  bool auto_load = true;  // false: the name begins with "?" (libbpf's mark for "only when asked for")

  friend bool operator==(const ProgramKind&, const ProgramKind&) = default;
};

// The kind of the programs in a section. Names of libbpf's section table give libbpf's answer; "tc",
// "classifier" and other words may be followed by any suffix that begins with a character that is no letter
// and no digit
// ("tc_ingress", "xdp-root"), as the loaders in use accept them. Any name that says nothing
// ("from-container", "2/0") is a SCHED_CLS program without expected attach type, as iproute2 takes it.
[[nodiscard]] ProgramKind program_kind(std::string_view section);

// The kernel's name of a program type without its prefix, in lower case ("sched_cls"); empty if unknown.
[[nodiscard]] std::string_view program_type_name(ProgramType type);

}  // namespace netkit::bpf
