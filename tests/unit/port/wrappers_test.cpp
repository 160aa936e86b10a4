#include "port/wrappers.h"

#include <gmock/gmock.h>

#include "port/in_process.h"
#include "tests/unit/port/port_testing.h"

namespace netkit {
namespace {

using testing::HasSubstr;

void send(Port& port, PacketPool& pool, std::uint16_t to_port, int count = 1) {
  PacketBatch batch;
  for (int i = 0; i < count; ++i)
    batch.push(PacketBuilder().ethernet(kMacA, kMacB).ip("10.0.0.1", "10.0.0.2").udp(5, to_port).build(pool));
  port.send(batch);
  port.flush();
}

TEST(Capture, WritesBothDirectionsWithTheirMarks) {
  PacketPool pool;
  const TemporaryFile file("directions.pcapng");
  auto [inner, world] = make_in_process_ports();
  auto capture_file = CaptureFile::create(file.writable(), CaptureFormat::kPcapng, "eth0");
  ASSERT_TRUE(capture_file);
  const auto port = capture(std::move(inner), *std::move(capture_file));
  EXPECT_EQ(port->kind(), "capture(in-process)");
  send(*port, pool, 1111);
  send(*world, pool, 2222);
  PacketBatch batch;
  port->receive(pool, batch);
  port->flush();
  EXPECT_EQ(batch.size(), 1U);
  if (!has_tcpdump()) GTEST_SKIP() << "tcpdump is not installed";
  EXPECT_THAT(output_of("tcpdump -nn -r " + file.path()),
              testing::AllOf(HasSubstr(".1111: UDP"), HasSubstr(".2222: UDP")));
  // epb_flags: what the engine sends comes in at the stack that owns the interface.
  std::ifstream stream(file.path(), std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(stream)), {});
  const std::size_t inbound = bytes.find(std::string("\x02\0\x04\0\x01\0\0\0", 8));
  const std::size_t outbound = bytes.find(std::string("\x02\0\x04\0\x02\0\0\0", 8));
  EXPECT_NE(inbound, std::string::npos);
  EXPECT_NE(outbound, std::string::npos);
  EXPECT_LT(inbound, outbound);
  EXPECT_NE(bytes.find("eth0"), std::string::npos);
}

TEST(Loss, LosesItsShareAndCountsIt) {
  PacketPool pool;
  auto [inner, world] = make_in_process_ports();
  const auto port = lossy(std::move(inner), {.receive = 1, .send = 0.5});
  for (int i = 0; i < 10; ++i) send(*port, pool, 1, 64);
  const PortCounters counters = port->counters();
  const std::uint64_t lost = counters.dropped[static_cast<std::size_t>(DropReason::kLoss)];
  EXPECT_EQ(counters.sent_packets + lost, 640U);
  EXPECT_GT(lost, 250U);
  EXPECT_LT(lost, 390U);
  send(*world, pool, 1, 5);
  PacketBatch batch;
  port->receive(pool, batch);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(port->counters().receive_dropped[static_cast<std::size_t>(DropReason::kLoss)], 5U);
}

TEST(Loss, KeepsTheOrderOfTheRestAndWhatWasInTheBatch) {
  PacketPool pool;
  auto [inner, world] = make_in_process_ports();
  const auto port = lossy(std::move(inner), {.receive = 0.5, .send = 0});
  for (std::uint16_t i = 0; i < 40; ++i) send(*world, pool, i);
  PacketBatch batch;
  batch.push(pool.allocate(60));
  const Packet* first = batch[0].get();
  port->receive(pool, batch);
  EXPECT_EQ(batch[0].get(), first);
  EXPECT_GT(batch.size(), 5U);
  EXPECT_LT(batch.size(), 36U);
  const auto number = [&](std::size_t i) { return load_unaligned<Be16>(batch[i]->data() + 36).host(); };
  for (std::size_t i = 2; i < batch.size(); ++i) EXPECT_LT(number(i - 1), number(i));
}

TEST(Loss, TheSameSeedLosesTheSamePackets) {
  PacketPool pool;
  const auto survivors = [&](std::uint64_t seed) {
    auto [inner, world] = make_in_process_ports();
    const auto port = lossy(std::move(inner), {.receive = 0, .send = 0.5, .seed = seed});
    for (std::uint16_t i = 0; i < 64; ++i) send(*port, pool, i);
    PacketBatch batch;
    world->receive(pool, batch);
    std::vector<std::uint16_t> numbers;
    for (const PacketPtr& packet : batch) numbers.push_back(load_unaligned<Be16>(packet->data() + 36).host());
    return numbers;
  };
  EXPECT_EQ(survivors(3), survivors(3));
  EXPECT_NE(survivors(3), survivors(4));
}

}  // namespace
}  // namespace netkit
