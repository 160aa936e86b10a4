// bpf_redirect, bpf_redirect_peer, bpf_redirect_neigh: they only record; the device carries it out when the
// verdict is REDIRECT (spec redirect-and-forwarding.md 2.1). bpf_clone_redirect sends at once, through the
// outside.
#include <cerrno>
#include <cstring>

#include "base/endian.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"

namespace netkit::bpf {
namespace {

constexpr std::int32_t kNextHopBytes = 20;  // sizeof(struct bpf_redir_neigh): family and address

// Writes field by field: this is on every redirected packet's path, and copying a whole record that was just
// made stalls on its own stores.
std::int64_t record(RunContext& run, RedirectKind kind, std::uint32_t ifindex, std::uint64_t flags) {
  RedirectRecord& redirect = *run.redirect;
  redirect.kind = kind;
  redirect.ifindex = ifindex;
  redirect.flags = flags;
  redirect.has_next_hop = false;
  return kRedirect;
}

std::int64_t redirect(RunContext& run, std::uint32_t ifindex, std::uint64_t flags) {
  if ((flags & ~std::uint64_t{kRedirectIngress}) != 0) return kDrop;
  return record(run, RedirectKind::kPlain, ifindex, flags);
}

std::int64_t redirect_peer(RunContext& run, std::uint32_t ifindex, std::uint64_t flags) {
  if ((flags & ~std::uint64_t{kRedirectPeerEgress}) != 0) return kDrop;
  return record(run, RedirectKind::kPeer, ifindex, flags);
}

std::int64_t redirect_neigh(RunContext& run, std::uint32_t ifindex, const std::uint8_t* params,
                            std::int32_t size, std::uint64_t flags) {
  if ((size != 0 && size < kNextHopBytes) || flags != 0) return kDrop;
  const std::int64_t verdict = record(run, RedirectKind::kNeigh, ifindex, 0);
  if (size != 0) {
    run.redirect->has_next_hop = true;
    run.redirect->next_hop.family = load_unaligned<std::uint32_t>(params);
    std::memcpy(run.redirect->next_hop.address.data(), params + 4, run.redirect->next_hop.address.size());
  }
  return verdict;
}

std::int64_t clone_redirect(RunContext& run, ContextPointer, std::uint32_t ifindex, std::uint64_t flags) {
  if ((flags & ~std::uint64_t{kRedirectIngress}) != 0) return -EINVAL;
  const Gso& gso = run.packet->meta.gso;
  if (gso.size != 0 && gso.type == kGsoNone) return -EBADMSG;
  const Outside& outside = *run.outside;
  if (outside.clone_redirect == nullptr) return -EINVAL;
  const std::int64_t result = outside.clone_redirect(outside.self, run, ifindex, flags);
  run.packet_moved();
  return result;
}

constexpr Helper kHelpers[] = {
    {.number = 13,
     .name = "clone_redirect",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything}, .effects = kChangesPacket},
     .function = helper_call<clone_redirect>},
    {.number = 23,
     .name = "redirect",
     .contract = {.arguments = {Arg::kAnything, Arg::kAnything}},
     .function = helper_call<redirect>},
    {.number = 152,
     .name = "redirect_neigh",
     .contract = {.arguments = {Arg::kAnything, Arg::kMemOrNull, Arg::kSizeOrZero, Arg::kAnything}},
     .function = helper_call<redirect_neigh>},
    {.number = 155,
     .name = "redirect_peer",
     .contract = {.arguments = {Arg::kAnything, Arg::kAnything}},
     .function = helper_call<redirect_peer>},
};

}  // namespace

std::span<const Helper> redirect_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
