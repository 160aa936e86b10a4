// JSON-RPC 2.0: what is a request, a batch, a notification, and what each mistake is answered with.
#include "control/rpc/protocol.h"

#include <gtest/gtest.h>

#include "tests/unit/rpc/fixture.h"

namespace netkit::rpc {
namespace {

TEST_F(RpcTest, WhatIsNoJsonIsAParseError) {
  for (const char* const text :
       {"", "{", "{\"a\":}", "nul", "\"\\ud800\"", "{\"a\":1}{", "\xff\xfe", "[1,2,]"}) {
    const Json answer = say(text);
    EXPECT_EQ(code(answer), -32700) << text;
    EXPECT_TRUE(answer["id"].is_null());
  }
}

TEST_F(RpcTest, DeepNestingIsAParseError) {
  EXPECT_EQ(code(say(std::string(kMaxNesting + 1, '['))), -32700);
  EXPECT_EQ(code(say(std::string(1'000'000, '['))), -32700);
  EXPECT_EQ(code(say(std::string(1'000'000, '{'))), -32700);
  // Brackets in a text do not nest.
  EXPECT_EQ(code(say(R"({"jsonrpc":"2.0","id":1,"method":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"[[["})")),
            -32601);
}

TEST_F(RpcTest, WhatIsNoRequestIsInvalid) {
  for (const char* const text :
       {"1", "\"text\"", "null", "{}", R"({"jsonrpc":"1.0","id":1,"method":"hello"})",
        R"({"jsonrpc":"2.0","id":1})", R"({"jsonrpc":"2.0","id":1,"method":7})",
        R"({"jsonrpc":"2.0","id":[1],"method":"hello"})",
        R"({"jsonrpc":"2.0","id":1,"method":"hello","params":7})"}) {
    EXPECT_EQ(code(say(text)), -32600) << text;
  }
}

TEST_F(RpcTest, AnInvalidRequestKeepsItsId) {
  EXPECT_EQ(say(R"({"jsonrpc":"2.0","id":"seven"})")["id"], "seven");
}

TEST_F(RpcTest, UnknownMethodsGetASuggestion) {
  const Json answer = call("rtnl.new_lnik");
  EXPECT_EQ(code(answer), -32601);
  EXPECT_EQ(answer["error"]["message"], "no method 'rtnl.new_lnik'; did you mean 'rtnl.new_link'?");
}

TEST_F(RpcTest, ParametersGoByName) {
  EXPECT_EQ(code(say(R"({"jsonrpc":"2.0","id":1,"method":"close","params":[3]})")), -32602);
}

TEST_F(RpcTest, UnknownParametersAreRefused) {
  const Json answer = call("bpf.prog_query", {{"target_ifidex", 1}, {"attach_type", 46}});
  EXPECT_EQ(code(answer), -32602);
  EXPECT_EQ(answer["error"]["message"], "unknown parameter 'target_ifidex'; did you mean 'target_ifindex'?");
}

TEST_F(RpcTest, NumbersOutOfRangeAreRefused) {
  const char* const kNumbers[] = {
      "-1", "4294967296", "18446744073709551615", "99999999999999999999", "1.5", "true", "null", "{}",
      "[]", "\"x\""};
  for (const char* const number : kNumbers) {
    const std::string text =
        std::string(R"({"jsonrpc":"2.0","id":1,"method":"bpf.map_get_fd_by_id","params":{"id":)");
    EXPECT_EQ(code(say(text + number + "}}")), -32602) << number;
  }
}

TEST_F(RpcTest, ANotificationIsNotAnswered) {
  EXPECT_TRUE(say(R"({"jsonrpc":"2.0","method":"hello"})").is_null());
  EXPECT_TRUE(say(R"({"jsonrpc":"2.0","method":"no.such"})").is_null());
}

TEST_F(RpcTest, ABatchIsAnsweredInItsOrderWithoutItsNotifications) {
  const Json answer = say(R"([{"jsonrpc":"2.0","id":1,"method":"close","params":{"fd":99}},
    {"jsonrpc":"2.0","method":"hello"}, 5, {"jsonrpc":"2.0","id":"b","method":"hello"}])");
  ASSERT_EQ(answer.size(), 3U);
  EXPECT_EQ(answer[0]["error"]["data"]["name"], "EBADF");
  EXPECT_EQ(answer[1]["error"]["code"], -32600);
  EXPECT_EQ(answer[2]["id"], "b");
  EXPECT_EQ(answer[2]["result"]["protocol"], 1);
}

TEST_F(RpcTest, ABatchOfNotificationsIsNotAnswered) {
  EXPECT_TRUE(say(R"([{"jsonrpc":"2.0","method":"hello"},{"jsonrpc":"2.0","method":"hello"}])").is_null());
}

TEST_F(RpcTest, AnEmptyOrEndlessBatchIsInvalid) {
  EXPECT_EQ(code(say("[]")), -32600);
  std::string many = "[0";
  for (std::size_t i = 0; i < kMaxBatch; ++i) many += ",0";
  EXPECT_EQ(code(say(many + "]")), -32600);
}

TEST_F(RpcTest, AKernelErrorCarriesErrnoNameAndText) {
  const Json plain = call("close", {{"fd", 99}})["error"];
  EXPECT_EQ(plain["code"], -32000);
  EXPECT_EQ(plain["message"], "EBADF: Bad file descriptor");
  EXPECT_EQ(plain["data"], (Json{{"errno", 9}, {"name", "EBADF"}, {"text", ""}}));
  add_pair();
  const Json told = call("rtnl.set_link", {{"ifname", "nk0"}, {"mtu", 10}})["error"];
  EXPECT_EQ(told["data"]["text"], "mtu less than device minimum");
}

TEST(Protocol, TextThatIsNoUtf8IsMended) {
  EXPECT_EQ(encode(Json{{"name", "a\xff"}}), "{\"name\":\"a\xef\xbf\xbd\"}\n");
}

}  // namespace
}  // namespace netkit::rpc
