// The transmit path takes nothing from the heap once it is warm.
#include <gtest/gtest.h>

#include "fixture.h"
#include "tests/support/allocation_counter.h"

namespace netkit::device {
namespace {

class AllocationTest : public DeviceTest {
 protected:
  // Heap allocations of sending and delivering 64 packets, after as many to warm up.
  std::uint64_t allocations_of_a_batch() {
    {
      const Rtnl rtnl = network_.lock();
      peer_->set_upper_port(rtnl, nullptr);
    }
    send_batch();
    return send_batch();
  }

 private:
  std::uint64_t send_batch() {
    const rcu::Section section;
    PacketBatch batch;
    while (!batch.full()) batch.push(packet());
    Execution& worker = execution();
    const std::uint64_t before = netkit::testing::allocations();
    (void)worker.transmit(*primary_, batch);
    worker.drain();
    worker.flush();
    return netkit::testing::allocations() - before;
  }
};

TEST_F(AllocationTest, PassingThroughProgramsAllocatesNothing) {
  NETKIT_NEEDS_ALLOCATION_COUNT();
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs, returning(-1));
  attach(peer_->tcx_ingress, returning(-1));
  EXPECT_EQ(allocations_of_a_batch(), 0U);
  EXPECT_EQ(peer_->stats().rx_packets, 2 * PacketBatch::kCapacity);
}

TEST_F(AllocationTest, ClassicFiltersAllocateNothing) {
  NETKIT_NEEDS_ALLOCATION_COUNT();
  create(pair_spec(NetkitMode::kL2));
  for (Device* const device : {static_cast<Device*>(primary_.get()), static_cast<Device*>(peer_.get())}) {
    const Rtnl rtnl = network_.lock();
    device->clsact.install(rtnl, QdiscKind::kClsact);
    for (const Direction direction : {Direction::kIngress, Direction::kEgress})
      device->clsact.block(rtnl, direction)
          ->put(rtnl, 0, 1, kEveryProtocol, {.handle = 1, .program = returning(0), .direct_action = true});
  }
  EXPECT_EQ(allocations_of_a_batch(), 0U);
  EXPECT_EQ(peer_->stats().rx_packets, 2 * PacketBatch::kCapacity);
}

TEST_F(AllocationTest, RedirectingAllocatesNothing) {
  NETKIT_NEEDS_ALLOCATION_COUNT();
  create(pair_spec(NetkitMode::kL2, true));
  attach(primary_->programs, redirecting(peer_->ifindex(), bpf::kRedirectIngress));
  EXPECT_EQ(allocations_of_a_batch(), 0U);
  EXPECT_EQ(primary_->transmit_totals().redirected, 2 * PacketBatch::kCapacity);
}

}  // namespace
}  // namespace netkit::device
