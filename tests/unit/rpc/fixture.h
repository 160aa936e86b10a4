// A client's session with an engine in this process, spoken to in JSON.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/rcu.h"
#include "control/rpc/service.h"
#include "control/rpc/session.h"
#include "device/namespace.h"

namespace netkit::rpc {

// One hexadecimal digit pair per byte: r0 = 0; exit.
inline constexpr const char* kPassProgram = "b7000000000000009500000000000000";

class RpcTest : public ::testing::Test {
 protected:
  RpcTest() : service_(Service::make(system_, "in-process").value()) {
    session_ = make_session({0, true}, true);
  }
  ~RpcTest() override {
    session_.reset();
    rcu::drain();
  }

  // A client that lives where the engine does, or elsewhere.
  std::unique_ptr<Session> make_session(control::Credentials who, bool at_home) {
    const Caller caller{who, at_home ? service_.own_netns() : nullptr};
    return std::make_unique<Session>(service_, caller, [this] { ++bells_; });
  }

  // A whole message; null where there is no answer.
  Json say(const std::string& message, std::vector<Fd> passed = {}) {
    const std::string answer = session_->serve(message, std::move(passed));
    return answer.empty() ? Json() : Json::parse(answer);
  }
  Json call(const std::string& method, Json params = Json::object(), std::vector<Fd> passed = {}) {
    const Json request{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}};
    return say(request.dump(), std::move(passed));
  }
  // The result of a call that must succeed.
  Json get(const std::string& method, Json params = Json::object()) {
    const Json answer = call(method, std::move(params));
    EXPECT_TRUE(answer.contains("result")) << answer;
    return answer.value("result", Json());
  }
  // The name of the errno with which the kernel would refuse the call; empty: it did not.
  std::string refusal(const std::string& method, Json params = Json::object()) {
    const Json answer = call(method, std::move(params));
    if (!answer.contains("error") || !answer["error"].contains("data")) return answer.dump();
    return answer["error"]["data"]["name"];
  }
  // The code of an error of the protocol.
  static int code(const Json& answer) {
    return answer.contains("error") ? answer["error"]["code"].get<int>() : 0;
  }

  void add_pair() {
    get("rtnl.new_link", {{"flags", {"create", "excl"}},
                          {"ifname", "nk0"},
                          {"linkinfo", {{"kind", "netkit"}, {"data", {{"peer", {{"ifname", "nk1"}}}}}}}});
  }
  int load_program() {
    return get("bpf.prog_load",
               {{"prog_type", "sched_cls"}, {"insns", kPassProgram}, {"license", "GPL"}})["fd"];
  }
  int ifindex(const std::string& name) { return get("rtnl.get_link", {{"ifname", name}})["ifindex"]; }

  device::Network network_;
  control::System system_{network_};
  Service service_;
  std::unique_ptr<Session> session_;
  int bells_ = 0;
};

}  // namespace netkit::rpc
