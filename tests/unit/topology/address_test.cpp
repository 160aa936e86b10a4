#include "base/address.h"

#include <gtest/gtest.h>

namespace netkit {
namespace {

TEST(Address, IsReadAndWrittenInBothFamilies) {
  EXPECT_EQ(parse_ip("10.0.1.2"), IpAddress::v4(10, 0, 1, 2));
  EXPECT_EQ(to_string(*parse_ip("fd00:0::1")), "fd00::1");
  EXPECT_EQ(to_string(*parse_ip("::ffff:10.0.0.1")), "::ffff:10.0.0.1");
  for (const char* wrong : {"", "10.0.1", "10.0.1.256", "fd00:::1", "10.0.1.2 ", "x"})
    EXPECT_FALSE(parse_ip(wrong)) << wrong;
  EXPECT_FALSE(parse_ip(std::string_view("10.0.0.1\0x", 10)));
}

TEST(Address, FamiliesNeverCompareEqual) {
  EXPECT_NE(parse_ip("0.0.0.0"), parse_ip("::"));
}

TEST(Prefix, KeepsItsHostBitsAndContainsItsNetwork) {
  const IpPrefix prefix = *parse_prefix("10.0.1.2/20");
  EXPECT_EQ(to_string(prefix), "10.0.1.2/20");
  EXPECT_TRUE(prefix.contains(*parse_ip("10.0.15.255")));
  EXPECT_FALSE(prefix.contains(*parse_ip("10.0.16.0")));
  EXPECT_FALSE(prefix.contains(*parse_ip("::")));
  EXPECT_TRUE(parse_prefix("::/0")->contains(*parse_ip("fd00::1")));
  EXPECT_EQ(parse_prefix("10.0.0.1")->length, 32);
  EXPECT_EQ(parse_prefix("fd00::1")->length, 128);
  for (const char* wrong :
       {"10.0.0.1/33", "fd00::/129", "10.0.0.1/", "10.0.0.1/x", "/8", "10.0.0.1/8/8", "10.0.0.1/-1"})
    EXPECT_FALSE(parse_prefix(wrong)) << wrong;
}

TEST(Mac, IsReadAndWritten) {
  const MacAddress mac = *parse_mac("02:aB:00:00:00:01");
  EXPECT_EQ(to_string(mac), "02:ab:00:00:00:01");
  EXPECT_FALSE(mac.is_group());
  EXPECT_TRUE(parse_mac("01:00:5e:00:00:01")->is_group());
  EXPECT_TRUE(MacAddress{}.is_zero());
  for (const char* wrong : {"", "02:00:00:00:00", "02:00:00:00:00:1", "02-00-00-00-00-01",
                            "02:00:00:00:00:0g", "02:00:00:00:00:+1"})
    EXPECT_FALSE(parse_mac(wrong)) << wrong;
}

}  // namespace
}  // namespace netkit
