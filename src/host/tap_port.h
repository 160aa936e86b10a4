// The live port: a TAP whose interface is a netkit end in a kernel network namespace.
//
// Packets on both sides are Ethernet frames: data() is the MAC header. The vnet header carries checksum and
// segmentation state, so super-packets stay whole in both directions. A VLAN tag is out of band in the packet
// and in the bytes on the descriptor.
//
// In L3 mode programs see what a kernel netkit shows them although a TAP cannot have a zero MAC: the
// interface's own address reads as zero (multicast destinations stay), and zero becomes that address again
// towards the pod. A frame that the engine calls OTHERHOST is dropped where the pod's stack would have
// dropped it, and one that it calls HOST gets the interface's address, without which the stack would discard
// it.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "host/uapi.h"
#include "port/atomic_counters.h"
#include "port/port.h"

namespace netkit::host {

struct TapPortOptions {
  MacAddress mac{};  // of the interface
  bool l3 = false;
  bool coalesce = true;  // merge small datagrams and segments of a flow before the write
};

class TapPort final : public Port {
 public:
  // `queues` are the descriptors of one TAP, IFF_VNET_HDR and IFF_NO_PI, one per queue. Switches them to
  // non-blocking and asks for every offload that the kernel grants; needs no capability.
  [[nodiscard]] static Result<std::unique_ptr<TapPort>> make(std::vector<Fd> queues,
                                                             const TapPortOptions& options);
  ~TapPort() override;

  void receive(PacketPool& pool, PacketBatch& batch) override;
  void send(PacketBatch& batch) override;
  void flush() override;
  [[nodiscard]] int poll_fd() const override;
  [[nodiscard]] PortState state() const override {
    return gone_.load() ? PortState::kGone : PortState::kReady;
  }
  [[nodiscard]] PortOffloads offloads() const override { return offloads_; }
  [[nodiscard]] PortCounters counters() const override { return counters_.snapshot(); }
  void set_carrier(bool on) override;
  [[nodiscard]] std::string_view kind() const override { return "tap"; }

  // The interface's address changed (the monitor says so).
  void set_mac(const MacAddress& mac);

  // Several queues: a worker may serve one of them instead of all (receive and poll_fd serve all).
  [[nodiscard]] std::size_t queue_count() const;
  [[nodiscard]] int queue_poll_fd(std::size_t queue) const;
  void receive_from(std::size_t queue, PacketPool& pool, PacketBatch& batch);

 private:
  struct Lane;
  TapPort(std::vector<Fd> queues, const TapPortOptions& options, unsigned granted);
  [[nodiscard]] MacAddress mac() const;
  [[nodiscard]] bool accept(Packet& packet, const VnetHeader& header) const;
  [[nodiscard]] DropReason prepare(Packet& packet, const MacAddress& own) const;
  void write(int fd, Packet& packet);
  [[nodiscard]] DropReason reason_of(int code);

  std::vector<Fd> queues_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  Fd poll_;  // an epoll descriptor over all queues when there are several
  PortOffloads offloads_;
  bool l3_;
  bool coalesce_;
  std::atomic<std::uint64_t> mac_;  // six bytes; changed while packets run
  std::atomic<bool> gone_{false};
  AtomicPortCounters counters_;
};

}  // namespace netkit::host
