#include "base/endian.h"

#include <gtest/gtest.h>

namespace netkit {
namespace {

TEST(BigEndian, StandsInMemoryInNetworkOrder) {
  const Be32 value(0x01020304);
  std::uint8_t bytes[4];
  std::memcpy(bytes, &value, sizeof value);
  EXPECT_EQ(bytes[0], 1);
  EXPECT_EQ(bytes[3], 4);
  EXPECT_EQ(value.host(), 0x01020304U);
}

TEST(BigEndian, ComparesByNumericValue) {
  EXPECT_LT(Be16(1), Be16(256));
  EXPECT_EQ(Be16(0x86dd), Be16(0x86dd));
}

TEST(BigEndian, RawIsWhatTheWireHolds) {
  EXPECT_EQ(Be16::from_raw(Be16(0x0800).raw()), Be16(0x0800));
  EXPECT_EQ(Be16(0x0800).raw(), std::endian::native == std::endian::little ? 0x0008 : 0x0800);
}

TEST(Unaligned, LoadsAndStoresAnywhere) {
  std::uint8_t bytes[9] = {};
  store_unaligned(bytes + 1, std::uint64_t{0x1122334455667788});
  EXPECT_EQ(load_unaligned<std::uint64_t>(bytes + 1), 0x1122334455667788U);
  EXPECT_EQ(bytes[0], 0);
}

}  // namespace
}  // namespace netkit
