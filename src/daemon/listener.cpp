#include "daemon/listener.h"

#include <fcntl.h>
#include <grp.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cstring>

#include "base/text.h"

namespace netkit::daemon {
namespace {

Result<sockaddr_un> address_of(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path) {
    return fail(ENAMETOOLONG, path.native() + " is too long for a socket (" +
                                  std::to_string(sizeof address.sun_path - 1) + " bytes at most)");
  }
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

Result<gid_t> find_group(const std::string& name) {
  const group* const found = ::getgrnam(name.c_str());
  if (found == nullptr) return fail(ENOENT, "no group " + quote(name) + "; create it or leave --group out");
  return found->gr_gid;
}

// Makes the path free, or says who has it.
Result<> make_room(const std::filesystem::path& path, const sockaddr_un& address) {
  struct stat there{};
  if (::lstat(path.c_str(), &there) != 0) return {};
  if (!S_ISSOCK(there.st_mode))
    return fail(EADDRINUSE, path.native() + " exists and is no socket; remove it");
  const Fd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN) {
    return fail(EADDRINUSE,
                "an engine already listens at " + path.native() + "; use it, or name another --socket");
  }
  if (errno != ECONNREFUSED) return fail_errno(path.native());
  if (::unlink(path.c_str()) != 0 && errno != ENOENT)
    return fail_errno("removing the stale " + path.native());
  return {};
}

// Two starts at once must not take each other's socket for a stale one.
Result<Fd> lock_directory(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  Fd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock || ::flock(lock.get(), LOCK_EX) != 0) return fail_errno(directory.native());
  return lock;
}

}  // namespace

Result<Listener> Listener::open(const ListenOptions& options) {
  const std::filesystem::path& path = options.path;
  const sockaddr_un address = TRY(address_of(path));
  const auto group = options.group.empty() ? static_cast<gid_t>(-1) : TRY(find_group(options.group));
  const Fd lock = TRY(lock_directory(path));
  TRY(make_room(path, address));
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) return fail_errno("socket");
  // What bind() makes has the mode of the descriptor: nobody gets in before owner and group are right.
  const mode_t mode = options.group.empty() ? 0600 : 0660;
  ::fchmod(socket.get(), 0600);
  if (::bind(socket.get(), generic(address), sizeof address) != 0) return fail_errno(path.native());
  struct stat made{};
  if (::lstat(path.c_str(), &made) != 0) return fail_errno(path.native());
  Listener listener(std::move(socket), path, made.st_ino);
  if (!options.group.empty() && ::chown(path.c_str(), static_cast<uid_t>(-1), group) != 0) {
    return fail_errno("giving " + path.native() + " to the group " + options.group);
  }
  if (::chmod(path.c_str(), mode) != 0) return fail_errno(path.native());
  if (::listen(listener.fd(), SOMAXCONN) != 0) return fail_errno(path.native());
  return listener;
}

Fd Listener::accept() const {
  return Fd(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

void Listener::close() {
  if (!socket_) return;
  struct stat there{};
  if (::lstat(path_.c_str(), &there) == 0 && there.st_ino == inode_) ::unlink(path_.c_str());
  socket_.reset();
}

}  // namespace netkit::daemon
