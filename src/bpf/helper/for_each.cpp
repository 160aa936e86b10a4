// bpf_for_each_map_elem: calls a function of the program for every element of a map.
#include <cerrno>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {

// Memory that the program may touch while a callback runs.
class Lent {
 public:
  Lent(RunContext& run, const Region& region)
      : run_(run), region_(region), known_(run.regions.find_memory(region.base, region.size) != nullptr) {
    if (!known_) run_.regions.hand_out(region_);
  }
  ~Lent() {
    if (!known_) run_.regions.take_back(region_.base);
  }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;

 private:
  RunContext& run_;
  Region region_;
  bool known_;  // the program had it before, and keeps it
};

struct Loop {
  RunContext& run;
  Map& map;
  std::uint64_t body;
  std::uint64_t context;

  // False: the body asked to stop, or faulted.
  static bool visit(void* self, const void* key, void* value) {
    auto& [run, map, body, context] = *static_cast<Loop*>(self);
    const auto key_at = reinterpret_cast<std::uint64_t>(key),
               value_at = reinterpret_cast<std::uint64_t>(value);
    const Lent lent_key(run, {key_at, map.spec().key_size, RegionKind::kMemory, false, 0});
    const Lent lent_value(
        run, {value_at, map.spec().value_size, RegionKind::kMapValue, map.program_may_write(), map.id()});
    const auto map_at = reinterpret_cast<std::uint64_t>(&map);
    return run.call_back(run, body, {map_at, key_at, value_at, context, 0}) == 0 && !run.fault.happened;
  }
};

// Returns the number of elements visited, the one at which the body stopped included.
std::int64_t for_each_map_elem(RunContext& run, Map& map, std::uint64_t body, std::uint64_t context,
                               std::uint64_t flags) {
  const auto for_each = map.operations().for_each;
  if (for_each == nullptr) {
    run.refuse("bpf_for_each_map_elem is not supported on a map of type " +
               std::string(map_type_name(map.spec().type)));
    return -EOPNOTSUPP;
  }
  if (flags != 0) return -EINVAL;
  Loop loop{run, map, body, context};
  return for_each(map, run.cpu, {Loop::visit, &loop});
}

constexpr Helper kHelpers[] = {
    {.number = 164,
     .name = "for_each_map_elem",
     .contract = {.arguments = {Arg::kMap, Arg::kFunction, Arg::kStackOrNull, Arg::kAnything}},
     .function = helper_call<for_each_map_elem>},
};

}  // namespace

std::span<const Helper> for_each_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
