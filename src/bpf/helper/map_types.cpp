#include "bpf/helper/map_types.h"

#include <algorithm>
#include <array>

#include "bpf/helper/helper.h"

namespace netkit::bpf {
namespace {

// A type and the helpers that it takes part in. An exclusive type takes part in no others.
struct Row {
  MapType type;
  bool exclusive;
  std::array<std::uint8_t, 5> helpers;  // numbers, 0 behind the last
};

constexpr std::array kRows = {
    Row{MapType::kProgArray, true, {12}},
    Row{MapType::kPerfEventArray, true, {25, 22, 55}},
    Row{MapType::kStackTrace, true, {27}},
    Row{MapType::kCgroupArray, true, {33, 37}},
    Row{MapType::kDevmap, true, {1, 51}},
    Row{MapType::kDevmapHash, true, {1, 51}},
    Row{MapType::kCpumap, true, {51}},
    Row{MapType::kXskmap, true, {1, 51}},
    Row{MapType::kArrayOfMaps, true, {1}},
    Row{MapType::kHashOfMaps, true, {1}},
    Row{MapType::kSockmap, true, {1, 2, 3, 52, 60}},
    Row{MapType::kSockhash, true, {1, 2, 3, 71, 72}},
    Row{MapType::kQueue, true, {87, 88, 89}},
    Row{MapType::kStack, true, {87, 88, 89}},
    Row{MapType::kBloomFilter, true, {87, 89}},
    Row{MapType::kSkStorage, true, {107, 108}},
    Row{MapType::kRingbuf, true, {130, 131, 134, 198}},
    Row{MapType::kUserRingbuf, true, {209}},
    Row{MapType::kPercpuArray, false, {195}},
    Row{MapType::kPercpuHash, false, {195}},
    Row{MapType::kLruPercpuHash, false, {195}},
};

constexpr std::uint32_t kLastOfAnyType = 3;  // lookup, update and delete are for plain types, too

constexpr bool names(const Row& row, std::uint32_t helper) {
  return std::ranges::find(row.helpers, helper) != row.helpers.end();
}

constexpr bool is_exclusive(std::uint32_t helper) {
  return helper > kLastOfAnyType &&
         std::ranges::any_of(kRows, [&](const Row& row) { return names(row, helper); });
}

// Asked at every call: bit t of the word of a helper is what it says of type t.
constexpr std::uint32_t kTypes = 64;
constexpr auto kTaken = [] {
  std::array<std::uint64_t, kKernelHelpers + 1> taken{};
  for (std::uint32_t helper = 0; helper < taken.size(); ++helper) {
    taken[helper] = is_exclusive(helper) ? 0 : ~std::uint64_t{0};
    for (const Row& row : kRows) {
      const std::uint64_t type = std::uint64_t{1} << static_cast<std::uint32_t>(row.type);
      if (names(row, helper)) {
        taken[helper] |= type;
      } else if (row.exclusive) {
        taken[helper] &= ~type;
      }
    }
  }
  return taken;
}();

}  // namespace

bool helper_takes_map(std::uint32_t helper, MapType type) {
  const auto number = static_cast<std::uint32_t>(type);
  return helper < kTaken.size() && number < kTypes && ((kTaken[helper] >> number) & 1) != 0;
}

}  // namespace netkit::bpf
