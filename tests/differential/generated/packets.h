// Packets and contexts that generated programs run on.
#pragma once

#include "bpf/test_run/test_run.h"
#include "tests/differential/random_instructions.h"

namespace netkit::differential {

// IPv4 and IPv6, TCP and UDP, of any length, or bytes that are nothing; with and without fields of the
// context set.
[[nodiscard]] bpf::TestInput random_input(Random& random);

}  // namespace netkit::differential
