#include "packet/pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <thread>
#include <vector>

#include "tests/support/allocation_counter.h"

namespace netkit {
namespace {

void fill(Packet& packet) {
  std::iota(packet.data(), packet.data() + packet.len(), std::uint8_t{1});
}

std::vector<std::uint8_t> bytes_of(const Packet& packet) {
  return {packet.bytes().begin(), packet.bytes().end()};
}

TEST(Pool, GivesTheSmallestBufferThatFits) {
  PacketPool pool;
  EXPECT_EQ(pool.allocate(1514)->capacity(), 2048U);
  EXPECT_EQ(pool.allocate(1792)->capacity(), 2048U);
  EXPECT_EQ(pool.allocate(1793)->capacity(), 65536U + 1024U);
  EXPECT_EQ(pool.allocate(1000, 256, 1000)->capacity(), 65536U + 1024U);
  EXPECT_EQ(pool.allocate(kMaxPacket)->capacity(), kMaxPacket + 2048U);
}

TEST(Pool, RefusesMoreThanTheLargestBuffer) {
  PacketPool pool;
  EXPECT_EQ(pool.allocate(kMaxPacket + 2048), nullptr);
  EXPECT_EQ(pool.allocate(0xffff'ffff, 0xffff'ffff, 0xffff'ffff), nullptr);
}

TEST(Pool, GivesFreshMetadataAndTheAskedRoom) {
  PacketPool pool;
  PacketPtr packet = pool.allocate(100, 300, 20);
  packet->meta.mark = 7;
  packet->set_linear_len(10);
  packet.reset();
  packet = pool.allocate(100, 300, 20);
  EXPECT_EQ(packet->meta.mark, 0U);
  EXPECT_EQ(packet->meta.mac_header, kUnset);
  EXPECT_EQ(packet->len(), 100U);
  EXPECT_TRUE(packet->is_linear());
  EXPECT_EQ(packet->headroom(), 300U);
  EXPECT_GE(packet->tailroom(), 20U);
}

TEST(Pool, StopsAtItsLimitAndGoesOnWhenAPacketReturns) {
  PacketPool pool({.packets = {2, 0, 0}});
  PacketPtr first = pool.allocate(10);
  PacketPtr second = pool.allocate(10);
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(pool.allocate(10), nullptr);
  EXPECT_EQ(pool.allocate(10000), nullptr);
  EXPECT_EQ(pool.in_use(), 2U);
  first.reset();
  EXPECT_EQ(pool.in_use(), 1U);
  EXPECT_NE(pool.allocate(10), nullptr);
}

TEST(Pool, CopiesBytesMetadataAndWhatIsInFrontOfData) {
  PacketPool pool;
  PacketPtr packet = pool.allocate(200);
  fill(*packet);
  packet->set_mac_header(0);
  packet->pull(14);
  packet->set_linear_len(20);
  packet->meta.mark = 42;
  const PacketPtr copy = pool.copy(*packet);
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(bytes_of(*copy), bytes_of(*packet));
  EXPECT_EQ(copy->linear_len(), 20U);
  EXPECT_EQ(copy->headroom(), packet->headroom());
  EXPECT_EQ(copy->meta.mark, 42U);
  EXPECT_EQ(copy->offset_of(copy->meta.mac_header), -14);
  EXPECT_EQ(copy->data()[-14], 1);
  copy->data()[0] = 99;
  EXPECT_EQ(packet->data()[0], 15);
}

TEST(Reserve, KeepsWhatHasRoom) {
  PacketPool pool;
  const PacketPtr packet = pool.allocate(100, 256, 100);
  const std::uint8_t* data = packet->data();
  EXPECT_TRUE(packet->reserve(256, 100));
  EXPECT_EQ(packet->data(), data);
}

TEST(Reserve, MovesInsideTheBufferWithHeadersAndMetadataArea) {
  PacketPool pool;
  const PacketPtr packet = pool.allocate(1000);
  fill(*packet);
  packet->set_mac_header(0);
  packet->pull(14);
  packet->set_network_header(0);
  packet->set_transport_header(20);
  packet->meta.csum = {.state = ChecksumState::kPartial, .start = packet->at(20), .offset = 16};
  const auto before = bytes_of(*packet);

  ASSERT_TRUE(packet->reserve(600, 300));
  EXPECT_EQ(packet->capacity(), 2048U);
  EXPECT_GE(packet->headroom(), 600U);
  EXPECT_GE(packet->tailroom(), 300U);
  EXPECT_EQ(bytes_of(*packet), before);
  EXPECT_EQ(packet->offset_of(packet->meta.mac_header), -14);
  EXPECT_EQ(packet->data()[-14], 1);
  EXPECT_EQ(packet->offset_of(packet->meta.network_header), 0);
  EXPECT_EQ(packet->offset_of(packet->meta.csum.start), 20);
  EXPECT_EQ(packet->meta.inner_mac_header, kUnset);

  packet->meta.meta_len = 32;
  packet->data()[-32] = 0xaa;
  ASSERT_TRUE(packet->reserve(0, 2048 - 986 - 32));
  EXPECT_EQ(packet->data()[-32], 0xaa);
  EXPECT_EQ(bytes_of(*packet), before);
}

TEST(Reserve, MovesToALargerBufferAndBack) {
  PacketPool pool({.packets = {1, 1, 0}});
  PacketPtr packet = pool.allocate(1000);
  Packet* object = packet.get();
  fill(*packet);
  const auto before = bytes_of(*packet);
  ASSERT_TRUE(packet->reserve(256, 5000));
  EXPECT_EQ(packet.get(), object);
  EXPECT_EQ(packet->capacity(), 65536U + 1024U);
  EXPECT_EQ(packet->headroom(), 256U);
  EXPECT_EQ(bytes_of(*packet), before);
  EXPECT_EQ(pool.in_use(), 1U);
  EXPECT_NE(pool.allocate(10), nullptr) << "the small buffer is free again";
  packet.reset();
  EXPECT_EQ(pool.in_use(), 0U);
  EXPECT_NE(pool.allocate(5000), nullptr);
}

TEST(Reserve, LeavesThePacketAloneWhenThereIsNoBuffer) {
  PacketPool pool({.packets = {1, 0, 0}});
  const PacketPtr packet = pool.allocate(1000);
  fill(*packet);
  const auto before = bytes_of(*packet);
  EXPECT_FALSE(packet->reserve(256, 5000));
  EXPECT_FALSE(packet->reserve(0xffff'ffff, 0xffff'ffff));
  EXPECT_EQ(bytes_of(*packet), before);
  EXPECT_EQ(packet->headroom(), kMinHeadroom);
}

TEST(Pool, DoesNotAllocateOnceWarm) {
  NETKIT_NEEDS_ALLOCATION_COUNT();
  PacketPool pool;
  {
    const PacketPtr warm[] = {pool.allocate(100), pool.allocate(10000)};
  }
  const std::uint64_t before = testing::allocations();
  for (int i = 0; i < 1000; ++i) {
    const PacketPtr packet = pool.allocate(100);
    const PacketPtr copy = pool.copy(*packet);
    ASSERT_TRUE(copy->reserve(256, 5000));
  }
  EXPECT_EQ(testing::allocations(), before);
}

TEST(Pool, TakesPacketsBackFromAnotherThread) {
  constexpr int kPackets = 20'000;
  PacketPool pool({.packets = {64, 0, 0}});
  std::array<std::atomic<Packet*>, 16> mailbox{};
  std::atomic<bool> done = false;
  std::uint64_t sum = 0;
  std::thread consumer([&] {
    const auto empty_once = [&] {
      for (auto& slot : mailbox) {
        if (PacketPtr packet(slot.exchange(nullptr, std::memory_order_acquire)); packet != nullptr) {
          sum += load_unaligned<std::uint32_t>(packet->data());
        }
      }
    };
    while (!done.load(std::memory_order_acquire)) {
      empty_once();
      std::this_thread::yield();
    }
    empty_once();
  });
  for (std::uint32_t i = 1; i <= kPackets;) {
    PacketPtr packet = pool.allocate(64);
    auto& slot = mailbox[i % mailbox.size()];
    if (packet == nullptr || slot.load(std::memory_order_relaxed) != nullptr) {
      packet.reset();  // some come back on the owner's thread
      std::this_thread::yield();
      continue;
    }
    store_unaligned(packet->data(), i);
    slot.store(packet.release(), std::memory_order_release);
    ++i;
  }
  done.store(true, std::memory_order_release);
  consumer.join();
  EXPECT_EQ(sum, std::uint64_t{kPackets} * (kPackets + 1) / 2);
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(Reserve, WorksOnAThreadThatDoesNotOwnThePool) {
  PacketPool pool;
  std::vector<PacketPtr> packets;
  for (int i = 0; i < 100; ++i) packets.push_back(pool.allocate(100));
  std::thread other([&] {
    for (PacketPtr& packet : packets) {
      ASSERT_TRUE(packet->reserve(256, 5000));
      packet->data()[99] = 5;
    }
    packets.resize(50);
  });
  for (int i = 0; i < 1000; ++i) ASSERT_NE(pool.allocate(10000), nullptr);
  other.join();
  EXPECT_EQ(pool.in_use(), 50U);
  packets.clear();
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(PoolDeath, APacketThatOutlivesItsPoolIsAnError) {
  EXPECT_DEATH(
      {
        PacketPtr packet;
        PacketPool pool;
        packet = pool.allocate(10);
      },
      "still in use");
}

}  // namespace
}  // namespace netkit
