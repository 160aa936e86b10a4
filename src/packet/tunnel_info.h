// Tunnel metadata of a packet (struct ip_tunnel_info): which tunnel it came through, or is to leave through.
// Written by bpf_skb_set_tunnel_key or a device that decapsulates, read by bpf_skb_get_tunnel_key or a device
// that encapsulates.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <utility>

namespace netkit {

// IP_TUNNEL_*_BIT in the order of the old 16-bit flags (TUNNEL_CSUM and so on), which is how programs see
// them.
enum TunnelFlag : std::uint16_t {
  kTunnelCsum = 0x0001,
  kTunnelKey = 0x0004,
  kTunnelSeq = 0x0008,
  kTunnelDontFragment = 0x0100,
  kTunnelGeneveOptions = 0x0800,
  kTunnelVxlanOptions = 0x1000,
  kTunnelNoCache = 0x2000,
  kTunnelErspanOptions = 0x4000,
  kTunnelGtpOptions = 0x8000,
  kTunnelAnyOptions = kTunnelGeneveOptions | kTunnelVxlanOptions | kTunnelErspanOptions | kTunnelGtpOptions,
};

struct TunnelInfo {
  static constexpr std::size_t kMaxOptions = 255;  // IP_TUNNEL_OPTS_MAX

  std::uint64_t id = 0;   // host order
  bool ipv6 = false;      // family of the outer addresses
  bool transmit = false;  // set by a program, to leave through a tunnel; else it came through one
  std::uint8_t tos = 0;
  std::uint8_t ttl = 0;
  std::uint16_t flags = 0;             // TunnelFlag
  std::uint32_t label = 0;             // flow label of IPv6, host order
  std::array<std::uint8_t, 16> src{};  // network order, IPv4 in the first four bytes
  std::array<std::uint8_t, 16> dst{};
  std::uint8_t options_length = 0;
  std::array<std::uint8_t, kMaxOptions> options{};
};

// Shared ownership of tunnel metadata by the packet and its clones. Its memory comes from a small store of
// each thread, so that setting it for every packet allocates nothing.
class TunnelPtr {
 public:
  TunnelPtr() = default;
  [[nodiscard]] static TunnelPtr make();

  TunnelPtr(const TunnelPtr& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->owners.fetch_add(1, std::memory_order_relaxed);
  }
  TunnelPtr(TunnelPtr&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  TunnelPtr& operator=(TunnelPtr other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~TunnelPtr() {
    if (block_ != nullptr) release();
  }

  [[nodiscard]] explicit operator bool() const { return block_ != nullptr; }
  [[nodiscard]] const TunnelInfo* operator->() const { return &block_->info; }
  [[nodiscard]] const TunnelInfo& operator*() const { return block_->info; }
  // To change: a copy of one's own, if others share it. Not for an empty one.
  [[nodiscard]] TunnelInfo& own();

 private:
  struct Block {
    TunnelInfo info;
    std::atomic<std::uint32_t> owners{1};
  };
  friend class TunnelStore;
  void release() noexcept;

  Block* block_ = nullptr;
};

}  // namespace netkit
