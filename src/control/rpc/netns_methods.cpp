// Methods about namespaces by name: for clients in the engine's own namespace.
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "control/netns.h"
#include "control/rpc/error.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"
#include "device/namespace.h"

namespace netkit::rpc {
namespace {

constexpr Word kHomes[] = {{"process", static_cast<std::uint32_t>(control::Home::kProcess)},
                           {"kernel", static_cast<std::uint32_t>(control::Home::kKernel)}};

Result<> add(Call& call) {
  const auto usual = call.session.service().live() ? control::Home::kKernel : control::Home::kProcess;
  const auto home = static_cast<control::Home>(
      TRY(call.params.number_or("home", static_cast<std::uint8_t>(usual), kHomes)));
  TRY(control::add_namespace(call.session.client(), TRY(call.params.text("name")), home));
  return {};
}

Result<> del(Call& call) {
  const Json name{{"name", TRY(call.params.text("name"))}};
  return control::remove_namespace(call.session.client(), TRY(call.session.netns_from(name)));
}

Result<> list(Call& call) {
  call.answer = Json::array();
  for (const device::NamespaceRef& netns : control::list_namespaces(call.session.client())) {
    call.answer.push_back({{"name", netns->name()},
                           {"id", netns->cookie()},
                           {"home", name_of(kHomes, netns->mirrored() ? 1 : 0)},
                           {"own", netns == call.session.home()}});
  }
  return {};
}

}  // namespace

std::span<const Method> netns_methods() {
  static constexpr Method kMethods[] = {
      {.name = "netns.add", .handle = add, .need = Need::kEngine, .params = "name home"},
      {.name = "netns.del", .handle = del, .need = Need::kEngine, .params = "name"},
      {.name = "netns.list", .handle = list, .need = Need::kEngine},
  };
  return kMethods;
}

}  // namespace netkit::rpc
