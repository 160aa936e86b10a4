#include "port/capture_file.h"

#include <gmock/gmock.h>

#include "port/pcap_file.h"
#include "tests/unit/port/port_testing.h"

namespace netkit {
namespace {

using testing::HasSubstr;

constexpr Nanoseconds kWhen = 1'700'000'000'123'456'789;

class CaptureFileTest : public testing::TestWithParam<CaptureFormat> {
 protected:
  void write(const std::vector<PacketPtr>& packets) {
    auto capture = CaptureFile::create(file_.writable(), GetParam(), "nk0");
    ASSERT_TRUE(capture) << capture.error().text;
    for (const PacketPtr& packet : packets) (*capture)->write(*packet, kWhen, Direction::kOutbound);
    EXPECT_EQ((*capture)->error(), 0);
  }
  std::vector<PacketPtr> one(PacketPtr packet) {
    std::vector<PacketPtr> packets;
    packets.push_back(std::move(packet));
    return packets;
  }
  std::string tcpdump(const std::string& options = "") {
    return output_of("tcpdump -nne " + options + " -r " + file_.path());
  }

  PacketPool pool_;
  TemporaryFile file_{"capture"};
};

TEST_P(CaptureFileTest, LibpcapReadsBackTheTimeToTheNanosecondAndTheBytes) {
  const PacketPtr packet =
      PacketBuilder().ethernet(kMacA, kMacB).ip("10.0.0.1", "10.0.0.2").udp(5, 6).payload("abc").build(pool_);
  write(one(pool_.copy(*packet)));
  auto file = PcapFile::open(file_.readable(), "t");
  ASSERT_TRUE(file) << file.error().text;
  const auto record = file->next();
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->when, kWhen);
  EXPECT_EQ((*record)->length, packet->len());
  EXPECT_TRUE(std::ranges::equal((*record)->bytes, packet->bytes()));
  const auto end = file->next();
  ASSERT_TRUE(end);
  EXPECT_FALSE(*end);
}

TEST_P(CaptureFileTest, TcpdumpPrintsThePacket) {
  if (!has_tcpdump()) GTEST_SKIP() << "tcpdump is not installed";
  write(one(PacketBuilder()
                .ethernet(kMacA, kMacB)
                .ip("10.0.0.1", "10.0.0.2")
                .udp(5, 6)
                .payload("abc")
                .build(pool_)));
  const std::string printed = tcpdump();
  EXPECT_THAT(printed, HasSubstr("link-type EN10MB"));
  EXPECT_THAT(printed, HasSubstr("02:00:00:00:00:01 > 02:00:00:00:00:02"));
  EXPECT_THAT(printed, HasSubstr("10.0.0.1.5 > 10.0.0.2.6: UDP, length 3"));
}

TEST_P(CaptureFileTest, ATagBesideTheBytesIsPutBackIntoTheFrame) {
  const auto build = [&](auto tagged) {
    return tagged(PacketBuilder().ethernet(kMacA, kMacB))
        .ip("10.0.0.1", "10.0.0.2")
        .udp(5, 6)
        .pattern(9)
        .build(pool_);
  };
  const PacketPtr in_bytes = build([](PacketBuilder builder) { return builder.vlan(0x2007); });
  write(one(build([](PacketBuilder builder) { return builder.vlan_tag(0x2007); })));
  auto file = PcapFile::open(file_.readable(), "t");
  ASSERT_TRUE(file);
  const auto record = file->next();
  ASSERT_TRUE(record && *record);
  EXPECT_TRUE(std::ranges::equal((*record)->bytes, in_bytes->bytes()));
  EXPECT_EQ((*record)->length, in_bytes->len());
  if (has_tcpdump()) {
    EXPECT_THAT(tcpdump(), HasSubstr("vlan 7, p 1"));
  }
}

TEST_P(CaptureFileTest, ASuperPacketIsWrittenWhole) {
  write(one(PacketBuilder()
                .ethernet(kMacA, kMacB)
                .ip("10.0.0.1", "10.0.0.2")
                .tcp(5, 6)
                .pattern(60'000)
                .gso(1400)
                .build(pool_)));
  auto file = PcapFile::open(file_.readable(), "t");
  ASSERT_TRUE(file);
  const auto record = file->next();
  ASSERT_TRUE(record && *record);
  EXPECT_EQ((*record)->bytes.size(), 60'054U);
  if (has_tcpdump()) {
    EXPECT_THAT(tcpdump(), HasSubstr("length 60000"));
  }
}

TEST_P(CaptureFileTest, APacketLongerThanReadersAcceptIsCutAndItsLengthTold) {
  std::vector<PacketPtr> packets = one(pool_.allocate(500'000));
  std::ranges::fill(packets[0]->bytes(), std::uint8_t{0});
  packets.push_back(PacketBuilder().ethernet(kMacA, kMacB).ip("10.0.0.1", "10.0.0.2").udp(5, 6).build(pool_));
  write(packets);
  auto file = PcapFile::open(file_.readable(), "t");
  ASSERT_TRUE(file);
  const auto big = file->next();
  ASSERT_TRUE(big && *big);
  EXPECT_EQ((*big)->bytes.size(), kSnapLength);
  EXPECT_EQ((*big)->length, 500'000U);
  const auto next = file->next();
  ASSERT_TRUE(next && *next);
  EXPECT_EQ((*next)->length, 42U);
}

TEST_P(CaptureFileTest, AFullDiskIsRememberedAndNothingElseHappens) {
  Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  if (!full) GTEST_SKIP() << "there is no /dev/full";
  const auto capture = CaptureFile::create(std::move(full), GetParam(), "nk0");
  ASSERT_FALSE(capture);
  EXPECT_EQ(capture.error().code, ENOSPC);
}

INSTANTIATE_TEST_SUITE_P(Formats, CaptureFileTest,
                         testing::Values(CaptureFormat::kPcap, CaptureFormat::kPcapng),
                         [](const auto& format) {
                           return format.param == CaptureFormat::kPcap ? "Pcap" : "Pcapng";
                         });

TEST(CaptureFormat, GoesByTheName) {
  EXPECT_EQ(capture_format_of("a.pcapng"), CaptureFormat::kPcapng);
  EXPECT_EQ(capture_format_of("a.pcap"), CaptureFormat::kPcap);
  EXPECT_EQ(capture_format_of("pcapng"), CaptureFormat::kPcap);
}

}  // namespace
}  // namespace netkit
