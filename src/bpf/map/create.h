// What each map type offers to create_map: its check and its constructor. Adding a type is one row in
// create.cpp.
#pragma once

#include <memory>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/map/value.h"

namespace netkit::bpf {

// The creation checks of the kernel (map_alloc_check of the type), in its order.
[[nodiscard]] Result<> check_array(const MapSpec& spec);         // array_map_alloc_check
[[nodiscard]] Result<> check_prog_array(const MapSpec& spec);    // fd_array_map_alloc_check
[[nodiscard]] Result<> check_hash(const MapSpec& spec);          // htab_map_alloc_check, htab_map_alloc
[[nodiscard]] Result<> check_lpm_trie(const MapSpec& spec);      // trie_alloc
[[nodiscard]] Result<> check_map_of_maps(const MapSpec& spec);   // fd_{array,htab}_map_alloc_check
[[nodiscard]] Result<> check_ringbuf(const MapSpec& spec);       // ringbuf_map_alloc
[[nodiscard]] Result<> check_queue(const MapSpec& spec);         // queue_stack_map_alloc_check
[[nodiscard]] Result<> check_bloom_filter(const MapSpec& spec);  // bloom_map_alloc
[[nodiscard]] Result<> check_device_map(const MapSpec& spec);    // dev_map_init_map, cpu_map_alloc
[[nodiscard]] Result<> check_socket_map(const MapSpec& spec);    // sock_{map,hash}_alloc, xsk_map_alloc
[[nodiscard]] Result<> check_sk_storage(const MapSpec& spec);    // bpf_local_storage_map_alloc_check

// What a type allows of special members in its values (map_check_btf).
[[nodiscard]] Result<> check_fields(const MapSpec& spec);

// The seed of the hashes of such a map: random, or 0 with kZeroSeed.
[[nodiscard]] std::uint64_t hash_seed(const MapSpec& spec);
// Where the values of such a map have special members.
[[nodiscard]] ValueFields value_fields(const MapSpec& spec);

// A new map of a checked specification, without an id.
[[nodiscard]] Result<MapRef> make_array(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_prog_array(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_hash(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_lpm_trie(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_array_of_maps(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_hash_of_maps(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_perf_event_array(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_cgroup_array(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_ringbuf(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_queue(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_bloom_filter(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_slot_table(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_devmap_hash(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_socket_map(const MapSpec& spec);

}  // namespace netkit::bpf
