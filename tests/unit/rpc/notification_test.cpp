// Notifications: what a client subscribed to, and no more; an overrun is told.
#include <gmock/gmock.h>

#include <sstream>

#include "bpf/run/trace_log.h"
#include "control/rpc/changes.h"
#include "tests/unit/rpc/fixture.h"

namespace netkit::rpc {
namespace {

std::vector<Json> lines_of(const std::string& text) {
  std::vector<Json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(Json::parse(line));
  return lines;
}

TEST_F(RpcTest, ASubscriberHearsOfLinksInItsNamespace) {
  get("netns.add", {{"name", "pod1"}});
  get("subscribe", {{"links", true}});
  add_pair();
  EXPECT_EQ(bells_, 1);
  const auto heard = lines_of(session_->take_notifications());
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard[0]["method"], "rtnl.newlink");
  EXPECT_EQ(heard[0]["jsonrpc"], "2.0");
  EXPECT_FALSE(heard[0].contains("id"));
  EXPECT_EQ(heard[0]["params"]["netns"], "host");
  get("rtnl.new_link", {{"flags", {"create", "excl"}},
                        {"ifname", "d0"},
                        {"linkinfo", {{"kind", "dummy"}}},
                        {"netns", {{"name", "pod1"}}}});
  EXPECT_EQ(session_->take_notifications(), "");
  get("rtnl.del_link", {{"ifname", "nk0"}});
  const auto gone = lines_of(session_->take_notifications());
  EXPECT_EQ(gone.back()["method"], "rtnl.dellink");
}

TEST_F(RpcTest, ASubscriberOfAllHearsOfEveryNamespace) {
  get("subscribe", {{"links", true}, {"namespaces", true}, {"all", true}});
  get("netns.add", {{"name", "pod1"}});
  get("netns.del", {{"name", "pod1"}});
  std::vector<std::string> methods;
  for (const Json& line : lines_of(session_->take_notifications())) methods.push_back(line["method"]);
  EXPECT_EQ(methods, (std::vector<std::string>{"netns.new", "rtnl.newlink", "rtnl.dellink", "netns.gone"}));
}

TEST_F(RpcTest, ASubscriptionEnds) {
  get("subscribe", {{"links", true}});
  get("subscribe");
  add_pair();
  EXPECT_EQ(session_->take_notifications(), "");
}

TEST_F(RpcTest, AFollowerOfTheTraceGetsTheLinesThatProgramsPrint) {
  bpf::TraceLog::instance().publish(1, "before");
  get("subscribe", {{"trace", true}});
  bpf::TraceLog::instance().publish(1, "5 packets");
  bpf::TraceLog::instance().publish(0, "bytes that are no text: \xff");
  add_pair();
  EXPECT_EQ(bells_, 1);
  const auto heard = lines_of(session_->take_notifications());
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(heard[0]["method"], "bpf.trace");
  const auto line = heard[0]["params"]["line"].get<std::string>();
  EXPECT_THAT(line, testing::MatchesRegex(".{16}-[0-9]+ +\\[001\\] \\.\\.\\.\\.\\. +[0-9]+\\.[0-9]{6}: "
                                          "bpf_trace_printk: 5 packets"));
  get("subscribe");
  bpf::TraceLog::instance().publish(1, "afterwards");
  EXPECT_EQ(session_->take_notifications(), "");
}

TEST_F(RpcTest, OnlyPrivilegedClientsAtHomeFollowTheTrace) {
  session_ = make_session({1000, false}, true);
  EXPECT_EQ(refusal("subscribe", {{"trace", true}}), "EPERM");
  session_ = make_session({0, true}, false);
  EXPECT_EQ(refusal("subscribe", {{"trace", true}}), "EPERM");
}

TEST_F(RpcTest, AnOverrunIsTold) {
  get("subscribe", {{"links", true}});
  add_pair();
  (void)session_->take_notifications();
  const std::size_t more = 10;
  for (std::size_t i = 0; i < Changes::kLongest + more; ++i) {
    get("rtnl.set_link", {{"ifname", "nk0"}, {"mtu", 1000 + i % 2}});
  }
  const auto heard = lines_of(session_->take_notifications());
  ASSERT_EQ(heard.size(), Changes::kLongest + 1);
  EXPECT_EQ(heard.back()["method"], "overrun");
  EXPECT_EQ(heard.back()["params"]["lost"], more);
  get("rtnl.set_link", {{"ifname", "nk0"}, {"mtu", 1300}});
  EXPECT_EQ(lines_of(session_->take_notifications()).size(), 1U);
}

}  // namespace
}  // namespace netkit::rpc
