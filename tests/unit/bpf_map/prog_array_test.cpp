#include "bpf/map/prog_array.h"

#include "base/rcu.h"
#include "bpf/map/tables.h"
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

ProgramRef make_program(AttachType attach = AttachType::kNone, ProgramType type = ProgramType::kSchedCls) {
  auto program = std::make_unique<Program>();
  program->type = type;
  program->expected_attach_type = attach;
  return ProgramTable::instance().publish(std::move(program));
}

class ProgArrayTest : public testing::Test {
 protected:
  int put(std::uint32_t index, std::uint32_t id, std::uint64_t flags = kAny) {
    return code(map_->write(bytes_of(index), bytes_of(id), flags));
  }
  int drop(std::uint32_t index) { return code(map_->remove(bytes_of(index))); }
  const Program* target(std::uint32_t index) {
    const rcu::Section section;
    return tail_call_target(*map_, index);
  }
  MapRef map_ = make_map(MapType::kProgArray, 4);
};

TEST_F(ProgArrayTest, ATailCallFindsTheProgramOfTheSlot) {
  const ProgramRef program = make_program();
  ASSERT_EQ(put(2, program->id), 0);
  EXPECT_EQ(target(2), program.get());
  EXPECT_EQ(target(1), nullptr);
  EXPECT_EQ(target(4), nullptr);
  EXPECT_EQ(target(0xffffffff), nullptr);
}

TEST_F(ProgArrayTest, UserSpaceReadsTheId) {
  const ProgramRef program = make_program();
  ASSERT_EQ(put(2, program->id), 0);
  Bytes value(4);
  ASSERT_EQ(code(map_->read(bytes_of(2), value)), 0);
  EXPECT_EQ(number_in<std::uint32_t>(value), program->id);
  EXPECT_EQ(code(map_->read(bytes_of(1), value)), ENOENT);
  EXPECT_EQ(code(map_->read(bytes_of(4), value)), ENOENT);
}

TEST_F(ProgArrayTest, AnswersOfUpdateAndDelete) {
  const ProgramRef program = make_program();
  EXPECT_EQ(put(0, program->id, kNoexist), EINVAL);
  EXPECT_EQ(put(0, program->id, kExist), EINVAL);
  EXPECT_EQ(put(4, program->id), E2BIG);
  EXPECT_EQ(put(0, 0), EBADF);
  EXPECT_EQ(put(0, program->id + 1000), EBADF);
  EXPECT_EQ(drop(4), E2BIG);
  EXPECT_EQ(drop(0), ENOENT);
  ASSERT_EQ(put(0, program->id), 0);
  EXPECT_EQ(drop(0), 0);
  EXPECT_EQ(target(0), nullptr);
}

TEST_F(ProgArrayTest, TheFirstProgramDecidesTheKindOfAll) {
  const ProgramRef first = make_program(AttachType::kNetkitPrimary);
  ASSERT_EQ(put(0, first->id), 0);
  EXPECT_EQ(put(1, make_program(AttachType::kNone)->id), EINVAL);
  EXPECT_EQ(put(1, make_program(AttachType::kNetkitPrimary, ProgramType::kXdp)->id), EINVAL);
  const ProgramRef second = make_program(AttachType::kNetkitPrimary);
  EXPECT_EQ(put(1, second->id), 0);
  EXPECT_TRUE(admit_map_user(*map_, ProgramType::kSchedCls, AttachType::kNetkitPrimary));
  EXPECT_EQ(code(admit_map_user(*map_, ProgramType::kSchedCls, AttachType::kNone)), EINVAL);
}

TEST_F(ProgArrayTest, AProgramThatUsesTheMapDecidesToo) {
  ASSERT_TRUE(admit_map_user(*map_, ProgramType::kSchedCls, AttachType::kTcxIngress));
  EXPECT_EQ(put(0, make_program(AttachType::kNone)->id), EINVAL);
  EXPECT_TRUE(admit_map_user(*make_map(MapType::kHash, 1), ProgramType::kXdp, AttachType::kNone))
      << "other maps don't care";
}

TEST_F(ProgArrayTest, ASlotKeepsItsProgramAlive) {
  ProgramRef program = make_program();
  const std::uint32_t id = program->id;
  ASSERT_EQ(put(0, id), 0);
  program.reset();
  ASSERT_NE(target(0), nullptr);
  EXPECT_EQ(target(0)->id, id);
  ASSERT_EQ(drop(0), 0);
  EXPECT_EQ(ProgramTable::instance().find(id), nullptr);
}

