#include "control/rpc/methods.h"

#include <algorithm>

#include "base/text.h"

namespace netkit::rpc {

std::span<const std::span<const Method>> method_families() {
  static const std::span<const Method> kFamilies[] = {session_methods(), netns_methods(),  rtnl_methods(),
                                                      bpf_methods(),     object_methods(), map_methods(),
                                                      pin_methods(),     tc_methods(),     stats_methods()};
  return kFamilies;
}

const Method* find_method(std::string_view name) {
  for (const std::span<const Method> family : method_families()) {
    const auto found = std::ranges::find(family, name, &Method::name);
    if (found != family.end()) return &*found;
  }
  return nullptr;
}

std::vector<std::string_view> keys_of(const Method& method) {
  std::vector<std::string_view> keys = split_words(method.params);
  if (method.need == Need::kNetns) keys.emplace_back("netns");
  for (const Field& field : method.fields) {
    if (field.request != Field::kReadOnly) keys.push_back(field.key);
  }
  return keys;
}

}  // namespace netkit::rpc
