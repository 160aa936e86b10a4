#include "tests/differential/generated/sides.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "base/per_cpu.h"
#include "tests/differential/generated/world.h"

namespace netkit::differential {
namespace {

template <class T>
Bytes bytes_of(const T& value) {
  const auto bytes = std::as_bytes(std::span(&value, 1));
  return {bytes.begin(), bytes.end()};
}

Bytes pattern(std::size_t bytes, unsigned seed) {
  Bytes value(bytes);
  for (std::size_t at = 0; at < bytes; ++at) value[at] = static_cast<std::byte>(at * 37 + seed * 11);
  return value;
}

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) text += fmt::format("{:02x}", static_cast<unsigned>(byte));
  return text;
}

std::string first_change(std::span<const std::byte> kernel, std::span<const std::byte> ours) {
  if (kernel.size() != ours.size()) return fmt::format("{} bytes, ours {}", kernel.size(), ours.size());
  const auto at = std::ranges::mismatch(kernel, ours).in1 - kernel.begin();
  const auto from = static_cast<std::size_t>(at) / 8 * 8;
  const std::size_t count = std::min<std::size_t>(8, kernel.size() - from);
  return fmt::format("at {}: {}, ours {}", from, hex(kernel.subspan(from, count)),
                     hex(ours.subspan(from, count)));
}

}  // namespace

std::vector<std::pair<Bytes, Bytes>> first_contents(std::size_t map) {
  std::vector<std::pair<Bytes, Bytes>> contents;
  switch (map) {
    case kResultMap:
      contents.emplace_back(bytes_of(std::uint32_t{0}), Bytes(kResultBytes));
      break;
    case kArrayMap:
      for (std::uint32_t key = 0; key < kEntries; ++key)
        contents.emplace_back(bytes_of(key), pattern(kValueBytes, key));
      break;
    case kHashMap:
      for (std::uint32_t key = 0; key < kEntries; key += 2)
        contents.emplace_back(bytes_of(key), pattern(kValueBytes, key + 50));
      break;
    case kTrieMap:
      for (const std::uint64_t key :
           std::to_array<std::uint64_t>({0, 0x0000'0001'0000'0020, 0x0000'0002'0000'0008}))
        contents.emplace_back(bytes_of(key), pattern(kValueBytes, 90));
      break;
    case kPercpuMap:
      for (std::uint32_t key = 0; key < kEntries; ++key)
        contents.emplace_back(bytes_of(key), pattern(user_value_size(map), key + 30));
      break;
    case kQueueMap:
      contents.emplace_back(Bytes{}, pattern(8, 70));
      contents.emplace_back(Bytes{}, pattern(8, 71));
      break;
    default:
      break;
  }
  return contents;
}

std::size_t user_value_size(std::size_t map) {
  const bpf::MapSpec& spec = kMaps[map];
  return spec.type == bpf::MapType::kPercpuArray ? std::size_t{spec.value_size} * possible_cpus()
                                                 : spec.value_size;
}

Bytes strings() {
  Bytes value(kMaps[kStringsMap].value_size);
  std::ranges::copy(std::as_bytes(std::span(kFormat)), value.begin() + kFormatAt);
  std::ranges::copy(std::as_bytes(std::span(kWord)), value.begin() + kWordAt);
  return value;
}

std::string difference(const Observed& kernel, const Observed& ours) {
  std::string text;
  if (kernel.retval != ours.retval)
    text += fmt::format("retval: {:#x}, ours {:#x}\n", kernel.retval, ours.retval);
  if (kernel.packet != ours.packet)
    text += "packet: " +
            first_change(std::as_bytes(std::span(kernel.packet)), std::as_bytes(std::span(ours.packet))) +
            '\n';
  if (kernel.context != ours.context) text += "context: " + first_change(kernel.context, ours.context) + '\n';
  for (const auto& [map, theirs] : kernel.maps) {
    const auto& mine = ours.maps.at(map);
    if (theirs == mine) continue;
    text += fmt::format("map {}: {} entries, ours {}\n", kMaps[map].name, theirs.size(), mine.size());
    for (const auto& [key, value] : theirs) {
      const auto other = mine.find(key);
      if (other == mine.end()) {
        text += fmt::format("  {} is not in ours\n", hex(key));
      } else if (other->second != value) {
        text += fmt::format("  {} {}\n", hex(key), first_change(value, other->second));
      }
    }
  }
  return text;
}

}  // namespace netkit::differential
