#include "control/rpc/session.h"

#include <nlohmann/json.hpp>

#include "base/passing.h"
#include "base/text.h"
#include "control/rpc/error.h"
#include "control/rpc/methods.h"
#include "control/rpc/protocol.h"
#include "device/namespace.h"

namespace netkit::rpc {
namespace {

// Those that a client may call by, for suggestions.
std::vector<std::string_view> method_names() {
  std::vector<std::string_view> names;
  for (const auto family : method_families()) {
    for (const Method& method : family) names.push_back(method.name);
  }
  return names;
}

bool is_alive(device::Network& network, const device::Namespace& netns) {
  const device::Rtnl rtnl = network.lock();
  return network.find_namespace(rtnl, netns.name()).get() == &netns;
}

}  // namespace

Session::Session(const Service& service, Caller caller, std::function<void()> news)
    : service_(service),
      home_(std::move(caller.netns)),
      client_(service.system(), home_, caller.credentials),
      news_(std::move(news)) {}

std::string Session::serve(std::string_view message, std::vector<Fd> passed) {
  const Result<Json> parsed = parse_message(message);
  if (!parsed) return encode_error(parsed.error());
  passed_ = std::move(passed);
  passed_back_.clear();
  Json answer;
  if (!parsed->is_array()) {
    answer = serve_one(*parsed);
  } else if (parsed->empty() || parsed->size() > kMaxBatch) {
    const std::string text = "a batch has 1 to " + std::to_string(kMaxBatch) + " requests";
    answer = error_object(nullptr, {.code = kInvalidRequest, .text = text, .details = {}}, nullptr);
  } else {
    for (const Json& one : *parsed) {
      if (Json part = serve_one(one); !part.is_null()) answer.push_back(std::move(part));
    }
  }
  passed_.clear();
  return answer.is_null() ? std::string() : encode(answer);
}

// Null for a notification.
Json Session::serve_one(const Json& value) {
  const Result<Request> request = read_request(value);
  if (!request) return error_object(id_of(value), request.error(), nullptr);
  Json answer;
  const Result<> done = call(request->method, *request->params, answer);
  if (request->id == nullptr) return nullptr;
  if (!done) return error_object(*request->id, done.error(), std::move(answer));
  if (answer.is_null()) answer = Json::object();
  return result_object(*request->id, std::move(answer));
}

Result<> Session::call(std::string_view name, const Json& params, Json& answer) {
  const Method* const method = find_method(name);
  if (method == nullptr) {
    return refuse(kMethodNotFound, "no method " + quote(name) + did_you_mean(name, method_names()));
  }
  TRY(check_keys(params, keys_of(*method)));
  Call call{.session = *this, .params = Params(params), .answer = answer};
  if (method->need == Need::kEngine && !of_engine()) {
    return fail(EPERM, "only clients in the engine's own namespace reach namespaces, ids and pins");
  }
  if (method->need == Need::kNetns) {
    const Json* const named = call.params.find("netns");
    device::NamespaceRef netns = named != nullptr ? TRY(netns_from(*named)) : home_;
    if (netns == nullptr) {
      return fail(EPERM,
                  "the engine has no part in the caller's namespace; pass the descriptor of one as `netns`");
    }
    if (!is_alive(client_.network(), *netns)) return fail(ENODEV, "the namespace has gone");
    client_.enter(std::move(netns));
  }
  const Result<> done = method->handle(call);
  for (const int fd : std::exchange(lent_, {})) (void)client_.close(fd);
  client_.enter(home_);
  return done;
}

Result<Json> Session::pass(Fd descriptor) {
  if (passed_back_.size() == kMostPassed) return fail(E2BIG, "too many descriptors in one answer");
  passed_back_.push_back(std::move(descriptor));
  return Json{{"passed", passed_back_.size() - 1}};
}

std::string Session::take_notifications() {
  return changes_ != nullptr ? changes_->take() : std::string();
}

void Session::set_home(device::NamespaceRef netns) {
  home_ = std::move(netns);
}

Result<device::NamespaceRef> Session::netns_from(const Json& value) {
  const bool by_name = value.is_object() && value.size() == 1 && value.contains("name");
  if (!by_name) return service_.netns_of_descriptor(TRY(passed_from(value, "netns")));
  const std::string name = TRY(Params(value).text("name"));
  if (!of_engine()) {
    return fail(EPERM, "only clients in the engine's own namespace may name others; pass a descriptor");
  }
  const device::Rtnl rtnl = client_.network().lock();
  device::NamespaceRef found = client_.network().find_namespace(rtnl, name);
  if (found == nullptr)
    return fail(ENOENT, "no namespace " + quote(name) + "; `netkit netns list` names them");
  return found;
}

Result<int> Session::passed_from(const Json& value, std::string_view key) const {
  if (!value.is_object() || value.size() != 1 || !value.contains("passed")) {
    return refuse(kInvalidParams, "parameter '" + std::string(key) + R"(' must be like {"passed": 0})");
  }
  const auto index = TRY(Params(value).number<std::uint32_t>("passed"));
  if (index >= passed_.size()) {
    return refuse(kInvalidParams, "parameter '" + std::string(key) + "': the message carried " +
                                      std::to_string(passed_.size()) + " descriptors");
  }
  return passed_[index].get();
}

int Session::lend(control::Handle handle) {
  return lent_.emplace_back(client_.open(std::move(handle)));
}

void Session::subscribe(Interest interest) {
  changes_ = std::make_unique<Changes>(client_.network(), std::move(interest), news_);
}

}  // namespace netkit::rpc
