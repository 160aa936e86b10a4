#include "port/pcap_ports.h"

#include <gmock/gmock.h>
#include <poll.h>

#include "packet/dissect.h"
#include "tests/unit/port/port_testing.h"

namespace netkit {
namespace {

using testing::HasSubstr;

class PcapPortsTest : public testing::Test {
 protected:
  // A capture of UDP packets with the given times and payload lengths.
  void record(const std::vector<std::pair<Nanoseconds, std::uint32_t>>& packets) {
    auto capture = CaptureFile::create(file_.writable(), CaptureFormat::kPcap, "nk0");
    ASSERT_TRUE(capture);
    for (const auto& [when, length] : packets) {
      const PacketPtr packet = PacketBuilder()
                                   .ethernet(kMacA, kMacB)
                                   .vlan_tag(7)
                                   .ip("10.0.0.1", "10.0.0.2")
                                   .udp(5, 6)
                                   .pattern(length)
                                   .build(pool_);
      (*capture)->write(*packet, when, Direction::kInbound);
    }
  }
  std::unique_ptr<PcapReaderPort> reader(const ReplayOptions& options = {}) {
    auto port = PcapReaderPort::open(file_.readable(), "t.pcap", options);
    EXPECT_TRUE(port) << port.error().text;
    return port ? *std::move(port) : nullptr;
  }
  static bool readable(const Port& port, int milliseconds = 0) {
    pollfd watched{.fd = port.poll_fd(), .events = POLLIN, .revents = 0};
    return ::poll(&watched, 1, milliseconds) == 1;
  }

