// Links as JSON: every attribute of a request, in words and numbers, and what is reported.
#include "control/rpc/link_fields.h"
#include "tests/unit/rpc/fixture.h"

namespace netkit::rpc {
namespace {

Json netkit(const std::string& name, Json data) {
  data["peer"]["ifname"] = name + "p";
  return {
      {"flags", {"create", "excl"}}, {"ifname", name}, {"linkinfo", {{"kind", "netkit"}, {"data", data}}}};
}

TEST_F(RpcTest, EverySettingOfANetkitIsTakenAndTold) {
  Json request = netkit("nk0", {{"mode", "l2"},
                                {"policy", "blackhole"},
                                {"peer_policy", "forward"},
                                {"scrub", "none"},
                                {"peer_scrub", "default"},
                                {"headroom", 32},
                                {"tailroom", 16},
                                {"pairing", "pair"}});
  const Json settings{{"mtu", 1400},          {"address", "02:00:00:00:00:01"},
                      {"txqlen", 500},        {"group", 7},
                      {"num_rx_queues", 4},   {"gso_max_size", 32768},
                      {"gso_max_segs", 1000}, {"gro_max_size", 30000}};
  request.update(settings);
  request["linkinfo"]["data"]["peer"]["address"] = "02:00:00:00:00:02";
  get("rtnl.new_link", request);
  get("rtnl.set_link", {{"ifname", "nk0"}, {"ifalias", "an alias"}, {"gso_ipv4_max_size", 20000}});

  const Json link = get("rtnl.get_link", {{"ifname", "nk0"}});
  for (const auto& [key, value] : settings.items()) EXPECT_EQ(link[key], value) << key;
  EXPECT_EQ(link["ifalias"], "an alias");
  EXPECT_EQ(link["gso_ipv4_max_size"], 20000);
  EXPECT_EQ(link["linkinfo"]["data"], (Json{{"primary", true},
                                            {"mode", 0},
                                            {"policy", 2},
                                            {"peer_policy", 0},
                                            {"scrub", 0},
                                            {"peer_scrub", 1},
                                            {"headroom", 32},
                                            {"tailroom", 16},
                                            {"pairing", 0}}));
  EXPECT_EQ(get("rtnl.get_link", {{"ifname", "nk0p"}})["address"], "02:00:00:00:00:02");
  EXPECT_EQ(link["link_end"]["ifname"], "nk0p");
}

TEST_F(RpcTest, NumbersStandForWords) {
  get("rtnl.new_link", netkit("nk0", {{"mode", 0}, {"policy", 2}, {"scrub", 0}}));
  get("rtnl.new_link", netkit("nk1", {{"mode", "l2"}, {"policy", "drop"}, {"scrub", "none"}}));
  EXPECT_EQ(get("rtnl.get_link", {{"ifname", "nk0"}})["linkinfo"],
            get("rtnl.get_link", {{"ifname", "nk1"}})["linkinfo"]);
}

TEST_F(RpcTest, TheKernelRefusesWhatItWouldRefuse) {
  EXPECT_EQ(refusal("rtnl.new_link", netkit("nk0", {{"mode", 7}})), "ERANGE");
  EXPECT_EQ(refusal("rtnl.new_link", netkit("nk0", {{"policy", 1}})), "EINVAL");
  EXPECT_EQ(refusal("rtnl.new_link", netkit("nk0", {{"primary", 1}})), "EINVAL");
  EXPECT_EQ(refusal("rtnl.new_link", netkit("a-name-too-long-", {})), "ERANGE");
  Json short_address = netkit("nk0", {{"mode", "l2"}});
  short_address["address"] = "02:00";
  EXPECT_EQ(refusal("rtnl.new_link", short_address), "EINVAL");
  EXPECT_EQ(refusal("rtnl.new_link", {{"flags", "create"}, {"linkinfo", {{"kind", "bridge"}}}}),
            "EOPNOTSUPP");
  EXPECT_EQ(refusal("rtnl.new_link", {{"flags", 0x600}, {"map", Json::object()}, {"ifname", "x"}}),
            "EOPNOTSUPP");
  EXPECT_EQ(get("rtnl.dump_links").size(), 1U);
}

TEST_F(RpcTest, WhatIsNoAttributeIsRefused) {
  const std::string long_text(70'000, 'x');
  const Json bad[] = {{{"mtu", "big"}},
                      {{"mtu", -1}},
                      {{"mtu", {1, 2}}},
                      {{"ifname", 7}},
                      {{"ifalias", long_text}},
                      {{"address", "02:00:00:00:00:0g"}},
                      {{"address", "02:"}},
                      {{"address", 5}},
                      {{"linkinfo", "netkit"}},
                      {{"linkinfo", {{"kinds", "netkit"}}}},
                      {{"linkinfo", {{"kind", 5}}}},
                      {{"linkinfo", {{"kind", "netkit"}, {"data", 5}}}},
                      {{"linkinfo", {{"kind", "netkit"}, {"data", {{"headroom", 65536}}}}}},
                      {{"linkinfo", {{"kind", "netkit"}, {"data", {{"mode", "l4"}}}}}},
                      {{"linkinfo", {{"kind", "netkit"}, {"data", {{"peer", {{"mtuu", 5}}}}}}}},
                      {{"linkinfo", {{"kind", "dummy"}, {"data", {{"mode", "l3"}}}}}},
                      {{"header", 5}},
                      {{"header", {{"index", 1.5}}}},
                      {{"header", {{"flags", "upp"}}}},
                      {{"net_ns_fd", {{"passed", 3}}}},
                      {{"flags", "creat"}}};
  for (const Json& params : bad)
    EXPECT_EQ(code(call("rtnl.new_link", params)), -32602) << params.dump().substr(0, 80);
}

TEST_F(RpcTest, AnEndMovesToANamespaceByName) {
  get("netns.add", {{"name", "pod1"}});
  Json request = netkit("nk0", Json::object());
  request["linkinfo"]["data"]["peer"]["net_ns_fd"] = {{"name", "pod1"}};
  get("rtnl.new_link", request);
  const Json link = get("rtnl.get_link", {{"ifname", "nk0p"}, {"netns", {{"name", "pod1"}}}});
  EXPECT_EQ(link["netns"], "pod1");
  EXPECT_EQ(link["link_end"]["same_netns"], false);
  // What was lent for the time of the call is closed: the next descriptor is the first behind the streams.
  EXPECT_EQ(load_program(), 3);
}

TEST_F(RpcTest, WhatIsReportedCanBeAskedForUnderTheSameKey) {
  for (const Field& field : link_fields()) {
    EXPECT_TRUE(field.request != Field::kReadOnly || field.report != nullptr) << field.key;
    EXPECT_EQ(field.request == Field::kReadOnly, field.type == 0) << field.key;
  }
}

}  // namespace
}  // namespace netkit::rpc
