// The task that is running: in the kernel whatever task a datapath happens to interrupt, here the thread that
// runs the program. It is in the root of the hierarchy of control groups, as the kernel's own threads are.
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kRootCgroup = 1;  // id of the root of the hierarchy
// Where the kernel's task_struct would be: nothing can be read there.
constexpr std::uint64_t kUnreadableTask = 0xffff'8880'0000'0000;

std::uint64_t pair_of(std::uint64_t high, std::uint64_t low) {
  return high << 32 | (low & 0xffff'ffff);
}

std::uint64_t get_current_pid_tgid(RunContext&) {
  return pair_of(static_cast<std::uint64_t>(::getpid()), static_cast<std::uint64_t>(::gettid()));
}

std::uint64_t get_current_uid_gid(RunContext&) {
  return pair_of(::getgid(), ::getuid());
}

std::int64_t get_current_comm(RunContext&, char* to, std::uint32_t size) {
  std::array<char, 16> name{};  // TASK_COMM_LEN
  ::prctl(PR_GET_NAME, name.data());
  std::memset(to, 0, size);
  std::memcpy(to, name.data(), std::min<std::size_t>(size - 1, strnlen(name.data(), name.size())));
  return 0;
}

std::uint64_t get_current_task(RunContext&) {
  return kUnreadableTask;
}

std::uint64_t get_current_cgroup_id(RunContext&) {
  return kRootCgroup;
}

std::uint64_t get_current_ancestor_cgroup_id(RunContext&, std::int32_t level) {
  return level == 0 ? kRootCgroup : 0;
}

constexpr Helper kHelpers[] = {
    {.number = 14,
     .name = "get_current_pid_tgid",
     .contract = {},
     .function = helper_call<get_current_pid_tgid>},
    {.number = 15,
     .name = "get_current_uid_gid",
     .contract = {},
     .function = helper_call<get_current_uid_gid>},
    {.number = 16,
     .name = "get_current_comm",
     .contract = {.arguments = {Arg::kOutMem, Arg::kSize}},
     .function = helper_call<get_current_comm>},
    {.number = 35,
     .name = "get_current_task",
     .contract = {.effects = kGplOnly | kNeedsPerfmon},
     .function = helper_call<get_current_task>},
    {.number = 80,
     .name = "get_current_cgroup_id",
     .contract = {},
     .function = helper_call<get_current_cgroup_id>},
    {.number = 123,
     .name = "get_current_ancestor_cgroup_id",
     .contract = {.arguments = {Arg::kAnything}},
     .function = helper_call<get_current_ancestor_cgroup_id>},
};

}  // namespace

std::span<const Helper> current_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
