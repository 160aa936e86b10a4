#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "fixture.h"

namespace netkit::bpf {
namespace {

using Current = HelperTest;

TEST_F(Current, TaskIsTheThreadThatRunsTheProgram) {
  EXPECT_EQ(call("get_current_pid_tgid"), std::int64_t{::getpid()} << 32 | ::gettid());
  EXPECT_EQ(call("get_current_uid_gid"), std::int64_t{::getgid()} << 32 | ::getuid());
}

TEST_F(Current, NameIsCutAndEnded) {
  std::array<char, 16> before{};
  ::prctl(PR_GET_NAME, before.data());
  ::prctl(PR_SET_NAME, "worker-zero");
  std::array<char, 20> name;
  name.fill('x');
  EXPECT_EQ(call("get_current_comm", name.data(), name.size()), 0);
  EXPECT_STREQ(name.data(), "worker-zero");
  EXPECT_EQ(name[19], 0);
  EXPECT_EQ(call("get_current_comm", name.data(), 5), 0);
  EXPECT_STREQ(name.data(), "work");
  ::prctl(PR_SET_NAME, before.data());
}

TEST_F(Current, CgroupIsTheRoot) {
  EXPECT_EQ(call("get_current_cgroup_id"), 1);
  EXPECT_EQ(call("get_current_ancestor_cgroup_id", 0), 1);
  EXPECT_EQ(call("get_current_ancestor_cgroup_id", 1), 0);
  EXPECT_EQ(call("get_current_ancestor_cgroup_id", -1), 0);
}

TEST_F(Current, TaskStructIsNowhere) {
  const auto task = static_cast<std::uint64_t>(call("get_current_task"));
  EXPECT_NE(task, 0U);
  EXPECT_EQ(run.regions.find(task, 1), nullptr);
}

}  // namespace
}  // namespace netkit::bpf
