#include <algorithm>
#include <array>
#include <vector>

#include "bpf/helper/families.h"
#include "bpf/helper/helper.h"

namespace netkit::bpf {
namespace {

struct Table {
  std::array<const Helper*, kKernelHelpers + 1> by_number{};
  std::vector<const Helper*> all;

  Table() {
    for (const auto family :
         {map_helpers(),           tail_call_helpers(),   clock_helpers(),        machine_helpers(),
          print_helpers(),         loop_helpers(),        packet_bytes_helpers(), packet_shape_helpers(),
          packet_room_helpers(),   packet_meta_helpers(), vlan_helpers(),         checksum_helpers(),
          redirect_helpers(),      dynptr_helpers(),      number_helpers(),       current_helpers(),
          container_helpers(),     for_each_helpers(),    ringbuf_helpers(),      perf_helpers(),
          spin_lock_helpers(),     timer_helpers(),       socket_map_helpers(),   socket_helpers(),
          packet_origin_helpers(), mtu_helpers(),         tunnel_helpers()}) {
      for (const Helper& helper : family) by_number[helper.number] = &helper;
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

std::span<const Helper* const> all_helpers() {
  return table().all;
}

}  // namespace netkit::bpf
