#include <algorithm>
#include <vector>

#include "bpf/helper/kfunc.h"

namespace netkit::bpf {
namespace {

const std::vector<const Helper*>& table() {
  static const std::vector<const Helper*> sorted = [] {
    std::vector<const Helper*> all;
    for (const auto family :
         {iterator_kfuncs(), dynptr_kfuncs(), string_kfuncs(), section_kfuncs(), stream_kfuncs()}) {
      for (const Helper& kfunc : family) all.push_back(&kfunc);
    }
    std::ranges::sort(all, {}, &Helper::name);
    return all;
  }();
  return sorted;
}

}  // namespace

const Helper* find_kfunc(std::string_view name) {
  const auto found = std::ranges::lower_bound(table(), name, {}, &Helper::name);
  return found != table().end() && (*found)->name == name ? *found : nullptr;
}

std::span<const Helper* const> all_kfuncs() {
  return table();
}

}  // namespace netkit::bpf
