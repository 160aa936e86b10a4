// Kernel constants and structures that the C library's headers lack, are too old for, or define in a way that
// is not valid C++. Names and values are the kernel's.
#pragma once

#include <cstdint>

namespace netkit::host {

// linux/if_tun.h: offloads for TUNSETOFFLOAD (USO since 6.2).
inline constexpr unsigned kTunCsum = 0x01;
inline constexpr unsigned kTunTso4 = 0x02;
inline constexpr unsigned kTunTso6 = 0x04;
inline constexpr unsigned kTunTsoEcn = 0x08;
inline constexpr unsigned kTunUso4 = 0x20;
inline constexpr unsigned kTunUso6 = 0x40;

// linux/virtio_net.h, whose C header is not valid C++: struct virtio_net_hdr, in host byte order for a TAP.
struct VnetHeader {
  static constexpr std::uint8_t kNeedsCsum = 1;  // flags
  static constexpr std::uint8_t kDataValid = 2;
  static constexpr std::uint8_t kGsoNone = 0;  // gso_type
  static constexpr std::uint8_t kGsoTcp4 = 1;
  static constexpr std::uint8_t kGsoTcp6 = 4;
  static constexpr std::uint8_t kGsoUdpL4 = 5;
  static constexpr std::uint8_t kGsoEcn = 0x80;  // a bit beside the type

  std::uint8_t flags = 0;
  std::uint8_t gso_type = kGsoNone;
  std::uint16_t hdr_len = 0;   // bytes that lie in the linear part, of a GSO packet
  std::uint16_t gso_size = 0;  // payload bytes of a segment
  std::uint16_t csum_start = 0;
  std::uint16_t csum_offset = 0;

  friend bool operator==(const VnetHeader&, const VnetHeader&) = default;
};
static_assert(sizeof(VnetHeader) == 10);

}  // namespace netkit::host
