// Descriptors as files have them: what keeps an object alive, and when it goes.
#include "tests/unit/objects/fixture.h"

namespace netkit::control {
namespace {

class Handles : public ObjectTest {
 protected:
  [[nodiscard]] static bool program_is_there(std::uint32_t id) {
    return bpf::ProgramTable::instance().find(id) != nullptr;
  }
  [[nodiscard]] static bool map_is_there(std::uint32_t id) {
    return bpf::MapTable::instance().find(id) != nullptr;
  }
  [[nodiscard]] static bool link_is_there(std::uint32_t id) {
    return device::LinkTable::instance().find(id) != nullptr;
  }
};

TEST_F(Handles, TheLowestFreeDescriptorIsTaken) {
  const int first = create(), second = create();
  EXPECT_EQ(second, first + 1);
  ASSERT_TRUE(client_->close(first));
  EXPECT_EQ(create(), first);
}

TEST_F(Handles, AnObjectLivesUntilItsLastDescriptorIsClosed) {
  const int program = load(), map = create();
  const std::uint32_t program_id = id_of(program), map_id = id_of(map);
  const int copy = client_->duplicate(program).value();
  const int opened = open_map(*client_, map_id).value();
  ASSERT_TRUE(client_->close(program));
  ASSERT_TRUE(client_->close(map));
  EXPECT_TRUE(program_is_there(program_id));
  EXPECT_TRUE(map_is_there(map_id));
  ASSERT_TRUE(client_->close(copy));
  ASSERT_TRUE(client_->close(opened));
  EXPECT_FALSE(program_is_there(program_id));
  EXPECT_FALSE(map_is_there(map_id));
}

TEST_F(Handles, AProgramKeepsItsMaps) {
  const int map = create();
  const std::uint32_t id = id_of(map);
  const std::vector<bpf::Insn> insns =
      bpf::assemble("r1 = map[" + std::to_string(map) + "]; r0 = 0; exit").value();
  const int program = load_insns(insns);
  ASSERT_TRUE(client_->close(map));
  EXPECT_TRUE(map_is_there(id));
  EXPECT_THAT(program_info(*client_, program)->map_ids, testing::ElementsAre(id));
  ASSERT_TRUE(client_->close(program));
  rcu::drain();
  EXPECT_FALSE(map_is_there(id));
}

TEST_F(Handles, ClosingTheLastDescriptorOfALinkDetachesIt) {
  const int fd = link(load());
  const std::uint32_t id = id_of(fd);
  const int copy = client_->duplicate(fd).value();
  ASSERT_TRUE(client_->close(fd));
  EXPECT_EQ(attached_at_lo(), 1U);
  ASSERT_TRUE(client_->close(copy));
  EXPECT_EQ(attached_at_lo(), 0U);
  EXPECT_FALSE(link_is_there(id));
}

TEST_F(Handles, AClientThatEndsClosesAllItHad) {
  const int program = load();
  auto other = std::make_unique<Client>(system_, host_);
  const int passed = client_->pass(program, *other).value();
  const int link =
      create_link_at(*other,
                     {.target_ifindex = kLoopbackNumber, .prog_fd = passed, .attach_type = kTcxIngress})
          .value();
  const std::uint32_t id = link_info(*other, link)->id;
  EXPECT_EQ(attached_at_lo(), 1U);
  other.reset();
  EXPECT_EQ(attached_at_lo(), 0U);
  EXPECT_FALSE(link_is_there(id));
  EXPECT_TRUE(program_info(*client_, program));
}

TEST_F(Handles, AProgramAttachedWithoutALinkOutlivesItsDescriptors) {
  const int program = load();
  const std::uint32_t id = id_of(program);
  ASSERT_TRUE(attach_program(
      *client_, {.target_ifindex = kLoopbackNumber, .prog_fd = program, .attach_type = kTcxIngress}));
  ASSERT_TRUE(client_->close(program));
  EXPECT_TRUE(program_is_there(id));
  const int again = open_program(*client_, id).value();
  ASSERT_TRUE(detach_program(
      *client_, {.target_ifindex = kLoopbackNumber, .prog_fd = again, .attach_type = kTcxIngress}));
  ASSERT_TRUE(client_->close(again));
  rcu::drain();  // the list that packets in flight may still run
  EXPECT_FALSE(program_is_there(id));
}

TEST_F(Handles, APassedDescriptorIsTheSameOpenFile) {
  Client plain = plain_client();
  MapCreateRequest request = map_request();
  request.map_flags = bpf::kRdonly;
  const int map = create_map(*client_, request).value();
  const int there = client_->pass(map, plain).value();
  EXPECT_EQ(outcome(lookup_element(plain, there, bytes_of(1))), "ENOENT");
  EXPECT_EQ(outcome(update_element(plain, there, bytes_of(1), bytes_of(2))), "EPERM");
  ASSERT_TRUE(client_->close(map));
  EXPECT_TRUE(map_info(plain, there));
  EXPECT_EQ(outcome(client_->pass(map, plain)), "EBADF");
  EXPECT_EQ(outcome(client_->duplicate(kBadDescriptor)), "EBADF");
}

TEST_F(Handles, AProgArrayEmptiesItselfWithItsLastDescriptor) {
  const int array = create(bpf::MapType::kProgArray), program = load();
  const std::uint32_t array_id = id_of(array), program_id = id_of(program);
  ASSERT_TRUE(update_element(*client_, array, bytes_of(1), bytes_of(static_cast<std::uint32_t>(program))));
  ASSERT_TRUE(client_->close(program));
  EXPECT_TRUE(program_is_there(program_id)) << "the slot holds it";

  // A program keeps the map, not what is in it.
  const std::vector<bpf::Insn> user =
      bpf::assemble("r1 = map[" + std::to_string(array) + "]; r0 = 0; exit").value();
  load_insns(user);
  const int copy = open_map(*client_, array_id).value();
  ASSERT_TRUE(client_->close(array));
  EXPECT_TRUE(program_is_there(program_id));
  ASSERT_TRUE(client_->close(copy));
  EXPECT_FALSE(program_is_there(program_id));
  EXPECT_TRUE(map_is_there(array_id));
}

TEST_F(Handles, StatisticsRunWhileSomebodyHoldsThemOpen) {
  ASSERT_FALSE(bpf::program_timing());
  const int first = enable_stats(*client_, kStatsRunTime).value();
  const int second = client_->duplicate(first).value();
  Client other(system_, host_);
  ASSERT_TRUE(enable_stats(other, kStatsRunTime));
  ASSERT_TRUE(client_->close(first));
  ASSERT_TRUE(client_->close(second));
  EXPECT_TRUE(bpf::program_timing());
  bpf::set_program_timing(true);
  bpf::set_program_timing(false);
  EXPECT_TRUE(bpf::program_timing()) << "the switch is a matter of its own";
  ASSERT_TRUE(other.close(3));
  EXPECT_FALSE(bpf::program_timing());
}

TEST_F(Handles, ADescriptorOfSomethingElseIsNoProgramMapOrLink) {
  const int program = load(), map = create(), at = link(program);
  const int stats = enable_stats(*client_, kStatsRunTime).value();
  for (const int fd : {pod_fd_, 0, stats}) {
    EXPECT_EQ(outcome(program_info(*client_, fd)), "EINVAL");
    EXPECT_EQ(outcome(map_info(*client_, fd)), "EINVAL");
    EXPECT_EQ(outcome(link_info(*client_, fd)), "EINVAL");
    EXPECT_EQ(outcome(object_info(*client_, fd)), "EINVAL");
    EXPECT_EQ(outcome(pin_object(*client_, fd, "/sys/fs/bpf/x")), "EINVAL");
  }
  EXPECT_EQ(outcome(map_info(*client_, program)), "EINVAL");
  EXPECT_EQ(outcome(program_info(*client_, at)), "EINVAL");
  EXPECT_EQ(outcome(link_info(*client_, map)), "EINVAL");
  EXPECT_TRUE(std::holds_alternative<ProgramInfo>(object_info(*client_, program).value()));
  EXPECT_TRUE(std::holds_alternative<MapInfo>(object_info(*client_, map).value()));
  EXPECT_TRUE(std::holds_alternative<LinkInfo>(object_info(*client_, at).value()));
  EXPECT_EQ(outcome(object_info(*client_, kBadDescriptor)), "EBADFD");
}

TEST_F(Handles, IdsAreWalkedInRisingOrder) {
  const std::uint32_t first = id_of(load()), second = id_of(load());
  EXPECT_EQ(next_program_id(*client_, first), second);
  EXPECT_EQ(outcome(next_program_id(*client_, second)), "ENOENT");
  const std::uint32_t map = id_of(create());
  EXPECT_EQ(next_map_id(*client_, map - 1), map);
  const std::uint32_t at = id_of(link(load()));
  EXPECT_EQ(next_link_id(*client_, at - 1), at);
  EXPECT_EQ(outcome(next_link_id(*client_, at)), "ENOENT");
}

}  // namespace
}  // namespace netkit::control
