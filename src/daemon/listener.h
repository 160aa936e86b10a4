// The socket that clients connect to. Its path belongs to this process until it goes.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace netkit::daemon {

struct ListenOptions {
  std::filesystem::path path;
  std::string group;  // whose members may connect; empty: only the owner (and root)
};

class Listener {
 public:
  // EADDRINUSE: somebody listens there, or the path is something else than a socket. A socket without a
  // listener, left by a process that was killed, is replaced. ENAMETOOLONG; ENOENT: no such group.
  [[nodiscard]] static Result<Listener> open(const ListenOptions& options);
  Listener(Listener&& other) noexcept = default;
  Listener& operator=(Listener&&) = delete;
  // Removes the path, if it is still the socket made here.
  ~Listener() { close(); }

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  // The next connection, non-blocking; none: nobody waits.
  [[nodiscard]] Fd accept() const;
  // Nobody new from here on.
  void close();

 private:
  Listener(Fd socket, std::filesystem::path path, std::uint64_t inode)
      : socket_(std::move(socket)), path_(std::move(path)), inode_(inode) {}
  Fd socket_;
  std::filesystem::path path_;
  std::uint64_t inode_;
};

}  // namespace netkit::daemon