  PacketPool pool_;
  TemporaryFile file_{"replay"};
};

TEST_F(PcapPortsTest, ReplayAtOnceGivesEverythingWithItsMetadata) {
  record({{1'000, 10}, {3'600'000'000'000, 20}});
  const auto port = reader({.own_mac = kMacB});
  EXPECT_TRUE(readable(*port));
  PacketBatch batch;
  port->receive(pool_, batch);
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch[0]->meta.protocol, kProtoIpv4);
  EXPECT_EQ(batch[0]->meta.pkt_type, PacketType::kHost);
  EXPECT_TRUE(batch[0]->meta.vlan.present);
  EXPECT_EQ(batch[0]->meta.vlan.tci, 7);
  EXPECT_EQ(batch[0]->meta.tstamp, 1'000U);
  EXPECT_EQ(batch[0]->len(), 14U + 28 + 10);
  EXPECT_EQ(batch[1]->meta.tstamp, 3'600'000'000'000U);
  EXPECT_TRUE(port->finished());
  EXPECT_EQ(port->damage(), nullptr);
  EXPECT_FALSE(readable(*port));
  EXPECT_EQ(port->counters().received_packets, 2U);
}

TEST_F(PcapPortsTest, MorePacketsThanABatchTakeSeveral) {
  record(std::vector<std::pair<Nanoseconds, std::uint32_t>>(100, {1'000, 10}));
  const auto port = reader();
  PacketBatch batch;
  port->receive(pool_, batch);
  EXPECT_TRUE(batch.full());
  EXPECT_TRUE(readable(*port));
  batch.clear();
  port->receive(pool_, batch);
  EXPECT_EQ(batch.size(), 36U);
}

TEST_F(PcapPortsTest, ReplayByTimestampsKeepsTheGaps) {
  record({{5'000'000'000, 10}, {5'030'000'000, 20}});
  const auto port = reader({.pace = ReplayPace::kRecorded});
  const Nanoseconds begin = monotonic_ns();
  PacketBatch batch;
  port->receive(pool_, batch);
  ASSERT_EQ(batch.size(), 1U);
  ASSERT_TRUE(readable(*port, 5'000));
  EXPECT_GE(monotonic_ns() - begin, 30'000'000U);
  port->receive(pool_, batch);
  EXPECT_EQ(batch.size(), 2U);
  EXPECT_TRUE(port->finished());
}

TEST_F(PcapPortsTest, AnotherHostsFramesAreMarked) {
  record({{1'000, 10}});
  const auto port = reader({.own_mac = kMacA});
  PacketBatch batch;
  port->receive(pool_, batch);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0]->meta.pkt_type, PacketType::kOtherhost);
}

TEST_F(PcapPortsTest, WhatTheEngineSendsToAReaderIsDropped) {
  record({{1'000, 10}});
  const auto port = reader();
  PacketBatch batch;
  batch.push(pool_.allocate(60));
  port->send(batch);
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(port->counters().dropped[static_cast<std::size_t>(DropReason::kNoPort)], 1U);
}

TEST_F(PcapPortsTest, APoolThatIsEmptyLosesPacketsAndCounts) {
  record({{1'000, 10}, {1'000, 10}});
  const auto port = reader();
  PacketPool tiny({.packets = {1, 0, 0}});
  PacketBatch batch;
  port->receive(tiny, batch);
  EXPECT_EQ(batch.size(), 1U);
  EXPECT_EQ(port->counters().receive_dropped[static_cast<std::size_t>(DropReason::kNoMemory)], 1U);
}

TEST_F(PcapPortsTest, RawIpGetsAnEthernetHeader) {
  // Classic pcap, microseconds, LINKTYPE_RAW, one IPv6 packet of which 40 bytes are there.
  std::string bytes;
  const auto put32 = [&](std::uint32_t value) { bytes.append(reinterpret_cast<const char*>(&value), 4); };
  put32(0xa1b2c3d4);
  put32(2 | 4U << 16U);
  for (const std::uint32_t word : {0U, 0U, 65535U, 101U, 1U, 2U, 40U, 40U}) put32(word);
  bytes += std::string(1, 0x60) + std::string(39, '\0');
  file_.fill(bytes);
  const auto port = reader({.own_mac = kMacB});
  PacketBatch batch;
  port->receive(pool_, batch);
  ASSERT_EQ(batch.size(), 1U);
  EXPECT_EQ(batch[0]->len(), 54U);
  EXPECT_EQ(batch[0]->meta.protocol, kProtoIpv6);
  EXPECT_EQ(batch[0]->meta.tstamp, 1'000'002'000U);
}

TEST_F(PcapPortsTest, WrongFilesAreOneLine) {
  file_.fill("this is no capture");
  EXPECT_THAT(PcapReaderPort::open(file_.readable(), "t.pcap").error().text,
              HasSubstr("t.pcap: no capture file: "));
  file_.fill("");
  EXPECT_THAT(PcapReaderPort::open(file_.readable(), "t.pcap").error().text,
              HasSubstr("t.pcap: no capture file: "));
  EXPECT_FALSE(PcapReaderPort::open(Fd(), "t.pcap"));
}

TEST_F(PcapPortsTest, ADamagedFileEndsWhereTheDamageIs) {
  record({{1'000, 10}, {2'000, 20}});
  std::filesystem::resize_file(file_.path(), std::filesystem::file_size(file_.path()) - 5);
  const auto port = reader();
  PacketBatch batch;
  port->receive(pool_, batch);
  EXPECT_EQ(batch.size(), 1U);
  EXPECT_TRUE(port->finished());
  ASSERT_NE(port->damage(), nullptr);
  EXPECT_THAT(port->damage()->text, HasSubstr("t.pcap: damaged capture file: "));
}

TEST_F(PcapPortsTest, TheWriterWritesWhatTheEngineSends) {
  auto file = CaptureFile::create(file_.writable(), CaptureFormat::kPcap, "nk0");
  ASSERT_TRUE(file);
  const auto port = make_pcap_writer_port(*std::move(file));
  PacketBatch batch;
  batch.push(
      PacketBuilder().ethernet(kMacA, kMacB).ip("10.0.0.1", "10.0.0.2").udp(5, 6).pattern(10).build(pool_));
  batch.push(
      PacketBuilder().ethernet(kMacA, kMacB).ip("10.0.0.1", "10.0.0.2").udp(5, 6).pattern(20).build(pool_));
  port->send(batch);
  port->flush();
  EXPECT_EQ(port->counters().sent_packets, 2U);
  EXPECT_EQ(port->counters().sent_bytes, 2U * 42 + 30);
  port->receive(pool_, batch);
  EXPECT_TRUE(batch.empty());
  reader()->receive(pool_, batch);
  ASSERT_EQ(batch.size(), 2U);
  EXPECT_EQ(batch[1]->len(), 62U);
}

}  // namespace
}  // namespace netkit
