#include "port/tcp_recording.h"

#include <gmock/gmock.h>

#include <iterator>

#include "packet/headers.h"
#include "port/capture_file.h"
#include "tests/unit/port/port_testing.h"

namespace netkit {
namespace {

using testing::HasSubstr;

const std::string kExample = NETKIT_SOURCE_DIR "/examples/tcp-exchange.pcap";

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class TcpRecordingTest : public testing::Test {
 protected:
  Result<TcpRecording> read() { return read_tcp_recording(file_.readable(), "t.pcap"); }
  Result<TcpRecording> read(std::string_view bytes) {
    file_.fill(bytes);
    return read();
  }
  // A capture of these packets.
  Result<TcpRecording> read(const std::vector<PacketPtr>& packets) {
    auto capture = CaptureFile::create(file_.writable(), CaptureFormat::kPcapng, "nk0");
    for (const PacketPtr& packet : packets) (*capture)->write(*packet, 1, Direction::kInbound);
    (*capture)->flush();
    return read();
  }
  PacketPtr tcp(const char* from, const char* to, std::uint16_t source, std::uint16_t destination,
                std::uint8_t flags, std::uint32_t length = 0) {
    return PacketBuilder()
        .ethernet(kMacA, kMacB)
        .ip(from, to)
        .tcp({.source = Be16(source), .destination = Be16(destination), .flags = flags})
        .pattern(length)
        .build(pool_);
  }

  PacketPool pool_;
  TemporaryFile file_{"recording"};
};

TEST_F(TcpRecordingTest, TheExampleIsAWholeConnection) {
  const auto recording = read(bytes_of(kExample));
  ASSERT_TRUE(recording) << recording.error().text;
  EXPECT_EQ(recording->segments.size(), 22U);
  EXPECT_EQ(recording->data_bytes(), 64'000U);
  const auto flags = [&](std::size_t i) {
    return read_header<TcpHeader>(recording->segments[i].bytes)->flags;
  };
  EXPECT_EQ(flags(0), TcpHeader::kSyn);
  EXPECT_EQ(flags(1), TcpHeader::kSyn | TcpHeader::kAck);
  EXPECT_FALSE(recording->segments[1].from_client);
  EXPECT_EQ(flags(19), TcpHeader::kFin | TcpHeader::kAck);
  EXPECT_TRUE(recording->segments[19].from_client);
  EXPECT_EQ(flags(20), TcpHeader::kFin | TcpHeader::kAck);
  EXPECT_FALSE(recording->segments[20].from_client);
  const auto longest =
      std::ranges::max(recording->segments, {}, [](const auto& s) { return s.bytes.size(); });
  EXPECT_EQ(longest.bytes.size(), 32U + 14'280);  // a super-packet of ten segments
}

TEST_F(TcpRecordingTest, OtherConnectionsAndProtocolsAreLeftOut) {
  std::vector<PacketPtr> packets;
  packets.push_back(tcp("10.0.0.1", "10.0.0.2", 9, 8, TcpHeader::kAck, 5));  // began before the capture
  packets.push_back(tcp("10.0.0.1", "10.0.0.2", 1000, 80, TcpHeader::kSyn));
  packets.push_back(tcp("10.0.0.1", "10.0.0.2", 1001, 80, TcpHeader::kSyn));
  packets.push_back(PacketBuilder()
                        .ethernet(kMacA, kMacB)
                        .ip("10.0.0.1", "10.0.0.2")
                        .udp(1000, 80)
                        .pattern(3)
                        .build(pool_));
  packets.push_back(tcp("10.0.0.2", "10.0.0.1", 80, 1000, TcpHeader::kSyn | TcpHeader::kAck));
  packets.push_back(tcp("10.0.0.1", "10.0.0.2", 1000, 80, TcpHeader::kAck, 11));
  const auto recording = read(packets);
  ASSERT_TRUE(recording) << recording.error().text;
  ASSERT_EQ(recording->segments.size(), 3U);
  EXPECT_TRUE(recording->segments[0].from_client);
  EXPECT_FALSE(recording->segments[1].from_client);
  EXPECT_EQ(recording->segments[2].bytes.size(), TcpHeader::kSize + 11);
  EXPECT_EQ(recording->data_bytes(), 11U);
}

TEST_F(TcpRecordingTest, ThePaddingOfAnEthernetFrameIsNoData) {
  PacketPtr syn = tcp("10.0.0.1", "10.0.0.2", 1000, 80, TcpHeader::kSyn, 6);
  constexpr std::uint32_t kTotalLength = EthernetHeader::kSize + 2;
  store_unaligned(syn->data() + kTotalLength, Be16(Ipv4Header::kSize + TcpHeader::kSize));
  std::vector<PacketPtr> packets;
  packets.push_back(std::move(syn));
  EXPECT_EQ(read(packets)->data_bytes(), 0U);
}

TEST_F(TcpRecordingTest, WhatIsNoWholeConnectionIsRefusedInOneLine) {
  const std::string example = bytes_of(kExample);
  EXPECT_THAT(read("").error().text, HasSubstr("t.pcap: no capture file: "));
  EXPECT_THAT(read("name: two-pods, not a capture file\n").error().text,
              HasSubstr("t.pcap: no capture file: "));
  EXPECT_THAT(read(example.substr(0, 5000)).error().text, HasSubstr("t.pcap: damaged capture file: "));
  EXPECT_EQ(read(example.substr(0, 24)).error().text,
            "t.pcap: no TCP connection from its SYN on; record one from its start");
  std::string cut = example;
  constexpr std::size_t kFirstOriginalLength = 24 + 12;
  ++cut[kFirstOriginalLength];
  EXPECT_EQ(read(cut).error().text,
            "t.pcap: packet 1 was cut to 94 of its 95 bytes; record whole packets (tcpdump -s 0)");
  for (const auto& error : {read("").error(), read(cut).error()}) EXPECT_EQ(error.code, EINVAL);
  std::vector<PacketPtr> late;
  late.push_back(tcp("10.0.0.1", "10.0.0.2", 1000, 80, TcpHeader::kAck, 5));
  EXPECT_THAT(read(late).error().text, HasSubstr("no TCP connection from its SYN on"));
}

TEST_F(TcpRecordingTest, NoMangledFileIsMoreThanAnErrorOrARecording) {
  const std::string example = bytes_of(kExample).substr(0, 1200);
  for (std::size_t at = 0; at < example.size(); ++at) {
    for (const char value : {'\0', '\x7f', '\xff'}) {
      std::string mangled = example;
      mangled[at] = value;
      if (const auto recording = read(mangled)) {
        EXPECT_LE(recording->data_bytes(), mangled.size());
      }
    }
  }
}

}  // namespace
}  // namespace netkit
