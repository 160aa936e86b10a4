// bpf_map_push_elem, bpf_map_pop_elem, bpf_map_peek_elem: maps without keys.
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {

std::int64_t map_push_elem(RunContext&, Map& map, const void* value, std::uint64_t flags) {
  return map.operations().push(map, value, flags);
}
std::int64_t map_pop_elem(RunContext&, Map& map, void* value) {
  return map.operations().pop(map, value);
}
std::int64_t map_peek_elem(RunContext&, Map& map, void* value) {
  return map.operations().peek(map, value);
}

constexpr Helper kHelpers[] = {
    {.number = 87,
     .name = "map_push_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kMapValue, Arg::kAnything}, .effects = kWritesMap},
     .function = helper_call<map_push_elem>},
    {.number = 88,
     .name = "map_pop_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kMapValueOut}, .effects = kWritesMap},
     .function = helper_call<map_pop_elem>},
    {.number = 89,
     .name = "map_peek_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kMapValueOut}},
     .function = helper_call<map_peek_elem>},
};

}  // namespace

std::span<const Helper> container_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
