#include "host/sandbox.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <system_error>

#include "base/fd.h"
#include "host/tap.h"

namespace netkit::host {
namespace {

// The user that this process is for the rest of the machine: inside a user namespace, the one that stands
// behind its present id.
struct Identity {
  uid_t outer = 0;
  bool initial = true;  // in the machine's own user namespace
};

Identity identity() {
  constexpr std::uint64_t kEverybody = 0xffff'ffff;
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0, outside = 0, count = 0;
  if (!(map >> inside >> outside >> count)) return {::geteuid(), true};
  if (count == kEverybody) return {::geteuid(), true};
  return {static_cast<uid_t>(::geteuid() - inside + outside), false};
}

Result<> write_file(const char* path, const std::string& text) {
  const Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file) return fail_errno(std::string("opening ") + path);
  if (::write(file.get(), text.data(), text.size()) < 0) return fail_errno(std::string("writing ") + path);
  return {};
}

// What must stay visible under the fresh /run: the user's runtime directory, or our own.
std::filesystem::path kept_directory() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (::geteuid() != 0 && runtime != nullptr && *runtime != '\0') return runtime;
  const auto own = state_directory();
  return own ? *own : std::filesystem::path();
}

Result<> mount_fresh_run(const std::filesystem::path& kept) {
  const bool hidden = kept.string().starts_with("/run/");
  // Opened before the mount covers it, in this mount namespace: one of another could not be bound.
  const Fd old(hidden ? ::open(kept.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC) : -1);
  if (::mount("tmpfs", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755") != 0) {
    return fail_errno("mounting a tmpfs on /run");
  }
  if (!old) return {};
  std::error_code error;
  std::filesystem::create_directories(kept, error);
  const std::string source = "/proc/self/fd/" + std::to_string(old.get());
  if (error || ::mount(source.c_str(), kept.c_str(), "none", MS_BIND, nullptr) != 0) {
    return fail_errno("keeping " + kept.string() + " visible");
  }
  return {};
}

Result<> become_root_of_own_namespaces() {
  const std::filesystem::path kept = kept_directory();
  const uid_t user = ::geteuid();
  const gid_t group = ::getegid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET) != 0) {
    return fail_errno("user namespaces are not allowed here");
  }
  TRY(write_file("/proc/self/setgroups", "deny"));
  TRY(write_file("/proc/self/uid_map", "0 " + std::to_string(user) + " 1"));
  TRY(write_file("/proc/self/gid_map", "0 " + std::to_string(group) + " 1"));
  if (::mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0) return fail_errno("separating the mounts");
  return mount_fresh_run(kept);
}

// Runs in a child: as far as a run would go, with a TAP at the end.
Access try_everything() {
  const bool root = identity().initial && ::geteuid() == 0 && ::unshare(CLONE_NEWNET | CLONE_NEWNS) == 0;
  if (!root) {
    if (auto entered = become_root_of_own_namespaces(); !entered)
      return {RunMode::kInProcess, entered.error().text};
  }
  if (auto tap = open_tap("probe", 1); !tap) return {RunMode::kInProcess, tap.error().text};
  return {root ? RunMode::kLiveRoot : RunMode::kLiveUserns, {}};
}

[[noreturn]] void report(int pipe, const Access& access) {
  const std::string text = std::to_string(static_cast<int>(access.mode)) + access.reason;
  ::_exit(::write(pipe, text.data(), text.size()) < 0 ? 1 : 0);
}

std::string read_all(int pipe) {
  std::string text;
  char part[512];
  for (ssize_t size = 0; (size = ::read(pipe, part, sizeof part)) > 0;) {
    text.append(part, static_cast<std::size_t>(size));
  }
  return text;
}

}  // namespace

Access probe_access() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {RunMode::kInProcess, fail_errno("making a pipe").error().text};
  const Fd readable(ends[0]);
  Fd writable(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return {RunMode::kInProcess, fail_errno("starting a process").error().text};
  if (child == 0) report(writable.get(), try_everything());
  writable.reset();
  const std::string answer = read_all(readable.get());
  ::waitpid(child, nullptr, 0);
  if (answer.empty()) return {RunMode::kInProcess, "the probe process was killed"};
  return {static_cast<RunMode>(answer[0] - '0'), answer.substr(1)};
}

Result<> enter(RunMode mode) {
  if (mode != RunMode::kLiveUserns) return {};
  return become_root_of_own_namespaces();
}

std::string describe(const Access& access) {
  switch (access.mode) {
    case RunMode::kLiveRoot:
      return "live (root)";
    case RunMode::kLiveUserns:
      return "live (unprivileged user namespace)";
    case RunMode::kInProcess:
      break;
  }
  return "in-process (" + access.reason + ")";
}

Result<std::filesystem::path> state_directory() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  const uid_t user = identity().outer;
  std::filesystem::path directory = "/run/netkit";
  if (user != 0) {
    const bool has_runtime = runtime != nullptr && *runtime != '\0';
    directory = has_runtime ? std::filesystem::path(runtime) / "netkit"
                            : std::filesystem::path("/tmp/netkit-" + std::to_string(user));
  }
  const mode_t mode = user == 0 ? 0755 : 0700;
  if (::mkdir(directory.c_str(), mode) != 0 && errno != EEXIST)
    return fail_errno("making " + directory.string());
  struct stat status{};
  if (::lstat(directory.c_str(), &status) != 0) return fail_errno("looking at " + directory.string());
  if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid()) {
    return fail(EPERM,
                directory.string() + " is not a directory of this user; remove it or set XDG_RUNTIME_DIR");
  }
  return directory;
}

Result<> drop_privileges() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno("setting no_new_privs");
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (::syscall(SYS_capset, &header, none.data()) != 0) return fail_errno("dropping the capabilities");
  return {};
}

}  // namespace netkit::host
