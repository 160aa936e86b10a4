#include <algorithm>
#include <vector>

#include "bpf/helper/families.h"
#include "bpf/helper/kfunc.h"

namespace netkit::bpf {
namespace {

constexpr HelperFamily kFamilies[] = {
    {"iterators", iterator_kfuncs}, {"dynptr_functions", dynptr_kfuncs},
    {"strings", string_kfuncs},     {"sections", section_kfuncs},
    {"print", stream_kfuncs},       {"kernel_memory", cast_kfuncs},
};

const std::vector<const Helper*>& table() {
  static const std::vector<const Helper*> sorted = [] {
    std::vector<const Helper*> all;
    for (const HelperFamily& family : kFamilies) {
      for (const Helper& kfunc : family.helpers()) all.push_back(&kfunc);
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

std::span<const HelperFamily> kfunc_families() {
  return kFamilies;
}

std::span<const Helper* const> all_kfuncs() {
  return table();
}

}  // namespace netkit::bpf
