// Methods about pins: bpf(2)'s two commands, and what stat(2), unlink(2) and their like do on bpffs.
#include <nlohmann/json.hpp>

#include "control/pin_tree.h"
#include "control/pins.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

using control::PinEntry;

constexpr Word kKinds[] = {{"dir", static_cast<std::uint32_t>(control::PinKind::kDirectory)},
                           {"prog", static_cast<std::uint32_t>(control::PinKind::kProgram)},
                           {"map", static_cast<std::uint32_t>(control::PinKind::kMap)},
                           {"link", static_cast<std::uint32_t>(control::PinKind::kLink)}};

Json describe(const PinEntry& entry) {
  return {{"name", entry.name}, {"object", name_of(kKinds, static_cast<std::uint32_t>(entry.kind))},
          {"id", entry.id},     {"mode", entry.mode},
          {"uid", entry.uid},   {"gid", entry.gid}};
}

control::PinTree& tree(Call& call) {
  return call.session.client().system().pins;
}

const control::Credentials& who(Call& call) {
  return call.session.client().credentials();
}

Result<std::string> path(const Call& call) {
  return call.params.text("path");
}

Result<> obj_pin(Call& call) {
  return control::pin_object(call.session.client(), TRY(call.params.number<std::int32_t>("fd")),
                             TRY(path(call)), TRY(call.params.number_or<std::uint32_t>("file_flags", 0)));
}

Result<> obj_get(Call& call) {
  const auto flags = TRY(call.params.number_or<std::uint32_t>("file_flags", 0, kMapAccess));
  call.answer = {{"fd", TRY(control::open_pin(call.session.client(), TRY(path(call)), flags))}};
  return {};
}

Result<> unlink(Call& call) {
  return tree(call).unlink(who(call), TRY(path(call)));
}

Result<> mkdir(Call& call) {
  constexpr std::uint32_t kUsual = 0777;
  return tree(call).make_directory(who(call), TRY(path(call)),
                                   TRY(call.params.number_or<std::uint32_t>("mode", kUsual)));
}

Result<> rmdir(Call& call) {
  return tree(call).remove_directory(who(call), TRY(path(call)));
}

Result<> list(Call& call) {
  const auto entries = TRY(tree(call).list(who(call), TRY(path(call))));
  call.answer = Json::array();
  for (const PinEntry& entry : entries) call.answer.push_back(describe(entry));
  return {};
}

Result<> stat(Call& call) {
  call.answer = describe(TRY(tree(call).stat(who(call), TRY(path(call)))));
  return {};
}

Result<> chmod(Call& call) {
  return tree(call).change_mode(who(call), TRY(path(call)), TRY(call.params.number<std::uint32_t>("mode")));
}

Result<> chown(Call& call) {
  return tree(call).change_owner(who(call), TRY(path(call)), TRY(call.params.number<std::uint32_t>("uid")),
                                 TRY(call.params.number<std::uint32_t>("gid")));
}

Result<> paths(Call& call) {
  const auto kind = TRY(call.params.number<std::uint8_t>("object", kKinds));
  const auto id = TRY(call.params.number<std::uint32_t>("id"));
  call.answer = tree(call).paths_of(static_cast<control::PinKind>(kind), id);
  return {};
}

}  // namespace

std::span<const Method> pin_methods() {
  static constexpr Method kMethods[] = {
      {.name = "bpf.obj_pin", .handle = obj_pin, .need = Need::kEngine, .params = "fd path file_flags"},
      {.name = "bpf.obj_get", .handle = obj_get, .need = Need::kEngine, .params = "path file_flags"},
      {.name = "pin.unlink", .handle = unlink, .need = Need::kEngine, .params = "path"},
      {.name = "pin.mkdir", .handle = mkdir, .need = Need::kEngine, .params = "path mode"},
      {.name = "pin.rmdir", .handle = rmdir, .need = Need::kEngine, .params = "path"},
      {.name = "pin.list", .handle = list, .need = Need::kEngine, .params = "path"},
      {.name = "pin.stat", .handle = stat, .need = Need::kEngine, .params = "path"},
      {.name = "pin.chmod", .handle = chmod, .need = Need::kEngine, .params = "path mode"},
      {.name = "pin.chown", .handle = chown, .need = Need::kEngine, .params = "path uid gid"},
      {.name = "pin.paths", .handle = paths, .need = Need::kEngine, .params = "object id"},
  };
  return kMethods;
}

}  // namespace netkit::rpc
