#include <algorithm>
#include <array>
#include <vector>

#include "bpf/helper/families.h"
#include "bpf/helper/helper.h"

namespace netkit::bpf {
namespace {

constexpr HelperFamily kFamilies[] = {
    {"maps", map_helpers},
    {"tail_call", tail_call_helpers},
    {"clock", clock_helpers},
    {"machine", machine_helpers},
    {"print", print_helpers},
    {"loop", loop_helpers},
    {"packet_bytes", packet_bytes_helpers},
    {"packet_shape", packet_shape_helpers},
    {"packet_room", packet_room_helpers},
    {"packet_meta", packet_meta_helpers},
    {"vlan", vlan_helpers},
    {"checksum", checksum_helpers},
    {"redirect", redirect_helpers},
    {"dynptr_functions", dynptr_helpers},
    {"numbers", number_helpers},
    {"current", current_helpers},
    {"kernel_memory", kernel_memory_helpers},
    {"sockets", socket_helpers},
    {"packet_origin", packet_origin_helpers},
    {"mtu", mtu_helpers},
    {"tunnel", tunnel_helpers},
    {"fib", fib_helpers},
    {"syncookie", syncookie_helpers},
    {"ringbuf_dynptr", ringbuf_dynptr_helpers},
    {"containers", container_helpers},
    {"for_each", for_each_helpers},
    {"ringbuf", ringbuf_helpers},
    {"perf_output", perf_helpers},
    {"spin_lock", spin_lock_helpers},
    {"timer", timer_helpers},
    {"socket_maps", socket_map_helpers},
};

struct Table {
  std::array<const Helper*, kKernelHelpers + 1> by_number{};
  std::vector<const Helper*> all;

  Table() {
    for (const HelperFamily& family : kFamilies) {
      for (const Helper& helper : family.helpers()) by_number[helper.number] = &helper;
    }
    std::ranges::copy_if(by_number, std::back_inserter(all),
                         [](const Helper* helper) { return helper != nullptr; });
  }
};

const Table& table() {
  static const Table the_table;
  return the_table;
}

}  // namespace

std::string c_name(const Helper& helper) {
  return (helper.number != 0 ? "bpf_" : "") + std::string(helper.name);
}

const Helper* find_helper(std::uint32_t number) {
  return number < table().by_number.size() ? table().by_number[number] : nullptr;
}

std::span<const HelperFamily> helper_families() {
  return kFamilies;
}

std::span<const Helper* const> all_helpers() {
  return table().all;
}

}  // namespace netkit::bpf
