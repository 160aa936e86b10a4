#include "host/netns_exec.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>

#include "base/log.h"
#include "host/journal.h"

namespace netkit::host {
namespace {

Result<> join(const std::string& path, int kind) {
  const Fd space(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!space) return fail_errno("opening " + path);
  if (::setns(space.get(), kind) != 0) return fail_errno("entering " + path);
  return {};
}

// /sys shows the devices of the namespace in which it was mounted.
void mount_sys(const std::string& name) {
  struct statvfs old{};
  const bool read_only = ::statvfs("/sys", &old) == 0 && (old.f_flag & ST_RDONLY) != 0;
  ::umount2("/sys", MNT_DETACH);
  if (::mount(name.c_str(), "/sys", "sysfs", read_only ? MS_RDONLY : 0, nullptr) != 0) {
    log::warning("/sys shows another network namespace's devices: " + std::string(std::strerror(errno)));
  }
}

void bind_etc(const std::string& name) {
  const std::filesystem::path own = std::filesystem::path("/etc/netns") / name;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(own, ignored)) {
    const std::filesystem::path target = "/etc" / entry.path().filename();
    if (::mount(entry.path().c_str(), target.c_str(), "none", MS_BIND, nullptr) != 0) {
      log::warning("cannot put " + entry.path().string() + " over " + target.string() + ": " +
                   std::strerror(errno));
    }
  }
}

std::vector<RunningNamespace> namespaces_of(const std::vector<JournalRecord>& records) {
  JournalOwner owner;
  std::vector<RunningNamespace> found;
  for (const JournalRecord& record : records) {
    if (const auto* first = std::get_if<JournalOwner>(&record)) owner = *first;
    if (const auto* used = std::get_if<NamespaceUsed>(&record)) {
      found.push_back({used->name, used->path, owner.keeper, owner.userns});
    }
  }
  for (const MadeName& made : names_made(records)) {
    if (!made.identity) continue;
    found.push_back({made.name, std::string(kNetnsDirectory) + "/" + made.name, owner.keeper, owner.userns});
  }
  return found;
}

}  // namespace

Result<std::vector<RunningNamespace>> running_namespaces(const std::filesystem::path& state_directory) {
  std::vector<RunningNamespace> all;
  for (const auto& path : list_journals(state_directory)) {
    const auto dead = Journal::adopt(path);
    if (dead || dead.error().code != EWOULDBLOCK) continue;
    std::ifstream file(path);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (RunningNamespace& space : namespaces_of(parse_journal(text))) all.push_back(std::move(space));
  }
  return all;
}

Result<> enter_namespace(const RunningNamespace& space) {
  if (space.userns) {
    const std::string own = "/proc/" + std::to_string(space.keeper) + "/ns/";
    TRY(join(own + "user", CLONE_NEWUSER));
    TRY(join(own + "mnt", CLONE_NEWNS));
  }
  const NetworkNamespace target = TRY(NetworkNamespace::at_path(space.path));
  return enter_namespace(target, space.name);
}

Result<> enter_namespace(const NetworkNamespace& space, std::string_view name) {
  if (::setns(space.fd(), CLONE_NEWNET) != 0)
    return fail_errno("entering network namespace " + std::string(name));
  if (::unshare(CLONE_NEWNS) != 0) return fail_errno("making a mount namespace");
  if (::mount("", "/", "none", MS_SLAVE | MS_REC, nullptr) != 0) {
    // In a chroot the root is no mount point: mounting there could show elsewhere, so the command sees /sys
    // and /etc as they are.
    if (errno == EINVAL) return {};
    return fail_errno("separating the mounts");
  }
  mount_sys(std::string(name));
  bind_etc(std::string(name));
  return {};
}

Failure exec_command(const std::vector<std::string>& arguments) {
  if (arguments.empty()) return fail(EINVAL, "no command given");
  std::vector<char*> pointers;
  pointers.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) pointers.push_back(const_cast<char*>(argument.c_str()));
  pointers.push_back(nullptr);
  ::execvp(pointers.front(), pointers.data());
  return fail_errno("cannot run " + arguments.front());
}

}  // namespace netkit::host
