// The packet of a test run, from its bytes and from struct __sk_buff as user space fills it in, and what
// user space gets back of it.
#pragma once

#include <linux/bpf.h>

#include <span>

#include "base/result.h"
#include "bpf/run/socket.h"
#include "bpf/test_run/test_run.h"
#include "packet/packet.h"
#include "packet/pool.h"

namespace netkit::bpf {

// The kernel's checks of a request, in its order: EINVAL, E2BIG and ENOMEM for its reasons. What is known of
// devices is checked by the caller between the two.
[[nodiscard]] Result<__sk_buff> read_test_context(const TestInput& input);
[[nodiscard]] Result<PacketPtr> make_test_packet(const TestInput& input, const __sk_buff& context,
                                                 PacketPool& pool);

// The socket that a test run gives its packet, which sent nothing and has only the addresses of the packet's
// IP header; the packet names it from then on.
[[nodiscard]] Socket make_test_socket(Packet& packet);

// `context` with the fields that a test run brings up to date; the others echo the input.
[[nodiscard]] __sk_buff write_test_context(__sk_buff context, const Packet& packet);

// CHECKSUM_COMPLETE: sets the packet's sum before a run, and says whether it is still right behind it.
void sum_test_packet(Packet& packet);
[[nodiscard]] bool test_sum_holds(const Packet& packet);

}  // namespace netkit::bpf
