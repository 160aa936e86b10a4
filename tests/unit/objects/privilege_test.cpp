// What a client without capabilities may do: use what it was given, nothing else. The EPERM rows of
// docs/spec/mprog-attach.md and of the bpf(2) commands.
#include <functional>

#include "control/dump.h"
#include "control/map_batch.h"
#include "tests/unit/objects/fixture.h"

namespace netkit::control {
namespace {

class Privilege : public ObjectTest {
 protected:
  Privilege() : plain_(plain_client()), program_(give(load())), map_(give(create())) {}
  int give(int fd) { return client_->pass(fd, plain_).value(); }

  Client plain_;
  int program_;
  int map_;
};

TEST_F(Privilege, IsNeededToMakeAndToFindObjects) {
  const std::vector<bpf::Insn> insns = bpf::assemble("r0 = 0; exit").value();
  BatchAnswer batch;
  QueryAnswer query;
  const std::pair<const char*, std::string> answers[] = {
      {"prog load",
       outcome(load_program(plain_, {.prog_type = kSchedCls, .insns = insns, .license = "GPL"}))},
      {"object load", outcome(load_object(plain_, {.bytes = {}, .name = "x.o"}))},
      {"map create", outcome(create_map(plain_, map_request()))},
      {"next program", outcome(next_program_id(plain_, 0))},
      {"next map", outcome(next_map_id(plain_, 0))},
      {"next link", outcome(next_link_id(plain_, 0))},
      {"program by id", outcome(open_program(plain_, 1))},
      {"map by id", outcome(open_map(plain_, 1))},
      {"link by id", outcome(open_link(plain_, 1))},
      {"statistics", outcome(enable_stats(plain_, kStatsRunTime))},
      {"instructions", outcome(dump_xlated(plain_, program_))},
      {"query", outcome(query_programs(
                    plain_, {.target_ifindex = kLoopbackNumber, .attach_type = kTcxIngress}, query))},
      {"anonymous detach",
       outcome(detach_program(plain_, {.target_ifindex = kLoopbackNumber, .attach_type = kTcxIngress}))},
  };
  for (const auto& [what, answer] : answers) EXPECT_EQ(answer, "EPERM") << what;
}

TEST_F(Privilege, IsNotNeededToUseWhatOneWasGiven) {
  EXPECT_EQ(outcome(update_element(plain_, map_, bytes_of(1), bytes_of(2))), "OK");
  EXPECT_EQ(outcome(lookup_element(plain_, map_, bytes_of(1))), "OK");
  EXPECT_EQ(outcome(dump_map(plain_, map_)), "OK");
  EXPECT_EQ(outcome(object_info(plain_, map_)), "OK");
  EXPECT_EQ(outcome(object_info(plain_, program_)), "OK");

  const AttachRequest request{
      .target_ifindex = kLoopbackNumber, .prog_fd = program_, .attach_type = kTcxIngress};
  EXPECT_EQ(outcome(attach_program(plain_, request)), "OK");
  EXPECT_EQ(outcome(detach_program(plain_, request)), "OK");
  const Result<int> link = create_link_at(plain_, request);
  ASSERT_EQ(outcome(link), "OK");
  EXPECT_EQ(outcome(link_info(plain_, *link)), "OK");
  const int other = give(load());
  EXPECT_EQ(outcome(update_link(plain_, {.link_fd = *link, .new_prog_fd = other})), "OK");
  EXPECT_EQ(outcome(detach_link(plain_, *link)), "OK");
}

TEST_F(Privilege, IsAskedForAfterTheFormOfTheRequest) {
  EXPECT_EQ(outcome(next_program_id(plain_, 0x7fffffff)), "EINVAL");
  EXPECT_EQ(outcome(open_map(plain_, 1, 1)), "EINVAL");
  EXPECT_EQ(outcome(open_map(plain_, 1, bpf::kRdonly | bpf::kWronly)), "EPERM");
  EXPECT_EQ(outcome(enable_stats(plain_, 1)), "EPERM");
  MapCreateRequest request = map_request();
  request.key_size = 0;
  EXPECT_EQ(outcome(create_map(plain_, request)), "EINVAL");
  EXPECT_EQ(outcome(load_program(plain_, {.prog_type = kSchedCls, .insns = {}, .prog_flags = 1U << 30})),
            "EINVAL");
  EXPECT_EQ(outcome(load_program(plain_, {.prog_type = kSchedCls, .insns = {}})), "EPERM");
}

TEST_F(Privilege, FollowsTheUserOfTheRequest) {
  client_->become({.uid = 1000, .privileged = false});
  EXPECT_EQ(outcome(create_map(*client_, map_request())), "EPERM");
  client_->become({.uid = 1000, .privileged = true});
  EXPECT_EQ(outcome(create_map(*client_, map_request())), "OK");
}

}  // namespace
}  // namespace netkit::control
