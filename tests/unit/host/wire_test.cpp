#include "host/wire.h"

#include <gtest/gtest.h>

#include "host/keeper_protocol.h"

namespace netkit::host {
namespace {

template <class T>
T there_and_back(const T& value) {
  Encoder encoder;
  encoder.put(value);
  Decoder decoder(encoder.bytes());
  T copy{};
  EXPECT_TRUE(decoder.get(copy));
  EXPECT_TRUE(decoder.empty());
  return copy;
}

TEST(Wire, CarriesEveryMemberOfARequest) {
  TapRequest tap{.space = Nsid{7},
                 .name = "eth0",
                 .ifindex = 12,
                 .queues = 3,
                 .mac = MacAddress{{2, 0, 0, 0, 0, 9}},
                 .mtu = 9000,
                 .alias = "pod one",
                 .arp = false};
  const TapRequest copy = there_and_back(MakeTap{tap}).tap;
  EXPECT_EQ(copy.space, Nsid{7});
  EXPECT_EQ(copy.name, "eth0");
  EXPECT_EQ(copy.ifindex, 12U);
  EXPECT_EQ(copy.queues, 3U);
  EXPECT_EQ(copy.mac, tap.mac);
  EXPECT_EQ(copy.mtu, 9000U);
  EXPECT_EQ(copy.alias, "pod one");
  EXPECT_FALSE(copy.arp);
}

TEST(Wire, KeepsAnAbsentValueAbsent) {
  const LinkChange copy = there_and_back(LinkChange{.alias = "", .up = true});
  EXPECT_FALSE(copy.name.has_value());
  EXPECT_EQ(copy.alias, "");
  EXPECT_EQ(copy.up, true);
  EXPECT_FALSE(copy.mtu.has_value());
}

TEST(Wire, CarriesListsOfLinks) {
  LinkInfo link;
  link.name = "nk0";
  link.stats.tx_dropped = 99;
  const std::vector<LinkInfo> copy = there_and_back(std::vector<LinkInfo>{link, {}});
  ASSERT_EQ(copy.size(), 2U);
  EXPECT_EQ(copy[0].name, "nk0");
  EXPECT_EQ(copy[0].stats.tx_dropped, 99U);
  EXPECT_EQ(copy[1].name, "");
}

TEST(Wire, RefusesEveryTruncation) {
  Encoder encoder;
  encoder.put(UseNamespace{"pod", "/run/netns/pod"});
  const std::vector<std::uint8_t>& whole = encoder.bytes();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Decoder decoder(std::span<const std::uint8_t>(whole).first(size));
    UseNamespace request;
    EXPECT_FALSE(decoder.get(request)) << size << " bytes of " << whole.size();
  }
}

TEST(Wire, DoesNotBelieveALengthThatIsNotThere) {
  Encoder encoder;
  encoder.put(std::uint32_t{0xffff'ffff});
  Decoder text_decoder(encoder.bytes());
  std::string text;
  EXPECT_FALSE(text_decoder.get(text));
  Decoder list_decoder(encoder.bytes());
  std::vector<std::string> list;
  EXPECT_FALSE(list_decoder.get(list));
}

}  // namespace
}  // namespace netkit::host
