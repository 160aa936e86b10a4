#include "port/in_process.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <thread>
#include <vector>

#include "packet/builder.h"

namespace netkit {
namespace {

void send_one(Port& port, PacketPtr packet) {
  PacketBatch batch;
  batch.push(std::move(packet));
  port.send(batch);
}

PacketPtr small(PacketPool& pool) {
  return pool.allocate(64);
}

std::size_t receive_all(Port& port, PacketPool& pool) {
  std::size_t count = 0;
  for (PacketBatch batch;; batch.clear()) {
    port.receive(pool, batch);
    if (batch.empty()) return count;
    count += batch.size();
  }
}

bool readable(const Port& port, int milliseconds = 0) {
  pollfd watched{.fd = port.poll_fd(), .events = POLLIN, .revents = 0};
  return ::poll(&watched, 1, milliseconds) == 1;
}

TEST(InProcessPort, APacketChangesItsOwnerAndIsNotCopied) {
  PacketPool pool;
  auto [engine, world] = make_in_process_ports();
  PacketPtr packet = small(pool);
  const Packet* address = packet.get();
  packet->meta.mark = 7;
  packet->meta.priority = 8;
  packet->meta.hash = 9;
  packet->meta.tstamp = 10;
  packet->meta.queue_mapping = 11;
  packet->meta.pkt_type = PacketType::kOutgoing;
  packet->meta.socket = 12;
  packet->set_linear_len(20);
  send_one(*engine, std::move(packet));
  PacketBatch batch;
  world->receive(pool, batch);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0].get(), address);
  EXPECT_EQ(batch[0]->linear_len(), 20U);
  EXPECT_EQ(batch[0]->meta.mark, 7U);
  EXPECT_EQ(batch[0]->meta.priority, 8U);
  EXPECT_EQ(batch[0]->meta.hash, 9U);
  EXPECT_EQ(batch[0]->meta.tstamp, 10U);
  EXPECT_EQ(batch[0]->meta.queue_mapping, 11U);
  EXPECT_EQ(batch[0]->meta.pkt_type, PacketType::kOutgoing);
  EXPECT_EQ(batch[0]->meta.socket, 12U);
  EXPECT_EQ(batch[0]->meta.dev, nullptr);
}

TEST(InProcessPort, AFullQueueDropsAndCounts) {
  PacketPool pool;
  auto [engine, world] = make_in_process_ports({.capacity = 4});
  for (int i = 0; i < 6; ++i) send_one(*engine, small(pool));
  EXPECT_EQ(engine->counters().sent_packets, 4U);
  EXPECT_EQ(engine->counters().sent_bytes, 256U);
  EXPECT_EQ(engine->counters().dropped[static_cast<std::size_t>(DropReason::kPortFull)], 2U);
  EXPECT_EQ(pool.in_use(), 4U);
  EXPECT_EQ(receive_all(*world, pool), 4U);
  EXPECT_EQ(world->counters().received_packets, 4U);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(InProcessPort, TheQueueIsUsedRoundAndRound) {
  PacketPool pool;
  auto [engine, world] = make_in_process_ports({.capacity = 4});
  for (int i = 0; i < 100; ++i) {
    for (int k = 0; k < 3; ++k) send_one(*engine, small(pool));
    EXPECT_EQ(receive_all(*world, pool), 3U);
  }
}

TEST(InProcessPort, WhenOneEndHasGoneTheOtherKnows) {
  PacketPool pool;
  auto [engine, world] = make_in_process_ports();
  send_one(*world, small(pool));
  send_one(*engine, small(pool));
  world.reset();
  EXPECT_EQ(engine->state(), PortState::kGone);
  send_one(*engine, small(pool));
  EXPECT_EQ(engine->counters().dropped[static_cast<std::size_t>(DropReason::kPortGone)], 1U);
  EXPECT_EQ(receive_all(*engine, pool), 1U);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(InProcessPort, TheDescriptorIsReadableWhileSomethingIsThere) {
  PacketPool pool;
  auto [engine, world] = make_in_process_ports();
  EXPECT_TRUE(readable(*engine));  // not known yet
  EXPECT_EQ(receive_all(*engine, pool), 0U);
  EXPECT_FALSE(readable(*engine));
  for (std::size_t i = 0; i < PacketBatch::kCapacity + 1; ++i) send_one(*world, small(pool));
  EXPECT_TRUE(readable(*engine));
  PacketBatch batch;
  engine->receive(pool, batch);
  EXPECT_TRUE(batch.full());
  EXPECT_TRUE(readable(*engine));  // one is left
  EXPECT_EQ(receive_all(*engine, pool), 1U);
  EXPECT_FALSE(readable(*engine));
}

TEST(InProcessPort, TheDescriptorWakesWhenTheOtherEndGoes) {
  PacketPool pool;
  auto [engine, world] = make_in_process_ports();
  EXPECT_TRUE(readable(*engine));
  EXPECT_EQ(receive_all(*engine, pool), 0U);
  world.reset();
  EXPECT_TRUE(readable(*engine));
}

TEST(InProcessPort, ManySendersLoseNothingAndNoWakeUpIsMissed) {
  constexpr int kSenders = 3;
  constexpr std::uint64_t kPackets = 20'000;
  PacketPool reader_pool;
  auto [engine, world] = make_in_process_ports({.capacity = 256});
  std::vector<std::jthread> senders;
  std::array<PacketPool, kSenders> pools;
  for (PacketPool& pool : pools) {
    senders.emplace_back([&pool, port = engine.get()] {
      for (std::uint64_t sent = 0; sent < kPackets;) {
        PacketBatch batch;
        for (int i = 0; i < 8 && sent < kPackets; ++i, ++sent) {
          PacketPtr packet = pool.allocate(64);
          while (packet == nullptr) packet = pool.allocate(64);
          store_unaligned(packet->data(), sent);
          batch.push(std::move(packet));
        }
        port->send(batch);
      }
    });
  }
  const auto lost = [&] {
    return engine->counters().dropped[static_cast<std::size_t>(DropReason::kPortFull)];
  };
  std::uint64_t received = 0;
  while (received + lost() < kSenders * kPackets) {
    ASSERT_TRUE(readable(*world, 10'000) || received + lost() == kSenders * kPackets);
    received += receive_all(*world, reader_pool);
  }
  senders.clear();
  EXPECT_EQ(engine->counters().sent_packets, received);
  EXPECT_EQ(world->counters().received_packets, received);
}

}  // namespace
}  // namespace netkit
