// A connection: whose it is, which namespaces it reaches, and its descriptors.
#include "tests/unit/rpc/fixture.h"

namespace netkit::rpc {
namespace {

TEST_F(RpcTest, HelloTellsWhoIsWho) {
  const Json hello = get("hello", {{"protocol", 1}});
  EXPECT_EQ(hello["protocol"], 1);
  EXPECT_EQ(hello["how"], "in-process");
  EXPECT_EQ(hello["live"], false);
  EXPECT_EQ(hello["privileged"], true);
  EXPECT_EQ(hello["of_engine"], true);
  EXPECT_EQ(hello["netns"], "host");
}

TEST_F(RpcTest, AnotherVersionOfTheProtocolIsRefused) {
  EXPECT_EQ(code(call("hello", {{"protocol", 2}})), -32001);
}

TEST_F(RpcTest, ADescriptorOfOurNamespaceIsThatOfTheEngine) {
  session_ = make_session({1000, false}, false);
  EXPECT_EQ(get("hello")["netns"], nullptr);
  std::vector<Fd> own;
  own.emplace_back(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  const Json answer = call("hello", {{"netns", {{"passed", 0}}}}, std::move(own));
  EXPECT_EQ(answer["result"]["netns"], "host") << answer;
}

TEST_F(RpcTest, AnotherFileIsNoNamespace) {
  std::vector<Fd> file;
  file.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const Json answer = call("rtnl.dump_links", {{"netns", {{"passed", 0}}}}, std::move(file));
  EXPECT_EQ(answer["error"]["data"]["name"], "EINVAL");
}

TEST_F(RpcTest, DescriptorsThatWereNotPassedAreRefused) {
  EXPECT_EQ(code(call("rtnl.dump_links", {{"netns", {{"passed", 0}}}})), -32602);
  EXPECT_EQ(code(call("rtnl.dump_links", {{"netns", {{"passed", -1}}}})), -32602);
  EXPECT_EQ(code(call("rtnl.dump_links", {{"netns", {{"passed", 0}, {"name", "host"}}}})), -32602);
  EXPECT_EQ(code(call("rtnl.dump_links", {{"netns", 7}})), -32602);
}

TEST_F(RpcTest, DescriptorsOfOneMessageAreNotThoseOfTheNext) {
  std::vector<Fd> own;
  own.emplace_back(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(call("rtnl.dump_links", {{"netns", {{"passed", 0}}}}, std::move(own)).contains("result"));
  EXPECT_EQ(code(call("rtnl.dump_links", {{"netns", {{"passed", 0}}}})), -32602);
}

TEST_F(RpcTest, WhoLivesElsewhereReachesNothingOfTheEngines) {
  add_pair();
  session_ = make_session({0, true}, false);
  EXPECT_EQ(refusal("rtnl.dump_links"), "EPERM");
  EXPECT_EQ(refusal("rtnl.dump_links", {{"netns", {{"name", "host"}}}}), "EPERM");
  EXPECT_EQ(refusal("rtnl.del_link", {{"ifname", "nk0"}}), "EPERM");
  EXPECT_EQ(refusal("bpf.prog_query", {{"target_ifindex", 2}, {"attach_type", 54}}), "EPERM");
  EXPECT_EQ(refusal("netns.list"), "EPERM");
  EXPECT_EQ(refusal("netns.add", {{"name", "x"}}), "EPERM");
  EXPECT_EQ(refusal("netns.del", {{"name", "host"}}), "EPERM");
  EXPECT_EQ(refusal("subscribe", {{"links", true}}), "EPERM");
  EXPECT_EQ(refusal("subscribe", {{"namespaces", true}}), "EPERM");
}

TEST_F(RpcTest, WhoLivesElsewhereReachesNoObjectByIdOrPin) {
  add_pair();
  Json request{
      {"target_ifindex", ifindex("nk0")}, {"attach_type", "netkit_primary"}, {"prog_fd", load_program()}};
  const int link = get("bpf.link_create", request)["fd"];
  get("bpf.obj_pin", {{"fd", link}, {"path", "/sys/fs/bpf/link"}});
  session_ = make_session({0, true}, false);
  EXPECT_EQ(refusal("bpf.link_get_fd_by_id", {{"id", 1}}), "EPERM");
  EXPECT_EQ(refusal("bpf.prog_get_next_id"), "EPERM");
  EXPECT_EQ(refusal("bpf.map_get_fd_by_id", {{"id", 1}}), "EPERM");
  EXPECT_EQ(refusal("bpf.obj_get", {{"path", "/sys/fs/bpf/link"}}), "EPERM");
  EXPECT_EQ(refusal("pin.unlink", {{"path", "/sys/fs/bpf/link"}}), "EPERM");
  // What it makes itself it has.
  EXPECT_EQ(get("bpf.obj_get_info_by_fd", {{"fd", load_program()}})["object"], "prog");
}

TEST_F(RpcTest, WhoIsNotPrivilegedReadsAndChangesNothing) {
  add_pair();
  session_ = make_session({1000, false}, true);
  EXPECT_EQ(get("rtnl.dump_links").size(), 3U);
  EXPECT_EQ(refusal("rtnl.set_link", {{"ifname", "nk0"}, {"mtu", 1400}}), "EPERM");
  EXPECT_EQ(refusal("netns.add", {{"name", "x"}}), "EPERM");
  EXPECT_EQ(refusal("bpf.prog_get_fd_by_id", {{"id", 1}}), "EPERM");
}

TEST_F(RpcTest, NamespacesComeAndGo) {
  get("netns.add", {{"name", "pod1"}});
  EXPECT_EQ(refusal("netns.add", {{"name", "pod1"}}), "EEXIST");
  EXPECT_EQ(refusal("netns.add", {{"name", "a/b"}}), "EINVAL");
  EXPECT_EQ(refusal("netns.add", {{"name", "x"}, {"home", "kernel"}}), "EOPNOTSUPP");
  EXPECT_EQ(get("netns.list").size(), 2U);
  EXPECT_EQ(get("rtnl.dump_links", {{"netns", {{"name", "pod1"}}}})[0]["ifname"], "lo");
  get("netns.del", {{"name", "pod1"}});
  EXPECT_EQ(refusal("rtnl.dump_links", {{"netns", {{"name", "pod1"}}}}), "ENOENT");
  EXPECT_EQ(refusal("netns.del", {{"name", "host"}}), "EBUSY");
}

TEST_F(RpcTest, TheNamespaceOfOneCallIsNotThatOfTheNext) {
  get("netns.add", {{"name", "pod1"}});
  add_pair();
  EXPECT_EQ(get("rtnl.dump_links", {{"netns", {{"name", "pod1"}}}}).size(), 1U);
  EXPECT_EQ(get("rtnl.dump_links").size(), 3U);
}

TEST_F(RpcTest, ALinkGoesWithTheConnectionThatHoldsIt) {
  add_pair();
  const Json query{{"target_ifindex", ifindex("nk0")}, {"attach_type", "netkit_primary"}};
  Json request = query;
  request["prog_fd"] = load_program();
  const int fd = get("bpf.link_create", request)["fd"];
  EXPECT_EQ(get("bpf.link_info", {{"link_fd", fd}})["attach_type"], 54);
  EXPECT_EQ(get("bpf.prog_query", query)["count"], 1);
  session_ = make_session({0, true}, true);
  EXPECT_EQ(get("bpf.prog_query", query)["count"], 0);
}

TEST_F(RpcTest, APinnedLinkStays) {
  add_pair();
  Json request{
      {"target_ifindex", ifindex("nk0")}, {"attach_type", "netkit_primary"}, {"prog_fd", load_program()}};
  const int fd = get("bpf.link_create", request)["fd"];
  get("bpf.obj_pin", {{"fd", fd}, {"path", "/sys/fs/bpf/link"}});
  request.erase("prog_fd");
  session_ = make_session({0, true}, true);
  EXPECT_EQ(get("bpf.prog_query", request)["count"], 1);
  EXPECT_EQ(get("pin.list", {{"path", "/sys/fs/bpf"}})[0]["object"], "link");
  get("pin.unlink", {{"path", "/sys/fs/bpf/link"}});
  EXPECT_EQ(get("bpf.prog_query", request)["count"], 0);
}

TEST_F(RpcTest, AQueryThatFindsNoRoomTellsWhatItCould) {
  add_pair();
  const Json place{{"target_ifindex", ifindex("nk0")}, {"attach_type", "netkit_peer"}};
  for (int i = 0; i < 2; ++i) {
    Json request = place;
    request["prog_fd"] = load_program();
    get("bpf.prog_attach", request);
  }
  Json query = place;
  query["count"] = 1;
  const Json data = call("bpf.prog_query", query)["error"]["data"];
  EXPECT_EQ(data["name"], "ENOSPC");
  EXPECT_EQ(data["answer"]["count"], 2);
  EXPECT_EQ(data["answer"]["prog_ids"].size(), 1U);
}

TEST_F(RpcTest, MapsAreReadAndWritten) {
  const int fd = get("bpf.map_create",
                     {{"map_type", "hash"}, {"key_size", 4}, {"value_size", 8}, {"max_entries", 4}})["fd"];
  get("bpf.map_update_elem", {{"map_fd", fd}, {"key", "01000000"}, {"value", "0a0b0c0d0e0f1011"}});
  EXPECT_EQ(get("bpf.map_lookup_elem", {{"map_fd", fd}, {"key", "01000000"}})["value"], "0a0b0c0d0e0f1011");
  EXPECT_EQ(get("bpf.map_dump", {{"map_fd", fd}}),
            Json::array({{{"key", "01000000"}, {"value", "0a0b0c0d0e0f1011"}}}));
  EXPECT_EQ(get("bpf.obj_get_info_by_fd", {{"fd", fd}})["object"], "map");
  EXPECT_EQ(refusal("bpf.map_lookup_elem", {{"map_fd", fd}, {"key", "02000000"}}), "ENOENT");
  for (const char* const key : {"0", "0g", "0100 0000", "zz"}) {
    EXPECT_EQ(code(call("bpf.map_lookup_elem", {{"map_fd", fd}, {"key", key}})), -32602) << key;
  }
  EXPECT_EQ(refusal("bpf.map_lookup_elem", {{"map_fd", fd}, {"key", ""}}), "EINVAL");
}

TEST_F(RpcTest, AFilterIsMadeAndShown) {
  add_pair();
  const int ifindex_of_nk0 = ifindex("nk0");
  get("tc.new_qdisc", {{"flags", {"create", "excl"}},
                       {"ifindex", ifindex_of_nk0},
                       {"parent", "clsact"},
                       {"handle", 0xffff0000},
                       {"kind", "clsact"}});
  get("tc.new_filter", {{"flags", {"create", "excl"}},
                        {"ifindex", ifindex_of_nk0},
                        {"parent", "ingress"},
                        {"priority", 1},
                        {"protocol", 3},
                        {"kind", "bpf"},
                        {"options", {{"fd", load_program()}, {"name", "p"}, {"flags", "direct-action"}}}});
  const Json filters = get("tc.dump_filters", {{"ifindex", ifindex_of_nk0}, {"parent", "ingress"}});
  ASSERT_FALSE(filters.empty());
  EXPECT_EQ(filters.back()["options"]["name"], "p");
  EXPECT_EQ(filters.back()["protocol"], 3);
}

}  // namespace
}  // namespace netkit::rpc
