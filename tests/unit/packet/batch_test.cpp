#include "packet/batch.h"

#include <gtest/gtest.h>

#include <set>

#include "packet/drop_reason.h"
#include "packet/pool.h"

namespace netkit {
namespace {

TEST(Batch, GivesItsPacketsBackWhenCleared) {
  PacketPool pool;
  PacketBatch batch;
  while (!batch.full()) batch.push(pool.allocate(10));
  EXPECT_EQ(batch.size(), PacketBatch::kCapacity);
  EXPECT_EQ(batch.room(), 0U);
  EXPECT_EQ(pool.in_use(), PacketBatch::kCapacity);
  batch.clear();
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(pool.in_use(), 0U);
}

TEST(Batch, MovesAsAWhole) {
  PacketPool pool;
  PacketBatch from;
  from.push(pool.allocate(10));
  from.push(pool.allocate(20));
  PacketBatch to;
  to.push(pool.allocate(30));
  to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): a batch says so
  ASSERT_EQ(to.size(), 2U);
  EXPECT_EQ(to[1]->len(), 20U);
  EXPECT_EQ(pool.in_use(), 2U);
}

TEST(DropReason, HasANameOfItsOwnAndAText) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    const DropReasonText text = describe(static_cast<DropReason>(i));
    EXPECT_FALSE(text.text.empty()) << text.name;
    EXPECT_TRUE(names.insert(text.name).second) << text.name;
  }
  EXPECT_EQ(describe(DropReason::kShutdown).name, "shutdown");
}

}  // namespace
}  // namespace netkit
