// What each map type offers to create_map: its check and its constructor. Adding a type is one row in
// create.cpp.
#pragma once

#include <memory>

#include "base/result.h"
#include "bpf/map/map.h"

namespace netkit::bpf {

// The creation checks of the kernel (map_alloc_check of the type), in its order.
[[nodiscard]] Result<> check_array(const MapSpec& spec);       // array_map_alloc_check
[[nodiscard]] Result<> check_prog_array(const MapSpec& spec);  // fd_array_map_alloc_check
[[nodiscard]] Result<> check_hash(const MapSpec& spec);        // htab_map_alloc_check, htab_map_alloc
[[nodiscard]] Result<> check_lpm_trie(const MapSpec& spec);    // trie_alloc

// A new map of a checked specification, without an id.
[[nodiscard]] Result<MapRef> make_array(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_prog_array(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_hash(const MapSpec& spec);
[[nodiscard]] Result<MapRef> make_lpm_trie(const MapSpec& spec);

}  // namespace netkit::bpf
