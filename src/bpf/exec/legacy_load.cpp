#include "bpf/exec/legacy_load.h"

namespace netkit::bpf {
namespace {

constexpr std::int32_t kNetworkBase = -0x100000;  // SKF_NET_OFF
constexpr std::int32_t kMacBase = -0x200000;      // SKF_LL_OFF

std::uint32_t big_endian(const std::uint8_t* at, unsigned size) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < size; ++i) value = value << 8U | at[i];
  return value;
}

// Only the linear part counts from a header, but also what is in front of data.
const std::uint8_t* from_header(Packet& packet, std::uint32_t header, std::int32_t offset, unsigned size) {
  if (header == kUnset) return nullptr;
  const std::int64_t at = std::int64_t{header} + offset;
  if (at < 0 || at + size > std::int64_t{packet.headroom()} + packet.linear_len()) return nullptr;
  return packet.buffer() + at;
}

const std::uint8_t* locate(Packet& packet, std::int32_t offset, unsigned size) {
  if (offset >= 0) return packet.range(static_cast<std::uint32_t>(offset), size).data();
  if (offset >= kNetworkBase)
    return from_header(packet, packet.meta.network_header, offset - kNetworkBase, size);
  if (offset >= kMacBase) return from_header(packet, packet.meta.mac_header, offset - kMacBase, size);
  return nullptr;
}

}  // namespace

std::optional<std::uint32_t> legacy_load(Packet& packet, std::uint64_t offset, unsigned size) {
  const std::uint8_t* at = locate(packet, static_cast<std::int32_t>(offset), size);
  if (at == nullptr) return std::nullopt;
  return big_endian(at, size);
}

}  // namespace netkit::bpf
