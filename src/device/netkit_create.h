// Making netkit devices out of settings that have been checked (netkit_new_link; spec netkit-device.md 2.3
// to 2.6).
#pragma once

#include <string>

#include "base/result.h"
#include "device/netkit.h"

namespace netkit::device {

inline constexpr std::string_view kNetkitNameTemplate = "nk%d";

struct NetkitEndSpec {
  Namespace* netns = nullptr;
  std::string name{kNetkitNameTemplate};  // or a template
  IfIndex ifindex = 0;                    // 0: the next free one
  DeviceSettings generic;                 // an all-zero MAC in L2 mode: a random one
  NetkitPolicy policy = NetkitPolicy::kPass;
  NetkitScrub scrub = NetkitScrub::kDefault;
};

struct NetkitSpec {
  NetkitMode mode = NetkitMode::kL3;
  NetkitPairing pairing = NetkitPairing::kPair;
  std::uint16_t headroom = 0;
  std::uint16_t tailroom = 0;
  NetkitEndSpec primary;
  NetkitEndSpec peer;  // kPair only
};

// Registers the peer first, then the primary; if the latter fails the peer goes again. Both are down, without
// carrier and programs. Returns the primary. Errors of Network::register_device.
[[nodiscard]] Result<std::shared_ptr<Netkit>> create_netkit(const Rtnl& rtnl, Network& network,
                                                            const NetkitSpec& spec);

}  // namespace netkit::device
