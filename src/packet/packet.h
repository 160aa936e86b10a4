// A packet: one contiguous buffer, a linear length, and the metadata that the kernel keeps in struct sk_buff.
//
//   buffer            data                data+linear        data+len              buffer+capacity
//     |---- headroom ---|------ linear ------|-- not linear ----|------ tailroom ------|
//
// The bytes behind the linear length are in the buffer like all others; they only stand for what would lie in
// page fragments in the kernel: data_end of a program is the end of the linear part, and make_linear (the
// kernel's pull) moves that border. Header positions are offsets from the buffer's start, so that push and
// pull leave them where they are, as in the kernel.
//
// A packet is owned by exactly one place (PacketPtr) and moved between devices, never copied.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "base/clock.h"
#include "base/endian.h"
#include "packet/tunnel_info.h"

namespace netkit {

namespace device {
class Device;
}
class PacketPool;

inline constexpr std::uint32_t kEthernetHeader = 14;
inline constexpr std::uint32_t kMinHeadroom = 256;    // in front of every packet that a port receives
inline constexpr std::uint32_t kMaxPacket = 524'288;  // the largest super-packet (8 * 65535 and a header)
inline constexpr std::uint32_t kUnset = 0xffff'ffff;  // a header position that is not known

// Where the packet is addressed (linux/if_packet.h); the values programs see in pkt_type.
enum class PacketType : std::uint8_t {
  kHost = 0,
  kBroadcast = 1,
  kMulticast = 2,
  kOtherhost = 3,
  kOutgoing = 4,
  kLoopback = 5
};

// Which clock `tstamp` counts by; tstamp_type of __sk_buff.
enum class TimestampType : std::uint8_t { kRealtime = 0, kMonotonic = 1, kTai = 2 };

// How far the transport checksum of a packet is done (skbuff.h: CHECKSUM_*).
enum class ChecksumState : std::uint8_t {
  kNone,         // nothing known; the bytes hold whatever was sent
  kUnnecessary,  // somebody has verified `level` + 1 checksums
  kComplete,     // `sum` is the sum of all bytes from the network header on
  kPartial,      // still to be computed: from `start` to the end, stored at `start + offset`
};

struct Checksum {
  ChecksumState state = ChecksumState::kNone;
  std::uint8_t level = 0;    // kUnnecessary
  std::uint32_t start = 0;   // kPartial: position from the buffer's start
  std::uint16_t offset = 0;  // kPartial: of the field, from `start`
  std::uint32_t sum = 0;     // kComplete: unfolded one's complement sum, as in memory
};

// What kind of super-packet this is (skbuff.h: SKB_GSO_*); bits, since tunnels combine with the inner kind.
enum GsoType : std::uint32_t {
  kGsoNone = 0,
  kGsoTcp4 = 1U << 0,
  kGsoDodgy = 1U << 1,  // sizes come from outside or were changed by a program
  kGsoTcpEcn = 1U << 2,
  kGsoTcpFixedId = 1U << 3,
  kGsoTcp6 = 1U << 4,
  kGsoGre = 1U << 6,
  kGsoGreCsum = 1U << 7,
  kGsoIpxip4 = 1U << 8,
  kGsoIpxip6 = 1U << 9,
  kGsoUdpTunnel = 1U << 10,
  kGsoUdpTunnelCsum = 1U << 11,
  kGsoUdpL4 = 1U << 17,
};

struct Gso {
  std::uint32_t type = kGsoNone;
  std::uint16_t size = 0;  // payload bytes of each segment
  std::uint16_t segs = 0;  // 0: not counted
};

// The VLAN tag that is held beside the bytes (out of band).
struct VlanTag {
  bool present = false;
  Be16 proto{};           // 0x8100 or 0x88a8
  std::uint16_t tci = 0;  // host order
};

// Everything that travels with a packet but is not in its bytes. Names are those of struct sk_buff.
struct PacketMeta {
  // Which device the packet is at, and the number that programs see for it (in that device's namespace).
  device::Device* dev = nullptr;
  std::uint32_t ifindex = 0;
  std::uint32_t skb_iif = 0;  // ingress_ifindex; 0: none

  // Header positions, from the buffer's start; kUnset: not known.
  std::uint32_t mac_header = kUnset;
  std::uint32_t network_header = kUnset;
  std::uint32_t transport_header = kUnset;
  std::uint32_t inner_mac_header = kUnset;
  std::uint32_t inner_network_header = kUnset;
  std::uint32_t inner_transport_header = kUnset;
  std::uint16_t mac_len = 0;
  std::uint16_t meta_len = 0;  // bytes of metadata area in front of data (data_meta = data - meta_len)

  Be16 protocol{};  // EtherType as the stack demultiplexes it
  PacketType pkt_type = PacketType::kHost;
  TimestampType tstamp_type = TimestampType::kRealtime;
  std::uint32_t mark = 0;
  std::uint32_t priority = 0;
  std::uint16_t queue_mapping = 0;
  std::uint16_t tc_index = 0;
  std::uint16_t tc_classid = 0;
  bool encapsulation = false;
  bool at_ingress = false;  // tc_at_ingress: the present hook is on the receive side
  bool redirected = false;
  bool from_ingress = false;  // redirected by a receive-side hook
  bool nf_skip_egress = false;
  bool l4_hash = false;
  bool sw_hash = false;
  bool ignore_df = false;
  std::uint32_t hash = 0;
  std::uint32_t napi_id = 0;
  std::uint32_t wire_len = 0;  // 0: not computed, reads as the length
  std::array<std::uint32_t, 5> cb{};
  Nanoseconds tstamp = 0;
  Nanoseconds hwtstamp = 0;
  VlanTag vlan;
  Gso gso;
  Checksum csum;
  std::uint64_t socket = 0;  // handle of the sending socket in the engine's socket table; 0: none
  TunnelPtr tunnel;          // tunnel metadata; empty: none
};

class Packet {
 public:
  Packet(const Packet&) = delete;
  Packet& operator=(const Packet&) = delete;

