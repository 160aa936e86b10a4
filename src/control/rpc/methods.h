// The methods: one constexpr table per family, each a file of its own (FAMILY_methods.cpp); a new family is
// such a file and a line in methods.cpp.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/rpc/link_fields.h"
#include "control/rpc/params.h"

namespace netkit::rpc {

class Session;

// One call on its way. `answer` is null at first; what stands in it when the call fails goes out as the
// error's data.
struct Call {
  Session& session;
  Params params;
  Json& answer;
};

// What a method asks of the caller before it is entered. (Capabilities are the kernel's business: src/control
// checks them, at its place in the order of checks.)
enum class Need : std::uint8_t {
  kNothing,
  kNetns,   // works in a namespace: the parameter `netns`, or the client's own
  kEngine,  // reaches what all namespaces share: a client that lives in the engine's own
};

struct Method {
  std::string_view name;
  Result<> (*handle)(Call& call) = nullptr;
  Need need = Need::kNothing;
  std::string_view params{};        // its keys, apart by spaces
  std::span<const Field> fields{};  // whose keys are parameters, too
};

// Null: there is none.
[[nodiscard]] const Method* find_method(std::string_view name);
[[nodiscard]] std::span<const std::span<const Method>> method_families();
// The keys that a method takes, `netns` included.
[[nodiscard]] std::vector<std::string_view> keys_of(const Method& method);

std::span<const Method> session_methods();
std::span<const Method> netns_methods();
std::span<const Method> rtnl_methods();
std::span<const Method> bpf_methods();
std::span<const Method> object_methods();
std::span<const Method> map_methods();
std::span<const Method> pin_methods();
std::span<const Method> tc_methods();
std::span<const Method> stats_methods();

}  // namespace netkit::rpc
