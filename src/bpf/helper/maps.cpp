// bpf_map_lookup_elem, bpf_map_lookup_percpu_elem, bpf_map_update_elem, bpf_map_delete_elem.
#include "base/per_cpu.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {

void* map_lookup_elem(RunContext& run, Map& map, const void* key) {
  return map.operations().lookup(map, key, run.cpu);
}

void* map_lookup_percpu_elem(RunContext&, Map& map, const void* key, std::uint32_t cpu) {
  return cpu < possible_cpus() ? map.operations().lookup(map, key, cpu) : nullptr;
}

std::int64_t map_update_elem(RunContext& run, Map& map, const void* key, const void* value,
                             std::uint64_t flags) {
  return map.operations().update(map, key, value, flags, run.cpu);
}

std::int64_t map_delete_elem(RunContext&, Map& map, const void* key) {
  return map.operations().erase(map, key);
}

constexpr Helper kHelpers[] = {
    {.number = 1,
     .name = "map_lookup_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kMapKey}, .result = Return::kMapValueOrNull},
     .function = helper_call<map_lookup_elem>},
    {.number = 2,
     .name = "map_update_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kMapKey, Arg::kMapValue, Arg::kAnything},
                  .effects = kWritesMap},
     .function = helper_call<map_update_elem>},
    {.number = 3,
     .name = "map_delete_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kMapKey}, .effects = kWritesMap},
     .function = helper_call<map_delete_elem>},
    {.number = 195,
     .name = "map_lookup_percpu_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kMapKey, Arg::kAnything}, .result = Return::kMapValueOrNull},
     .function = helper_call<map_lookup_percpu_elem>},
};

}  // namespace

std::span<const Helper> map_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
