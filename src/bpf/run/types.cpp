#include "bpf/run/types.h"

#include <array>

namespace netkit::bpf {
namespace {

// By number, as bpftool prints them.
constexpr std::array<std::string_view, 34> kMapTypeNames = {
    "unspec",
    "hash",
    "array",
    "prog_array",
    "perf_event_array",
    "percpu_hash",
    "percpu_array",
    "stack_trace",
    "cgroup_array",
    "lru_hash",
    "lru_percpu_hash",
    "lpm_trie",
    "array_of_maps",
    "hash_of_maps",
    "devmap",
    "sockmap",
    "cpumap",
    "xskmap",
    "sockhash",
    "cgroup_storage",
    "reuseport_sockarray",
    "percpu_cgroup_storage",
    "queue",
    "stack",
    "sk_storage",
    "devmap_hash",
    "struct_ops",
    "ringbuf",
    "inode_storage",
    "task_storage",
    "bloom_filter",
    "user_ringbuf",
    "cgrp_storage",
    "arena",
};

}  // namespace

std::string_view map_type_name(MapType type) {
  const auto number = static_cast<std::size_t>(type);
  return number < kMapTypeNames.size() ? kMapTypeNames[number] : std::string_view{};
}

}  // namespace netkit::bpf
