// A client of a network with two namespaces, and requests in few words, for the tests of requests.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "base/rcu.h"
#include "control/client.h"
#include "control/link.h"
#include "device/namespace.h"

namespace netkit::control {

// An RTM_NEWLINK request that is put together attribute by attribute.
struct Order {
  AttributeWriter generic;
  AttributeWriter data;  // IFLA_INFO_DATA
  IfInfo header;
  std::string kind = "netkit";
  std::uint16_t flags = kCreate | kExclusive;
  bool has_data = true;

  Order& peer(const AttributeWriter& attributes, const IfInfo& of_peer = {}) {
    data.nest(kNetkitPeerInfo, of_peer, attributes);
    return *this;
  }
  [[nodiscard]] LinkRequest request() const {
    AttributeWriter info;
    info.text(kInfoKind, kind);
    if (has_data) info.nest(kInfoData, data);
    LinkRequest made;
    made.flags = flags;
    made.header = header;
    made.attributes = generic;
    made.attributes.nest(kIflaLinkinfo, info);
    return made;
  }
};

inline AttributeWriter name(std::string_view text) {
  AttributeWriter attributes;
  attributes.text(kIflaIfname, text);
  return attributes;
}

class ControlTest : public ::testing::Test {
 protected:
  ControlTest() {
    {
      const device::Rtnl rtnl = network_.lock();
      host_ = network_.add_namespace(rtnl, "host").value();
      pod_ = network_.add_namespace(rtnl, "pod").value();
    }
    client_ = std::make_unique<Client>(system_, host_);
    pod_fd_ = client_->open(pod_);
  }
  ~ControlTest() override {
    client_.reset();
    rcu::drain();
  }

  Result<> create(const Order& order) { return new_link(*client_, order.request()); }
  // nk0 in host, its peer nk1 in pod.
  void create_pair(Order order = {}) {
    order.generic.text(kIflaIfname, "nk0");
    order.peer(name("nk1").u32(kIflaNetNsFd, static_cast<std::uint32_t>(pod_fd_)));
    ASSERT_TRUE(create(order));
  }
  // Changes the device of that name in the client's namespace.
  Result<> change(std::string_view device, Order order) {
    order.flags = 0;
    order.header.index = static_cast<std::int32_t>(number_of(device));
    return create(order);
  }
  [[nodiscard]] std::uint32_t number_of(std::string_view device) {
    const device::Rtnl rtnl = network_.lock();
    const device::DeviceRef found = client_->netns()->find(rtnl, device);
    return found != nullptr ? found->ifindex() : 0;
  }
  [[nodiscard]] Result<LinkReport> show(std::string_view device) {
    LinkRequest request;
    request.attributes.text(kIflaIfname, device);
    return get_link(*client_, request);
  }
  [[nodiscard]] std::size_t devices_in(const device::NamespaceRef& netns) {
    const device::Rtnl rtnl = network_.lock();
    return netns->devices(rtnl).size();
  }

  device::Network network_;
  System system_{network_};
  device::NamespaceRef host_;
  device::NamespaceRef pod_;
  std::unique_ptr<Client> client_;
  int pod_fd_ = -1;
};

inline void expect_error(const Result<>& result, int code, std::string_view text = "") {
  ASSERT_FALSE(result);
  EXPECT_EQ(errno_name(result.error().code), errno_name(code));
  EXPECT_EQ(result.error().text, text);
}

}  // namespace netkit::control