  PacketMeta meta;

  // ---- bytes ----
  [[nodiscard]] std::uint8_t* data() { return buffer_ + data_; }
  [[nodiscard]] const std::uint8_t* data() const { return buffer_ + data_; }
  [[nodiscard]] std::uint32_t len() const { return len_; }
  [[nodiscard]] std::uint32_t linear_len() const { return linear_; }
  [[nodiscard]] bool is_linear() const { return linear_ == len_; }
  [[nodiscard]] std::uint8_t* data_end() { return data() + linear_; }
  [[nodiscard]] std::uint32_t headroom() const { return data_; }
  [[nodiscard]] std::uint32_t tailroom() const { return capacity_ - data_ - len_; }
  [[nodiscard]] std::uint32_t capacity() const { return capacity_; }
  [[nodiscard]] std::span<std::uint8_t> bytes() { return {data(), len_}; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {data(), len_}; }
  // The range [offset, offset + count) of the packet, or an empty span when it is not inside.
  [[nodiscard]] std::span<std::uint8_t> range(std::uint32_t offset, std::uint32_t count) {
    if (offset > len_ || count > len_ - offset) return {};
    return {data() + offset, count};
  }
  [[nodiscard]] std::span<const std::uint8_t> range(std::uint32_t offset, std::uint32_t count) const {
    if (offset > len_ || count > len_ - offset) return {};
    return {data() + offset, count};
  }

  // Linear length: 0 <= n <= len.
  void set_linear_len(std::uint32_t n) { linear_ = n <= len_ ? n : len_; }
  // Makes at least the first n bytes linear; false when the packet is shorter.
  [[nodiscard]] bool make_linear(std::uint32_t n) {
    if (n > len_) return false;
    if (n > linear_) linear_ = n;
    return true;
  }

  // Removes n bytes from the front; the caller has checked n <= linear_len().
  void pull(std::uint32_t n) {
    data_ += n;
    len_ -= n;
    linear_ -= n <= linear_ ? n : linear_;
  }
  // Gives back n bytes of headroom to the front, contents as they are; the caller has checked headroom().
  void push(std::uint32_t n) {
    data_ -= n;
    len_ += n;
    linear_ += n;
  }
  // Cuts the packet to n bytes (n <= len).
  void trim(std::uint32_t n) {
    len_ = n;
    if (linear_ > n) linear_ = n;
  }
  // Appends n zero bytes (all linear afterwards); false when there is no tailroom.
  [[nodiscard]] bool append_zero(std::uint32_t n) {
    if (n > tailroom()) return false;
    std::memset(data() + len_, 0, n);
    len_ += n;
    linear_ = len_;
    return true;
  }
  // Appends n bytes, contents undefined, and returns where they are; the caller has checked tailroom().
  [[nodiscard]] std::uint8_t* append(std::uint32_t n) {
    std::uint8_t* at = data() + len_;
    len_ += n;
    linear_ = len_;
    return at;
  }
  // Makes sure of `head` bytes of headroom and `tail` of tailroom, by moving the bytes inside the buffer or
  // into a buffer of a larger class of the same pool. Header positions move along. False: no memory; the
  // packet is unchanged.
  [[nodiscard]] bool reserve(std::uint32_t head, std::uint32_t tail);

  // Replaces the contents: headroom bytes free in front, n bytes of packet, all linear (n + headroom <=
  // capacity).
  void reset_bytes(std::uint32_t headroom, std::uint32_t n) {
    data_ = headroom;
    len_ = linear_ = n;
  }
  // All metadata back to that of a fresh packet.
  void reset_meta() { meta = PacketMeta{}; }

  // ---- header positions, as offsets from data; negative when data is behind the header ----
  void set_mac_header(std::int32_t from_data = 0) { meta.mac_header = at(from_data); }
  void set_network_header(std::int32_t from_data) { meta.network_header = at(from_data); }
  void set_transport_header(std::int32_t from_data) { meta.transport_header = at(from_data); }
  [[nodiscard]] std::int32_t offset_of(std::uint32_t position) const {
    return static_cast<std::int32_t>(position) - static_cast<std::int32_t>(data_);
  }
  [[nodiscard]] std::uint32_t at(std::int32_t from_data) const {
    return static_cast<std::uint32_t>(static_cast<std::int32_t>(data_) + from_data);
  }
  [[nodiscard]] std::uint8_t* buffer() { return buffer_; }

 private:
  friend class PacketPool;
  friend struct PacketReturn;
  Packet() = default;

  // Where the bytes that must survive a move begin: behind data are also those in front of it that a header
  // position or the metadata area still names.
  [[nodiscard]] std::uint32_t live_front() const;
  // The bytes have moved `shift` bytes towards the end of the buffer: the positions follow.
  void shift_positions(std::int32_t shift);

  std::uint8_t* buffer_ = nullptr;
  std::uint32_t capacity_ = 0;
  std::uint32_t data_ = 0;
  std::uint32_t len_ = 0;
  std::uint32_t linear_ = 0;
  PacketPool* pool_ = nullptr;  // where it goes back to
  Packet* next_ = nullptr;      // in the pool's free list
  std::uint8_t size_class_ = 0;
};

// Gives a packet back to its pool, from whatever thread.
struct PacketReturn {
  void operator()(Packet* packet) const noexcept;
};
using PacketPtr = std::unique_ptr<Packet, PacketReturn>;

}  // namespace netkit
