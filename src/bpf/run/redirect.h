// The redirect record: what a redirect helper asked for, to be done if the verdict is REDIRECT.
#pragma once

#include <array>
#include <cstdint>

namespace netkit::bpf {

enum class RedirectKind : std::uint8_t { kNone, kPlain, kPeer, kNeigh };

struct NextHop {
  std::uint32_t family = 0;                // AF_INET or AF_INET6
  std::array<std::uint8_t, 16> address{};  // network order; IPv4 in the first four bytes
};

// One per worker, shared by nested runs, read and cleared when a hook's final verdict is REDIRECT, and
// cleared at the outermost entry (struct bpf_redirect_info; spec redirect-and-forwarding.md 2).
struct RedirectRecord {
  RedirectKind kind = RedirectKind::kNone;
  std::uint32_t ifindex = 0;  // not looked up before it is executed
  std::uint64_t flags = 0;    // as given to the helper
  bool has_next_hop = false;
  NextHop next_hop{};

  void clear() { *this = RedirectRecord{}; }
};

}  // namespace netkit::bpf
