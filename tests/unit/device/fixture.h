// A network with two namespaces, one worker and programs from text, for the tests of devices.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string_view>
#include <vector>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "device/execution.h"
#include "device/namespace.h"
#include "device/netkit_create.h"
#include "packet/builder.h"

namespace netkit::device {

inline constexpr MacAddress kPrimaryMac{{0x02, 0, 0, 0, 0, 0xa0}};
inline constexpr MacAddress kPeerMac{{0x02, 0, 0, 0, 0, 0xa1}};
inline constexpr MacAddress kStrangerMac{{0x02, 0, 0, 0, 0, 0xee}};

// A loaded tc program from assembler text.
inline bpf::ProgramRef program(std::string_view text) {
  auto image = std::make_shared<bpf::ProgramImage>();
  image->name = "test";
  image->license = "GPL";
  image->gpl_compatible = true;
  image->insns = bpf::assemble(text).value();
  image->functions = {{.name = "test", .first = 0, .count = static_cast<std::uint32_t>(image->insns.size())}};
  return bpf::ProgramTable::instance().publish(bpf::prepare_interpreted(image).value());
}

inline bpf::ProgramRef returning(std::int32_t verdict) {
  return program("w0 = " + std::to_string(verdict) + "; exit");
}

// bpf_redirect, bpf_redirect_peer or bpf_redirect_neigh (by number) to a device, as the verdict.
inline bpf::ProgramRef redirecting(std::uint32_t ifindex, std::uint64_t flags = 0, int helper = 23) {
  return program("r1 = " + std::to_string(ifindex) + "; r2 = " + std::to_string(flags) + "; call " +
                 std::to_string(helper) + "; exit");
}

// What a device hands to the stack above it.
class Inbox final : public Port {
 public:
  void receive(PacketPool&, PacketBatch&) override {}
  void send(PacketBatch& batch) override {
    for (PacketPtr& packet : batch) packets.push_back(std::move(packet));
    batch.clear();
  }
  [[nodiscard]] PortOffloads offloads() const override {
    return {.checksum = true, .tso4 = true, .tso6 = true, .uso = true, .max_len = kMaxPacket};
  }
  [[nodiscard]] PortCounters counters() const override { return {}; }
  [[nodiscard]] std::string_view kind() const override { return "inbox"; }

  std::vector<PacketPtr> packets;
};

class DeviceTest : public ::testing::Test {
 protected:
  DeviceTest() {
    const Rtnl rtnl = network_.lock();
    host_ = network_.add_namespace(rtnl, "host").value();
    pod_ = network_.add_namespace(rtnl, "pod").value();
  }
  ~DeviceTest() override {
    execution().settle();
    inbox_.packets.clear();
    rcu::drain();
  }

  // Primary nk0 in host; peer nk1 in pod, or in host as well.
  [[nodiscard]] NetkitSpec pair_spec(NetkitMode mode, bool same_namespace = false) {
    NetkitSpec spec;
    spec.mode = mode;
    spec.primary.netns = host_.get();
    spec.primary.name = "nk0";
    spec.peer.netns = same_namespace ? host_.get() : pod_.get();
    spec.peer.name = "nk1";
    if (mode == NetkitMode::kL2) {
      spec.primary.generic.mac = kPrimaryMac;
      spec.peer.generic.mac = kPeerMac;
    }
    return spec;
  }
  // Registers the pair, sets both ends up, and puts the inbox above the peer.
  void create(const NetkitSpec& spec, bool up = true) {
    const Rtnl rtnl = network_.lock();
    primary_ = create_netkit(rtnl, network_, spec).value();
    ASSERT_TRUE(!up || primary_->set_up(rtnl, true));
    if (primary_->other() == nullptr) return;
    peer_ = std::static_pointer_cast<Netkit>(primary_->other()->shared_from_this());
    peer_->set_upper_port(rtnl, &inbox_);
    ASSERT_TRUE(!up || peer_->set_up(rtnl, true));
  }
  void attach(ProgramList& list, const bpf::ProgramRef& attached) {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(list.attach(rtnl, {.program = attached}));
  }

  [[nodiscard]] static PacketBuilder frame(const MacAddress& to = kPeerMac) {
    PacketBuilder builder;
    builder.ethernet(kPrimaryMac, to).ip("10.0.0.1", "10.0.0.2").udp(1000, 2000).payload("hello");
    return builder;
  }
  [[nodiscard]] PacketPtr packet(const MacAddress& to = kPeerMac) { return frame(to).build(pool_); }
  // The stack above the device sends; what then waits in the backlog stays there.
  TransmitStatus transmit(Device& device, PacketPtr sent) {
    const rcu::Section section;
    PacketBatch batch;
    batch.push(std::move(sent));
    return execution().transmit(device, batch);
  }
  // The same without queueing layer: how the transmit routine is reached when there is no carrier.
  TransmitStatus transmit_routine(Device& device, PacketPtr sent) {
    const rcu::Section section;
    PacketBatch batch;
    batch.push(std::move(sent));
    batch[0]->meta.dev = &device;
    return device.start_transmit(execution(), batch);
  }
  void settle() {
    const rcu::Section section;
    execution().settle();
  }
  // Sends one packet from the primary and lets it arrive.
  const Packet* deliver(PacketPtr sent) {
    inbox_.packets.clear();
    (void)transmit(*primary_, std::move(sent));
    settle();
    return inbox_.packets.empty() ? nullptr : inbox_.packets.front().get();
  }
  [[nodiscard]] Execution& execution() {
    if (execution_ == nullptr) execution_ = std::make_unique<Execution>(network_, 0, pool_, backlog_limit_);
    return *execution_;
  }
  [[nodiscard]] static std::uint64_t lost(const FlowTotals& flow, DropReason reason) {
    return flow.dropped[static_cast<std::size_t>(reason)];
  }

  PacketPool pool_;
  Network network_;
  std::size_t backlog_limit_ = Backlog::kDefaultLimit;
  NamespaceRef host_;
  NamespaceRef pod_;
  std::shared_ptr<Netkit> primary_;
  std::shared_ptr<Netkit> peer_;
  Inbox inbox_;

 private:
  std::unique_ptr<Execution> execution_;
};

// Every packet that was offered has one fate.
inline void expect_balanced(const FlowTotals& flow) {
  EXPECT_EQ(flow.offered, flow.forwarded + flow.redirected + flow.segmented + flow.lost());
}

}  // namespace netkit::device
