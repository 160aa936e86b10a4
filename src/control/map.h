// Requests about maps, shaped like bpf(2)'s BPF_MAP_* commands (kernel/bpf/syscall.c): raw numbers in, the
// kernel's errno out, its checks in its order.
//
// Every request through a descriptor begins with EBADF (not open), EINVAL (not a map) and EPERM (the
// descriptor, or a frozen map, does not allow it). Keys and values are spans of the map's key_size and of
// bpf::Map::user_value_size; any other size is EINVAL.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/client.h"

namespace netkit::control {

using KeySpan = std::span<const std::byte>;
using ValueSpan = std::span<const std::byte>;
using Buffer = std::vector<std::byte>;

// The fields of union bpf_attr for BPF_MAP_CREATE.
struct MapCreateRequest {
  std::uint32_t map_type = 0;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
  std::uint32_t map_flags = 0;  // bpf::MapFlag; kRdonly and kWronly restrict the descriptor that is returned
  std::uint32_t numa_node = 0;  // counts with bpf::kNumaNode
  std::string map_name{};       // at most 15 of letters, digits, '_' and '.'
  std::uint32_t map_ifindex = 0;
  std::uint64_t map_extra = 0;
  int inner_map_fd = 0;  // maps of maps: a map that all inner ones are like
};

// Returns a descriptor. EPERM without capability, after the checks of the map's type.
Result<int> create_map(Client& client, const MapCreateRequest& request);

// Flags: bpf::UpdateFlag. The value of a PROG_ARRAY is the id of a program when read and the descriptor of
// one when written, four bytes each; so are the maps in maps of maps and the rings of a PERF_EVENT_ARRAY.
// A BLOOM_FILTER is asked for the value `asked`.
[[nodiscard]] Result<Buffer> lookup_element(Client& client, int map_fd, KeySpan key, std::uint64_t flags = 0,
                                            ValueSpan asked = {});
Result<> update_element(Client& client, int map_fd, KeySpan key, ValueSpan value, std::uint64_t flags = 0);
Result<> delete_element(Client& client, int map_fd, KeySpan key);
// The key after `key`; empty or unknown: the first. ENOENT at the end.
[[nodiscard]] Result<Buffer> next_key(Client& client, int map_fd, KeySpan key);
// Reads and removes in one step; of QUEUE and STACK (no key) the next value. 524 (ENOTSUPP): other types than
// these and hashes.
Result<Buffer> lookup_and_delete_element(Client& client, int map_fd, KeySpan key, std::uint64_t flags = 0);
// BPF_MAP_FREEZE
Result<> freeze_map(Client& client, int map_fd);

// A ring for the output of a CPU (bpf::PerfRing), which a PERF_EVENT_ARRAY takes by its descriptor. EPERM;
// EINVAL; ENOMEM.
Result<int> open_perf_ring(Client& client, const bpf::PerfRingOptions& options);

// Which access flags of a request allow: neither of bpf::kRdonly and bpf::kWronly, or one
// (bpf_get_file_flag). EINVAL: both, or other flags.
[[nodiscard]] Result<MapAccess> map_access(std::uint32_t flags);

// struct bpf_map_info, and what bpftool shows beside it.
struct MapInfo {
  std::uint32_t type = 0;
  std::uint32_t id = 0;
  std::uint32_t key_size = 0;
  std::uint32_t value_size = 0;
  std::uint32_t max_entries = 0;
  std::uint32_t map_flags = 0;
  std::string name{};       // 15 characters
  std::string full_name{};  // as in the object file
  std::uint32_t ifindex = 0;
  std::uint32_t btf_id = 0;
  std::uint32_t btf_key_type_id = 0;
  std::uint32_t btf_value_type_id = 0;
  std::uint64_t map_extra = 0;
  bool frozen = false;
  std::uint64_t memlock = 0;  // bytes of memory in use
};

// EBADFD: not open; EINVAL: not a map.
[[nodiscard]] Result<MapInfo> map_info(Client& client, int map_fd);

// Every entry, for a dump: each that is there throughout exactly once, also while programs change the map.
struct MapEntry {
  Buffer key{};
  Buffer value{};
};
[[nodiscard]] Result<std::vector<MapEntry>> dump_map(Client& client, int map_fd);

}  // namespace netkit::control
