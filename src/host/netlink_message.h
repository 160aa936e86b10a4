// Building one rtnetlink message with libnl. Only for the .cpp files of this folder.
#pragma once

#include <linux/netlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace netkit::host {

class NetlinkMessage {
 public:
  // `header` is the fixed part that follows nlmsghdr: ifinfomsg, ifaddrmsg, rtmsg, ...
  template <class Header>
  NetlinkMessage(std::uint16_t type, unsigned flags, const Header& header)
      : message_(nlmsg_alloc_simple(type, static_cast<int>(flags))) {
    if (!message_) throw std::bad_alloc();
    check(nlmsg_append(message_.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO));
  }

  NetlinkMessage& put(int attribute, std::span<const std::uint8_t> bytes) {
    return check(nla_put(message_.get(), attribute, static_cast<int>(bytes.size()), bytes.data()));
  }
  NetlinkMessage& put(int attribute, std::uint8_t value) {
    return check(nla_put_u8(message_.get(), attribute, value));
  }
  NetlinkMessage& put(int attribute, std::uint32_t value) {
    return check(nla_put_u32(message_.get(), attribute, value));
  }
  NetlinkMessage& put(int attribute, std::int32_t value) {
    return check(nla_put_s32(message_.get(), attribute, value));
  }
  NetlinkMessage& put(int attribute, std::string_view text) {
    return check(nla_put_string(message_.get(), attribute, std::string(text).c_str()));
  }
  // A nested attribute; `header` is a fixed part inside it, if there is one.
  template <class Fill>
  NetlinkMessage& nest(int attribute, Fill fill) {
    nlattr* start = nla_nest_start(message_.get(), attribute);
    if (start == nullptr) throw std::bad_alloc();
    fill(*this);
    nla_nest_end(message_.get(), start);
    return *this;
  }
  template <class Header>
  NetlinkMessage& append(const Header& header) {
    return check(nlmsg_append(message_.get(), const_cast<Header*>(&header), sizeof header, NLMSG_ALIGNTO));
  }

  [[nodiscard]] nlmsghdr* header() const { return nlmsg_hdr(message_.get()); }

 private:
  // A page is always enough for what we send.
  NetlinkMessage& check(int result) {
    if (result < 0) throw std::bad_alloc();
    return *this;
  }
  struct Free {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };
  std::unique_ptr<nl_msg, Free> message_;
};

}  // namespace netkit::host
