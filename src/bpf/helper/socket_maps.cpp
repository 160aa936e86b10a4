// bpf_sk_storage_get, bpf_sk_storage_delete, bpf_skb_under_cgroup: what they answer where a packet belongs to
// no socket.
#include <cerrno>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {

void* sk_storage_get(RunContext&, const Map&, std::uint64_t, const void*, std::uint64_t) {
  return nullptr;
}
std::int64_t sk_storage_delete(RunContext&, const Map&, std::uint64_t) {
  return -EINVAL;
}
// The socket is asked for before the index.
std::int64_t skb_under_cgroup(RunContext&, ContextPointer, const Map&, std::uint32_t) {
  return -ENOENT;
}

constexpr Helper kHelpers[] = {
    {.number = 33,
     .name = "skb_under_cgroup",
     .contract = {.arguments = {Arg::kContext, Arg::kMap, Arg::kAnything}},
     .function = helper_call<skb_under_cgroup>},
    {.number = 107,
     .name = "sk_storage_get",
     .contract = {.arguments = {Arg::kMap, Arg::kSocketOrNull, Arg::kAnything, Arg::kAnything},
                  .result = Return::kMapValueOrNull},
     .function = helper_call<sk_storage_get>},
    {.number = 108,
     .name = "sk_storage_delete",
     .contract = {.arguments = {Arg::kMap, Arg::kSocketOrNull}},
     .function = helper_call<sk_storage_delete>},
};

}  // namespace

std::span<const Helper> socket_map_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
