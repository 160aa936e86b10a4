#include "port/reassembly.h"

#include <algorithm>

namespace netkit {
namespace {

constexpr std::uint32_t kLongestDatagram = 65535;
constexpr std::size_t kMostIncomplete = 64;

}  // namespace

// False: the datagram is beyond repair.
bool Reassembler::insert(Datagram& datagram, Range range, bool more, std::span<const std::uint8_t> fragment) {
  if (range.end > kLongestDatagram) return false;
  if (more && (fragment.empty() || fragment.size() % 8 != 0)) return false;
  if (std::ranges::find(datagram.ranges, range) != datagram.ranges.end()) return true;  // sent twice
  const auto overlaps = [&](const Range& other) {
    return range.begin < other.end && other.begin < range.end;
  };
  if (std::ranges::any_of(datagram.ranges, overlaps)) return false;
  if (!more) {
    if (datagram.length) return false;
    datagram.length = range.end;
  }
  datagram.ranges.push_back(range);
  datagram.present += range.end - range.begin;
  if (datagram.bytes.size() < range.end) datagram.bytes.resize(range.end);
  std::ranges::copy(fragment, datagram.bytes.begin() + range.begin);
  return !datagram.length || datagram.bytes.size() <= *datagram.length;
}

std::optional<std::vector<std::uint8_t>> Reassembler::add(const FragmentKey& key, std::uint32_t offset,
                                                          bool more, std::span<const std::uint8_t> fragment) {
  auto found = std::ranges::find(datagrams_, key, &Datagram::key);
  if (found == datagrams_.end()) {
    if (datagrams_.size() == kMostIncomplete) datagrams_.pop_front();
    found = datagrams_.insert(datagrams_.end(), Datagram{key, {}, {}, 0, std::nullopt});
  }
  const auto end =
      offset + static_cast<std::uint32_t>(std::min<std::size_t>(fragment.size(), kLongestDatagram + 1));
  if (!insert(*found, {offset, end}, more, fragment)) {
    datagrams_.erase(found);
    return std::nullopt;
  }
  if (!found->length || found->present != *found->length) return std::nullopt;
  std::vector<std::uint8_t> whole = std::move(found->bytes);
  datagrams_.erase(found);
  return whole;
}

}  // namespace netkit
