// Requests about devices, shaped like rtnetlink's RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK and RTM_GETLINK
// (net/core/rtnetlink.c): raw numbers in, the kernel's errno and extended message out, its checks in its
// order.
#pragma once

#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/attributes.h"
#include "control/client.h"
#include "control/link_report.h"

namespace netkit::control {

struct LinkRequest {
  std::uint16_t flags = 0;  // MessageFlag
  IfInfo header;
  AttributeWriter attributes;  // LinkAttribute
};

// RTM_NEWLINK: creates a device (kCreate), or changes the one that the request names.
Result<> new_link(Client& client, const LinkRequest& request);
// RTM_SETLINK: generic settings of the device that the request names.
Result<> set_link(Client& client, const LinkRequest& request);
// RTM_DELLINK. ENODEV; EOPNOTSUPP: lo.
Result<> delete_link(Client& client, const LinkRequest& request);
// RTM_GETLINK. ENODEV; EINVAL: neither number nor name.
[[nodiscard]] Result<LinkReport> get_link(Client& client, const LinkRequest& request);
// The dump: all devices of the client's namespace by rising number.
[[nodiscard]] std::vector<LinkReport> list_links(Client& client);

// A TAP of the in-process kind (TUNSETIFF): `name` may be a template. EEXIST, EINVAL, ENFILE.
Result<> new_tap(Client& client, std::string_view name);

}  // namespace netkit::control
