#include "port/reassembly.h"

#include <gtest/gtest.h>

namespace netkit {
namespace {

using Bytes = std::vector<std::uint8_t>;

const FragmentKey kKey{IpAddress::v4(10, 0, 0, 1), IpAddress::v4(10, 0, 0, 2), 7, 17};

Bytes filled(std::size_t size, std::uint8_t value) {
  return Bytes(size, value);
}

Bytes joined(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

TEST(Reassembler, PutsFragmentsTogetherInAnyOrder) {
  const Bytes whole = joined(joined(filled(16, 1), filled(8, 2)), filled(3, 3));
  Reassembler in_order;
  EXPECT_FALSE(in_order.add(kKey, 0, true, filled(16, 1)));
  EXPECT_FALSE(in_order.add(kKey, 16, true, filled(8, 2)));
  EXPECT_EQ(in_order.add(kKey, 24, false, filled(3, 3)), whole);
  EXPECT_EQ(in_order.incomplete(), 0U);
  Reassembler backwards;
  EXPECT_FALSE(backwards.add(kKey, 24, false, filled(3, 3)));
  EXPECT_FALSE(backwards.add(kKey, 16, true, filled(8, 2)));
  EXPECT_EQ(backwards.add(kKey, 0, true, filled(16, 1)), whole);
}

TEST(Reassembler, KeepsDatagramsApart) {
  Reassembler reassembler;
  FragmentKey other = kKey;
  other.id = 8;
  EXPECT_FALSE(reassembler.add(kKey, 0, true, filled(8, 1)));
  EXPECT_FALSE(reassembler.add(other, 8, false, filled(8, 2)));
  EXPECT_EQ(reassembler.incomplete(), 2U);
  EXPECT_EQ(reassembler.add(kKey, 8, false, filled(8, 3)), joined(filled(8, 1), filled(8, 3)));
}

TEST(Reassembler, AFragmentSentTwiceIsTakenOnce) {
  Reassembler reassembler;
  EXPECT_FALSE(reassembler.add(kKey, 0, true, filled(8, 1)));
  EXPECT_FALSE(reassembler.add(kKey, 0, true, filled(8, 1)));
  EXPECT_EQ(reassembler.add(kKey, 8, false, filled(1, 2)), joined(filled(8, 1), filled(1, 2)));
}

TEST(Reassembler, OverlapsAndContradictionsDestroyTheDatagram) {
  Reassembler reassembler;
  EXPECT_FALSE(reassembler.add(kKey, 0, true, filled(16, 1)));
  EXPECT_FALSE(reassembler.add(kKey, 8, true, filled(16, 2)));
  EXPECT_EQ(reassembler.incomplete(), 0U);
  // A second end.
  EXPECT_FALSE(reassembler.add(kKey, 8, false, filled(8, 1)));
  EXPECT_FALSE(reassembler.add(kKey, 24, false, filled(8, 1)));
  EXPECT_EQ(reassembler.incomplete(), 0U);
  // Data behind the end.
  EXPECT_FALSE(reassembler.add(kKey, 8, false, filled(8, 1)));
  EXPECT_FALSE(reassembler.add(kKey, 24, true, filled(8, 1)));
  EXPECT_EQ(reassembler.incomplete(), 0U);
  // Not a multiple of eight, nothing at all, beyond 65535.
  EXPECT_FALSE(reassembler.add(kKey, 0, true, filled(7, 1)));
  EXPECT_FALSE(reassembler.add(kKey, 0, true, {}));
  EXPECT_FALSE(reassembler.add(kKey, 65528, false, filled(8, 1)));
  EXPECT_EQ(reassembler.incomplete(), 0U);
}

TEST(Reassembler, TheOldestGivesWay) {
  Reassembler reassembler;
  FragmentKey key = kKey;
  for (key.id = 0; key.id < 65; ++key.id) EXPECT_FALSE(reassembler.add(key, 0, true, filled(8, 1)));
  EXPECT_EQ(reassembler.incomplete(), 64U);
  key.id = 0;
  EXPECT_FALSE(reassembler.add(key, 8, false, filled(8, 1)));
  key.id = 64;
  EXPECT_TRUE(reassembler.add(key, 8, false, filled(8, 1)));
}

}  // namespace
}  // namespace netkit
