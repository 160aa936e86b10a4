// The data path while configuration changes under it: lists are replaced as a whole, and nothing is lost or
// counted twice. Run it under ThreadSanitizer too.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "fixture.h"

namespace netkit::device {
namespace {

constexpr std::uint32_t kPackets = 20'000;

class ConcurrencyTest : public DeviceTest {
 protected:
  // Sends from the primary on a worker thread, while `change` is called again and again on this one.
  template <class Change>
  void send_during(Change&& change) {
    std::atomic<bool> done = false;
    std::jthread worker([&] {
      const rcu::Reader reader;
      PacketPool pool;
      {
        Execution worker_execution(network_, 1 % possible_cpus(), pool);
        for (std::uint32_t i = 0; i < kPackets; ++i) {
          PacketBatch batch;
          batch.push(frame().build(pool));
          (void)worker_execution.transmit(*primary_, batch);
          worker_execution.drain();
          worker_execution.quiescent();
        }
        worker_execution.settle();
      }
      inbox_.packets.clear();
      done = true;
    });
    while (!done) change();
  }
};

TEST_F(ConcurrencyTest, APacketSeesTheOldListOrTheNewOneNeverAMixture) {
  create(pair_spec(NetkitMode::kL2));
  // Either both programs of the pair run, or neither: the first counts up in cb[0], the second drops what the
  // first has not seen. A mixture would show as a drop.
  const bpf::ProgramRef first = program("w2 = 1; *(u32 *)(r1 +48) = r2; w0 = -1; exit");
  const bpf::ProgramRef second =
      program("r2 = *(u32 *)(r1 +48); w0 = 2; if r2 == 0 goto out; w0 = 0; out: exit");
  const bpf::ProgramRef replacement = program("w2 = 2; *(u32 *)(r1 +48) = r2; w0 = -1; exit");
  attach(primary_->programs, first);
  attach(primary_->programs, second);
  bpf::ProgramRef present = first;
  bpf::ProgramRef next = replacement;
  send_during([&] {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(
        primary_->programs.attach(rtnl, {.program = next, .replaced = present.get(), .flags = kReplace}));
    std::swap(present, next);
  });
  EXPECT_EQ(primary_->stats().tx_dropped, 0U);
  EXPECT_EQ(primary_->stats().tx_packets, kPackets);
  EXPECT_EQ(
      first->counters[1 % possible_cpus()].runs.get() + replacement->counters[1 % possible_cpus()].runs.get(),
      kPackets);
}

TEST_F(ConcurrencyTest, EveryPacketIsCountedOnceWhileProgramsPoliciesAndLinkStateChange) {
  create(pair_spec(NetkitMode::kL2));
  const bpf::ProgramRef drops = returning(2);
  send_during([&] {
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(primary_->programs.attach(rtnl, {.program = drops}));
    primary_->set_policy(rtnl, NetkitPolicy::kDrop);
    ASSERT_TRUE(peer_->set_up(rtnl, false));
    ASSERT_TRUE(primary_->programs.detach(rtnl, {.program = drops}));
    ASSERT_TRUE(peer_->set_up(rtnl, true));
    primary_->set_policy(rtnl, NetkitPolicy::kPass);
  });
  const LinkStats stats = primary_->stats();
  EXPECT_EQ(stats.tx_packets + stats.tx_dropped, kPackets);
  EXPECT_EQ(peer_->stats().rx_packets, stats.tx_packets);
  EXPECT_EQ(primary_->transmit_totals().offered, kPackets);
  expect_balanced(primary_->transmit_totals());
  expect_balanced(peer_->receive_totals());
}

TEST_F(ConcurrencyTest, FiltersAndQdiscsComeAndGoUnderTraffic) {
  create(pair_spec(NetkitMode::kL2));
  send_during([&] {
    const Rtnl rtnl = network_.lock();
    primary_->clsact.install(rtnl, QdiscKind::kClsact);
    peer_->clsact.install(rtnl, QdiscKind::kIngress);
    FilterBlock& egress = *primary_->clsact.block(rtnl, Direction::kEgress);
    FilterBlock& ingress = *peer_->clsact.block(rtnl, Direction::kIngress);
    // The programs of these filters have no other owner.
    for (const std::int32_t verdict : {0, 2, 4}) {
      egress.put(rtnl, 0, 1, kEveryProtocol,
                 {.handle = 1, .program = returning(verdict), .direct_action = true});
      ingress.put(rtnl, 0, 1, kEveryProtocol,
                  {.handle = 1, .program = returning(verdict), .direct_action = true});
    }
    egress.flush(rtnl, 0);
    peer_->clsact.remove(rtnl);
  });
  EXPECT_EQ(primary_->transmit_totals().offered, kPackets);
  expect_balanced(primary_->transmit_totals());
  expect_balanced(peer_->receive_totals());
}

TEST_F(ConcurrencyTest, DevicesAreDeletedUnderTraffic) {
  create(pair_spec(NetkitMode::kL2));
  bool deleted = false;
  send_during([&] {
    if (deleted) return;
    const Rtnl rtnl = network_.lock();
    ASSERT_TRUE(network_.delete_device(rtnl, *primary_));
    deleted = true;
  });
  expect_balanced(primary_->transmit_totals());
  expect_balanced(peer_->receive_totals());
  EXPECT_EQ(primary_->stats().tx_packets + primary_->stats().tx_dropped, kPackets);
}

}  // namespace
}  // namespace netkit::device
