// The families of helpers: each file defines its rows, and table.cpp puts them together.
#pragma once

#include <span>
#include <string_view>

#include "bpf/helper/helper.h"

namespace netkit::bpf {

[[nodiscard]] std::span<const Helper> map_helpers();             // maps.cpp
[[nodiscard]] std::span<const Helper> tail_call_helpers();       // tail_call.cpp
[[nodiscard]] std::span<const Helper> clock_helpers();           // clock.cpp
[[nodiscard]] std::span<const Helper> machine_helpers();         // machine.cpp
[[nodiscard]] std::span<const Helper> print_helpers();           // print.cpp
[[nodiscard]] std::span<const Helper> loop_helpers();            // loop.cpp
[[nodiscard]] std::span<const Helper> packet_bytes_helpers();    // packet_bytes.cpp
[[nodiscard]] std::span<const Helper> packet_shape_helpers();    // packet_shape.cpp
[[nodiscard]] std::span<const Helper> packet_room_helpers();     // packet_room.cpp
[[nodiscard]] std::span<const Helper> packet_meta_helpers();     // packet_meta.cpp
[[nodiscard]] std::span<const Helper> vlan_helpers();            // vlan.cpp
[[nodiscard]] std::span<const Helper> checksum_helpers();        // checksum.cpp
[[nodiscard]] std::span<const Helper> redirect_helpers();        // redirect.cpp
[[nodiscard]] std::span<const Helper> dynptr_helpers();          // dynptr_functions.cpp
[[nodiscard]] std::span<const Helper> number_helpers();          // numbers.cpp
[[nodiscard]] std::span<const Helper> current_helpers();         // current.cpp
[[nodiscard]] std::span<const Helper> socket_helpers();          // sockets.cpp
[[nodiscard]] std::span<const Helper> packet_origin_helpers();   // packet_origin.cpp
[[nodiscard]] std::span<const Helper> mtu_helpers();             // mtu.cpp
[[nodiscard]] std::span<const Helper> tunnel_helpers();          // tunnel.cpp
[[nodiscard]] std::span<const Helper> fib_helpers();             // fib.cpp
[[nodiscard]] std::span<const Helper> syncookie_helpers();       // syncookie.cpp
[[nodiscard]] std::span<const Helper> ringbuf_dynptr_helpers();  // ringbuf_dynptr.cpp

[[nodiscard]] std::span<const Helper> kernel_memory_helpers();  // kernel_memory.cpp

[[nodiscard]] std::span<const Helper> container_helpers();   // containers.cpp
[[nodiscard]] std::span<const Helper> for_each_helpers();    // for_each.cpp
[[nodiscard]] std::span<const Helper> ringbuf_helpers();     // ringbuf.cpp
[[nodiscard]] std::span<const Helper> perf_helpers();        // perf_output.cpp
[[nodiscard]] std::span<const Helper> spin_lock_helpers();   // spin_lock.cpp
[[nodiscard]] std::span<const Helper> timer_helpers();       // timer.cpp
[[nodiscard]] std::span<const Helper> socket_map_helpers();  // socket_maps.cpp

// All of them, each by the name of its file.
struct HelperFamily {
  std::string_view name;
  std::span<const Helper> (*helpers)();
};
[[nodiscard]] std::span<const HelperFamily> helper_families();
[[nodiscard]] std::span<const HelperFamily> kfunc_families();

}  // namespace netkit::bpf
