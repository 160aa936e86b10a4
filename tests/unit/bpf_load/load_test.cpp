// From an object that clang compiled to a verdict and bytes.
#include "bpf/map/tables.h"
#include "tests/unit/bpf_load/running.h"

namespace netkit::bpf {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LoadObject : public RunsPrograms {
 protected:
  static LoadedObject load(const LinkOptions& options = {}) { return RunsPrograms::load("counter", options); }
  std::int32_t run_entry(const LoadedObject& loaded, const PacketBuilder& builder) {
    return run_one(loaded, "entry", builder);
  }
  // The first value of a map, as a number.
  static std::uint64_t value_of(const MapRef& map) {
    std::uint64_t number = 0;
    EXPECT_TRUE(map->for_each([&](auto, auto value) {
      std::memcpy(&number, value.data(), sizeof number);
      return false;
    }));
    return number;
  }
};

TEST_F(LoadObject, RunsAProgramOnAPacket) {
  const LoadedObject loaded = load();
  EXPECT_EQ(run_entry(loaded, udp()), kDrop);
  EXPECT_EQ(run_entry(loaded, PacketBuilder().ethernet({{1}}, {{2}}).arp({})), kPass);
  EXPECT_FALSE(run.fault.happened) << run.fault.text;
}

TEST_F(LoadObject, TailCallsGoWhereTheObjectsInitialiserSays) {
  const LoadedObject loaded = load();
  EXPECT_EQ(run_entry(loaded, tcp()), kRedirect);
  EXPECT_EQ(packet->meta.mark, 42U);
  EXPECT_EQ(packet->data()[kEthernetHeader + 8], 1);
}

TEST_F(LoadObject, ProgramsAndControlShareMapsAndGlobalData) {
  const LoadedObject loaded = load();
  for (int i = 0; i < 3; ++i) run_entry(loaded, tcp());
  EXPECT_EQ(value_of(loaded.find_map("flows")), 3U);
  EXPECT_EQ(value_of(loaded.find_map(".bss")), 3U);
}

TEST_F(LoadObject, VariablesAreSetBeforeItIsLoaded) {
  LinkOptions options;
  options.variables["blocked_protocol"] = std::int64_t{6};
  const LoadedObject loaded = load(options);
  EXPECT_EQ(run_entry(loaded, tcp()), kDrop);
  EXPECT_EQ(run_entry(loaded, udp()), kRedirect);
}

TEST_F(LoadObject, ProgramsArePublishedUnderTheirNames) {
  const LoadedObject loaded = load();
  ASSERT_EQ(loaded.programs.size(), 2U);
  const ProgramRef entry = loaded.find_program("entry");
  EXPECT_EQ(ProgramTable::instance().find(entry->id), entry);
  EXPECT_EQ(loaded.find_program("count"), nullptr);
  EXPECT_EQ(loaded.find_map("no such map"), nullptr);
}

TEST_F(LoadObject, ProgArraysEmptyThemselvesWhenTheObjectGoes) {
  ProgramRef entry;
  {
    const LoadedObject loaded = load();
    entry = loaded.find_program("entry");
  }
  packet = tcp().build(pool);
  EXPECT_EQ(run_program(run, *entry, *packet), 3);
}

TEST_F(LoadObject, ASlotNeedsItsProgram) {
  LinkOptions options;
  options.programs = {"entry"};
  const auto loaded = load_object(object("counter"), options);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EINVAL);
  EXPECT_THAT(loaded.error().text,
              AllOf(HasSubstr("counter.o: "), HasSubstr("'next'"), HasSubstr("'mark'"), HasSubstr("slot 1")));
}

// ---- refusals, with program and source line ----

struct Refusal {
  const char* program;
  std::vector<std::string> text;
};
std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
  return out << refusal.program;
}

class Refused : public ::testing::TestWithParam<Refusal> {};
TEST_P(Refused, ByNameAndLineAndNothingRemains) {
  rcu::drain();  // what earlier tests left behind has gone
  const auto programs = ProgramTable::instance().ids();
  LinkOptions options;
  options.programs = {GetParam().program};
  const auto loaded = load_object(object("refused"), options);
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EINVAL);
  for (const std::string& part : GetParam().text) EXPECT_THAT(loaded.error().text, HasSubstr(part));
  EXPECT_THAT(loaded.error().text, AllOf(HasSubstr("refused.o: "), HasSubstr(GetParam().program)));
  EXPECT_EQ(ProgramTable::instance().ids(), programs);
}
INSTANTIATE_TEST_SUITE_P(
    Programs, Refused,
    ::testing::Values(
        Refusal{"missing_helper", {"bpf_get_current_task_btf#158 is not supported", "refused.bpf.c:8"}},
        Refusal{"gpl_helper", {"GPL-restricted function bpf_trace_printk#6", "refused.bpf.c:14"}},
        Refusal{"no_such_helper", {"unknown#4000", "refused.bpf.c:20"}}));

TEST(RefusedMap, ByTheNameOfItsType) {
  rcu::drain();
  const auto maps = MapTable::instance().ids();
  const auto loaded = load_object(object("refused_map"));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, EINVAL);
  EXPECT_THAT(loaded.error().text,
              AllOf(HasSubstr("refused_map.o"), HasSubstr("stacks"), HasSubstr("stack_trace")));
  EXPECT_EQ(MapTable::instance().ids(), maps);
}

TEST(RefusedFile, ThatIsNotThere) {
  const auto loaded = load_object(std::filesystem::path("/no/such/object.o"));
  ASSERT_FALSE(loaded);
  EXPECT_EQ(loaded.error().code, ENOENT);
  EXPECT_THAT(loaded.error().text, HasSubstr("/no/such/object.o"));
}

}  // namespace
}  // namespace netkit::bpf