TEST_F(ProgArrayTest, TheLastUserReferenceEmptiesIt) {
  const ProgramRef program = make_program();
  MapRef handle = user_reference(map_);
  MapRef pin = user_reference(map_);
  MapRef duplicate = handle;
  ASSERT_EQ(put(1, program->id), 0);
  handle.reset();
  pin.reset();
  EXPECT_EQ(target(1), program.get());
  duplicate.reset();
  EXPECT_EQ(target(1), nullptr);
  EXPECT_EQ(program.use_count(), 1);
}

TEST_F(ProgArrayTest, OffersProgramsNothingElse) {
  const ProgramRef program = make_program();
  ASSERT_EQ(put(0, program->id), 0);
  EXPECT_EQ(program_lookup(*map_, 0), nullptr);
  EXPECT_EQ(program_update(*map_, 0, program->id), -EINVAL);
  EXPECT_EQ(program_delete(*map_, 0), -EINVAL);
}

TEST_F(ProgArrayTest, IterationGivesEverySlotADumpTheFilledOnes) {
  const ProgramRef program = make_program();
  ASSERT_EQ(put(3, program->id), 0);
  EXPECT_EQ(keys_of(*map_).size(), 4U);
  std::vector<Bytes> seen;
  ASSERT_TRUE(map_->for_each([&](auto key, auto value) {
    seen.emplace_back(key.begin(), key.end());
    EXPECT_EQ(number_in<std::uint32_t>(value), program->id);
    return true;
  }));
  EXPECT_THAT(seen, testing::ElementsAre(bytes_of(3)));
}

TEST(ProgramTableTest, IdsOnlyRise) {
  const std::uint32_t first = make_program()->id;
  const std::uint32_t second = make_program()->id;
  const ProgramRef kept = make_program();
  EXPECT_LT(first, second);
  EXPECT_LT(second, kept->id);
  EXPECT_EQ(ProgramTable::instance().find(first), nullptr);
  EXPECT_EQ(ProgramTable::instance().find(kept->id), kept);
  EXPECT_THAT(ProgramTable::instance().ids(), testing::Contains(kept->id));
  EXPECT_THAT(ProgramTable::instance().ids(), testing::Not(testing::Contains(second)));
}

TEST(ProgramTableTest, ManyProgramsAreFoundEach) {
  std::vector<ProgramRef> programs;
  for (int n = 0; n < 300; ++n) programs.push_back(make_program());
  for (int n = 0; n < 300; n += 3) programs[static_cast<std::size_t>(n)].reset();
  const rcu::Section section;
  for (const ProgramRef& program : programs) {
    if (program == nullptr) continue;
    EXPECT_EQ(ProgramTable::instance().find_running(program->id), program.get());
  }
  EXPECT_EQ(ProgramTable::instance().find_running(0), nullptr);
  EXPECT_EQ(ProgramTable::instance().find_running(programs.back()->id + 1), nullptr);
}

TEST(ProgramTableTest, ARunningProgramIsDestroyedAfterTheGracePeriodOnly) {
  struct Code final : PreparedCode {
    explicit Code(std::atomic<bool>& flag) : destroyed(flag) {}
    ~Code() override { destroyed = true; }
    std::atomic<bool>& destroyed;
  };
  std::atomic<bool> destroyed{false};
  auto program = std::make_unique<Program>();
  program->code = std::make_unique<Code>(destroyed);
  ProgramRef reference = ProgramTable::instance().publish(std::move(program));
  {
    const rcu::Reader running;
    const Program* found = ProgramTable::instance().find_running(reference->id);
    reference.reset();
    EXPECT_FALSE(destroyed);
    EXPECT_EQ(ProgramTable::instance().find_running(found->id), nullptr);
  }
  rcu::drain();
  EXPECT_TRUE(destroyed);
}

TEST(MapTableTest, HoldsNoReference) {
  MapRef map = make_map(MapType::kArray, 1);
  const std::uint32_t id = map->id();
  EXPECT_EQ(MapTable::instance().find(id), map);
  EXPECT_THAT(MapTable::instance().ids(), testing::Contains(id));
  map.reset();
  EXPECT_EQ(MapTable::instance().find(id), nullptr);
  EXPECT_THAT(MapTable::instance().ids(), testing::Not(testing::Contains(id)));
  EXPECT_GT(make_map(MapType::kArray, 1)->id(), id);
}

}  // namespace
}  // namespace netkit::bpf::test
