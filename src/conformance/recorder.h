// Recording programs: BPF programs made from a scenario's description. They note what they see of a packet in
// a map, change it as they are told, and return a verdict.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/run/program.h"

namespace netkit::conformance {

// What the last run of a recording program saw on entry, and what its helpers returned; the value of its map.
struct Record {
  std::uint32_t count;  // runs
  std::uint32_t len;
  std::uint32_t linear;
  std::uint32_t pkt_type;
  std::uint32_t mark;
  std::uint32_t priority;
  std::uint32_t protocol;  // as in memory
  std::uint32_t ifindex;
  std::uint32_t ingress_ifindex;
  std::uint32_t vlan_present;
  std::uint32_t vlan_tci;
  std::uint32_t queue_mapping;
  std::uint32_t tc_index;
  std::uint32_t tc_classid;
  std::uint32_t cb0;
  std::uint32_t gso_segs;
  std::uint32_t gso_size;
  std::uint32_t head_len;
  std::int32_t results[8];
  std::uint8_t head[64];
};

struct RecordingProgram {
  bpf::ProgramRef program;
  bpf::MapRef records;      // null: it does not record
  std::size_t helpers = 0;  // how many of its actions are helper calls
};

// From the arguments of a `prog` operation. `number_of` turns a device's name into its number. Errors of
// loading.
[[nodiscard]] Result<RecordingProgram> load_program(
    const nlohmann::json& arguments, const std::function<std::uint32_t(const std::string&)>& number_of);

[[nodiscard]] Record read_record(const RecordingProgram& program);

}  // namespace netkit::conformance
