// What a program's helpers need from outside of BPF, as one struct of functions: the device layer fills it
// for live runs, a test or `prog run` fills in what it wants. Absent functions (null) answer as stated.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/clock.h"

namespace netkit {
class Packet;
}

namespace netkit::bpf {

struct FibParameters;
struct RunContext;
struct Socket;
struct SocketQuery;

// What a program can read of a device (struct net_device) and of the namespace that it is in.
struct DeviceFacts {
  std::uint32_t ifindex = 0;
  std::array<char, 16> name{};  // ends with a zero
  std::uint32_t mtu = 0;
  std::uint32_t flags = 0;  // IFF_*
  std::uint16_t type = 1;   // ARPHRD_*; Ethernet
  std::uint16_t needed_headroom = 0;
  std::uint16_t needed_tailroom = 0;
  std::array<unsigned char, 32> address{};
  std::uint8_t address_length = 0;
  std::uint64_t netns_cookie = 0;
  std::uint32_t netns_inum = 0;
};

struct Outside {
  void* self = nullptr;        // handed to every function but trace and stream
  void* trace_self = nullptr;  // handed to these, which others than the owner of the runs may want

  // bpf_clone_redirect: sends a clone of the context's packet now; 0, positive NET_* code or -errno. Null:
  // -EINVAL.
  std::int64_t (*clone_redirect)(void* self, RunContext& run, std::uint32_t ifindex,
                                 std::uint64_t flags) = nullptr;
  // bpf_fib_lookup, steps 1 to 13 of spec redirect-and-forwarding.md 6.3: FibResult, or -ENODEV. Flags,
  // family and link-local addresses have been checked, and the packet's length is checked afterwards. Null:
  // devices have no IP configuration (FWD_DISABLED).
  std::int64_t (*fib_lookup)(void* self, RunContext& run, FibParameters& params,
                             std::uint32_t flags) = nullptr;
  // bpf_check_mtu: MTU of the device with that number (0: the packet's own); 0 if there is none. Null: none.
  std::uint32_t (*device_mtu)(void* self, RunContext& run, std::uint32_t ifindex) = nullptr;
  // Sockets. Found ones stay as they are until the thread's next quiescent state.
  // bpf_sk_lookup_*, bpf_skc_lookup_tcp: the socket, or null. Null function: none is ever found.
  const Socket* (*find_socket)(void* self, RunContext& run, const SocketQuery& query) = nullptr;
  // The socket of that handle (PacketMeta::socket), or null. Null function: packets have no sockets.
  const Socket* (*socket)(void* self, std::uint64_t handle) = nullptr;
  // Cookie of the namespace that the packet's device is in. Null: that of the initial namespace.
  std::uint64_t (*netns_cookie)(void* self, RunContext& run) = nullptr;
  // Adds to `facts` what there is to say of the packet's device. Null: only its number is known.
  void (*device_facts)(void* self, RunContext& run, DeviceFacts& facts) = nullptr;
  // One line of bpf_trace_printk, without newline; the trace log (run/trace_log.h) gets it as well. Null:
  // that alone.
  void (*trace)(void* trace_self, std::string_view line) = nullptr;
  // Text that a program puts into one of its streams (1: standard output, 2: standard error). Null: thrown
  // away.
  void (*stream)(void* trace_self, RunContext& run, std::int32_t stream, std::string_view text) = nullptr;
  // Clock values and random numbers; null: the machine's. Tests pin them.
  Nanoseconds (*clock)(void* self, clockid_t clock) = nullptr;
  std::uint32_t (*random)(void* self) = nullptr;
};

}  // namespace netkit::bpf
