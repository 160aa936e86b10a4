// Methods about the connection itself.
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "base/per_cpu.h"
#include "control/rpc/error.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"
#include "device/namespace.h"

namespace netkit::rpc {
namespace {

// The handshake. A `netns` descriptor is the client's own namespace, for engines that may not look it up.
Result<> hello(Call& call) {
  const auto version = TRY(call.params.number_or<std::uint32_t>("protocol", kProtocolVersion));
  if (version != kProtocolVersion) {
    return refuse(kWrongVersion, "protocol " + std::to_string(version) + " is not spoken here; it is " +
                                     std::to_string(kProtocolVersion));
  }
  Session& session = call.session;
  if (const Json* const netns = call.params.find("netns")) {
    auto shown = session.service().netns_of_descriptor(TRY(session.passed_from(*netns, "netns")));
    if (!shown && shown.error().code != EOPNOTSUPP) return std::unexpected(shown.error());
    session.set_home(shown ? *std::move(shown) : nullptr);
  }
  call.answer = {{"protocol", kProtocolVersion},
                 {"engine", NETKIT_VERSION},
                 {"how", session.service().how()},
                 {"live", session.service().live()},
                 {"pid", ::getpid()},
                 {"possible_cpus", possible_cpus()},
                 {"privileged", session.client().privileged()},
                 {"of_engine", session.of_engine()},
                 {"netns", session.home() != nullptr ? Json(session.home()->name()) : Json(nullptr)}};
  return {};
}

Result<> subscribe(Call& call) {
  Interest interest{.links = TRY(call.params.flag("links")),
                    .namespaces = TRY(call.params.flag("namespaces")),
                    .netns = call.session.home(),
                    .trace = TRY(call.params.flag("trace"))};
  const bool all = TRY(call.params.flag("all"));
  if ((all || interest.namespaces) && !call.session.of_engine()) {
    return fail(EPERM, "only clients in the engine's own namespace hear of others");
  }
  if (interest.trace && !(call.session.of_engine() && call.session.client().privileged()))
    return fail(EPERM, "only privileged clients in the engine's own namespace follow what programs print");
  if (const Json* const netns = call.params.find("netns")) {
    interest.netns = TRY(call.session.netns_from(*netns));
  } else if (interest.links && interest.netns == nullptr) {
    return fail(EPERM, "the engine has no part in the caller's namespace");
  }
  if (all) interest.netns = nullptr;
  if (!interest.links && !interest.namespaces && !interest.trace) {
    call.session.unsubscribe();
  } else {
    call.session.subscribe(std::move(interest));
  }
  return {};
}

Result<> close(Call& call) {
  return call.session.client().close(TRY(call.params.number<int>("fd")));
}

}  // namespace

std::span<const Method> session_methods() {
  static constexpr Method kMethods[] = {
      {.name = "hello", .handle = hello, .params = "protocol netns"},
      {.name = "subscribe", .handle = subscribe, .params = "links namespaces all netns trace"},
      {.name = "close", .handle = close, .params = "fd"},
  };
  return kMethods;
}

}  // namespace netkit::rpc
