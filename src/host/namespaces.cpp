#include "host/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/log.h"

namespace netkit::host {
namespace {

constexpr const char* kOwnNamespace = "/proc/thread-self/ns/net";
constexpr long kNsfsMagic = 0x6e736673;

std::string path_of(std::string_view name) {
  return std::string(kNetnsDirectory) + "/" + std::string(name);
}

// Looked at without opening it, which would need more than the right to read.
bool leads_to(const std::string& path, const NamespaceIdentity& identity) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && NamespaceIdentity{status.st_dev, status.st_ino} == identity;
}

Failure no_such_name(std::string_view name) {
  return fail(ENOENT,
              "no network namespace '" + std::string(name) + "'; `ip netns list` shows those there are");
}

}  // namespace

Result<NamespaceIdentity> NetworkNamespace::identify(int fd) {
  struct statfs file_system{};
  struct stat status{};
  if (::fstatfs(fd, &file_system) != 0 || ::fstat(fd, &status) != 0) {
    return fail_errno("looking at a namespace's descriptor");
  }
  if (file_system.f_type != kNsfsMagic) return fail(EINVAL, "the descriptor is not of a network namespace");
  return NamespaceIdentity{status.st_dev, status.st_ino};
}

Result<NetworkNamespace> NetworkNamespace::from_fd(Fd fd) {
  const NamespaceIdentity identity = TRY(identify(fd.get()));
  return NetworkNamespace(std::move(fd), identity);
}

Result<NetworkNamespace> NetworkNamespace::at_path(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno("opening network namespace " + path);
  auto space = from_fd(std::move(fd));
  if (!space) return fail(space.error().code, path + " is not a network namespace");
  return space;
}

Result<NetworkNamespace> NetworkNamespace::current() {
  return at_path(kOwnNamespace);
}

Result<NetworkNamespace> NetworkNamespace::named(std::string_view name) {
  TRY(check_namespace_name(name));
  auto space = at_path(path_of(name));
  if (!space && space.error().code == ENOENT) return no_such_name(name);
  return space;
}

Result<NetworkNamespace> NetworkNamespace::of_process(pid_t pid) {
  return at_path("/proc/" + std::to_string(pid) + "/ns/net");
}

Result<NetworkNamespace> NetworkNamespace::make() {
  const NetworkNamespace home = TRY(current());
  const InsideNamespace come_back = TRY(InsideNamespace::enter(home));
  if (::unshare(CLONE_NEWNET) != 0) return fail_errno("making a network namespace");
  return current();
}

Result<InsideNamespace> InsideNamespace::enter(const NetworkNamespace& target) {
  Fd home(::open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  if (!home) return fail_errno("opening this thread's own network namespace");
  if (::setns(target.fd(), CLONE_NEWNET) != 0) return fail_errno("entering a network namespace");
  return InsideNamespace(std::move(home));
}

InsideNamespace::~InsideNamespace() {
  if (home_ && ::setns(home_.get(), CLONE_NEWNET) != 0) {
    log::error("cannot come back from a network namespace; ending the process");
    std::abort();
  }
}

Result<> check_namespace_name(std::string_view name) {
  constexpr std::size_t kNameMax = 255;
  const bool bad = name.empty() || name.size() > kNameMax || name == "." || name == ".." ||
                   name.contains('/') || name.contains('\0');
  if (bad) return fail(EINVAL, "'" + std::string(name) + "' cannot be the name of a network namespace");
  return {};
}

Result<> prepare_netns_directory() {
  const std::string directory(kNetnsDirectory);
  if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST) return fail_errno("making " + directory);
  // A directory that is no mount point yet cannot be made shared (EINVAL): mount it on itself first.
  if (::mount("", directory.c_str(), "none", MS_SHARED | MS_REC, nullptr) == 0) return {};
  if (errno != EINVAL) return fail_errno("making " + directory + " a shared mount");
  if (::mount(directory.c_str(), directory.c_str(), "none", MS_BIND | MS_REC, nullptr) != 0) {
    return fail_errno("mounting " + directory + " on itself");
  }
  if (::mount("", directory.c_str(), "none", MS_SHARED | MS_REC, nullptr) != 0) {
    return fail_errno("making " + directory + " a shared mount");
  }
  return {};
}

Result<> reserve_namespace_name(std::string_view name) {
  TRY(check_namespace_name(name));
  TRY(prepare_netns_directory());
  const std::string path = path_of(name);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (file) return {};
  if (errno == EEXIST) {
    return fail(EEXIST, "network namespace '" + std::string(name) + "' exists already; `ip netns del " +
                            std::string(name) + "` removes it");
  }
  return fail_errno("making " + path);
}

Result<> mount_namespace(std::string_view name, const NetworkNamespace& space) {
  const std::string source = "/proc/self/fd/" + std::to_string(space.fd());
  const std::string path = path_of(name);
  if (::mount(source.c_str(), path.c_str(), "none", MS_BIND, nullptr) != 0) {
    return fail_errno("mounting a network namespace on " + path);
  }
  return {};
}

Result<NetworkNamespace> make_named_namespace(std::string_view name) {
  TRY(reserve_namespace_name(name));
  auto space = NetworkNamespace::make();
  if (space) {
    if (auto mounted = mount_namespace(name, *space); mounted)
      return space;
    else
      space = std::unexpected(mounted.error());
  }
  ::unlink(path_of(name).c_str());
  return space;
}

Result<> delete_named_namespace(std::string_view name) {
  TRY(check_namespace_name(name));
  const std::string path = path_of(name);
  // EINVAL: nothing is mounted there (any more); the file alone is to go.
  if (::umount2(path.c_str(), MNT_DETACH) != 0 && errno != EINVAL) {
    return errno == ENOENT ? no_such_name(name) : fail_errno("unmounting " + path);
  }
  if (::unlink(path.c_str()) != 0)
    return errno == ENOENT ? no_such_name(name) : fail_errno("removing " + path);
  return {};
}

std::vector<std::string> list_named_namespaces() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(kNetnsDirectory, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

std::optional<std::string> name_of_namespace(const NamespaceIdentity& identity) {
  for (std::string& name : list_named_namespaces()) {
    if (leads_to(path_of(name), identity)) return std::move(name);
  }
  return std::nullopt;
}

std::optional<std::string> find_path(const NamespaceIdentity& identity) {
  if (const auto name = name_of_namespace(identity)) return path_of(*name);
  // "36 35 0:4 net:[4026532281] /run/docker/netns/1-ab ..." (proc(5))
  std::ifstream mounts("/proc/self/mountinfo");
  const std::string root = describe(identity);
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string word, mounted, path;
    words >> word >> word >> word >> mounted >> path;
    if (mounted == root && leads_to(path, identity)) return path;
  }
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    std::string path = entry.path().string() + "/ns/net";
    const bool process =
        entry.path().filename().string().find_first_not_of("0123456789") == std::string::npos;
    if (process && leads_to(path, identity)) return path;
  }
  return std::nullopt;
}

std::string describe(const NamespaceIdentity& identity) {
  return "net:[" + std::to_string(identity.inode) + "]";
}

}  // namespace netkit::host
