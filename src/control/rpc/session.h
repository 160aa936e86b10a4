// One connection, apart from its socket: whose it is, its descriptor table, and the messages it sends.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "control/client.h"
#include "control/rpc/changes.h"
#include "control/rpc/service.h"

namespace netkit::rpc {

using Json = nlohmann::json;

// Who is at the other end.
struct Caller {
  control::Credentials credentials;
  device::NamespaceRef netns;  // null: it lives where the engine has no part
};

class Session {
 public:
  // `news` is called when notifications wait (Changes).
  Session(const Service& service, Caller caller, std::function<void()> news);

  // Serves one message with the descriptors passed along. The answer is a line, or empty where nobody waits
  // for one.
  [[nodiscard]] std::string serve(std::string_view message, std::vector<Fd> passed);
  // The descriptors that go with the last answer.
  [[nodiscard]] std::vector<Fd> take_passed() { return std::exchange(passed_back_, {}); }
  // Notifications that wait, a line each.
  [[nodiscard]] std::string take_notifications();

  // ---- for methods ----
  [[nodiscard]] const Service& service() const { return service_; }
  [[nodiscard]] control::Client& client() { return client_; }
  // Lives in the engine's own namespace, and so may name every namespace that the engine knows.
  [[nodiscard]] bool of_engine() const { return home_ != nullptr && home_ == service_.own_netns(); }
  // The namespace in which the client lives; null: none of the engine's.
  [[nodiscard]] const device::NamespaceRef& home() const { return home_; }
  // The client showed a descriptor of the namespace it lives in.
  void set_home(device::NamespaceRef netns);
  // The namespace that {"passed": N} or {"name": "pod1"} means. kInvalidParams, EPERM, ENOENT.
  [[nodiscard]] Result<device::NamespaceRef> netns_from(const Json& value);
  // The descriptor that {"passed": N} means. kInvalidParams.
  [[nodiscard]] Result<int> passed_from(const Json& value, std::string_view key) const;
  // Passes a descriptor along with the answer; what stands in the answer to mean it: {"passed": 0}. E2BIG:
  // no more go with one answer.
  [[nodiscard]] Result<Json> pass(Fd descriptor);
  // A descriptor in the client's table that is closed after the call.
  [[nodiscard]] int lend(control::Handle handle);
  void subscribe(Interest interest);
  void unsubscribe() { changes_.reset(); }

 private:
  [[nodiscard]] Json serve_one(const Json& value);
  [[nodiscard]] Result<> call(std::string_view method, const Json& params, Json& answer);

  const Service& service_;
  device::NamespaceRef home_;
  control::Client client_;
  std::function<void()> news_;
  std::vector<Fd> passed_;  // along with the present message
  std::vector<Fd> passed_back_;
  std::vector<int> lent_;  // in the present call
  std::unique_ptr<Changes> changes_;
};

}  // namespace netkit::rpc
