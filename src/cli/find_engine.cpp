#include "cli/find_engine.h"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <vector>

#include "cli/errors.h"
#include "host/sandbox.h"

namespace netkit::cli {
namespace {

constexpr std::string_view kHowToStart =
    "start one with `netkitd` (no root: `netkitd --in-process`) or `netkit run TOPOLOGY.yaml`";

Result<Fd> connect(const std::filesystem::path& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path) return fail(ENAMETOOLONG, path.native());
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return fail_errno("socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return fail_errno(path.native());
  }
  return socket;
}

// Ours, and root's.
std::vector<std::filesystem::path> state_directories() {
  std::vector<std::filesystem::path> directories;
  if (auto own = host::state_directory()) directories.push_back(*std::move(own));
  const std::filesystem::path system = "/run/netkit";
  if (directories.empty() || directories.front() != system) directories.push_back(system);
  return directories;
}

std::vector<std::filesystem::path> run_sockets(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> found;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("run-") && name.ends_with(".sock")) found.push_back(entry.path());
  }
  return found;
}

}  // namespace

Result<Fd> connect_to_engine(const Options& options) {
  const char* const variable = std::getenv("NETKIT_SOCKET");
  const std::string named = !options.socket.empty() ? options.socket : variable != nullptr ? variable : "";
  if (!named.empty()) {
    auto socket = connect(named);
    if (!socket) return no_engine(socket.error().text + "; " + std::string(kHowToStart));
    return socket;
  }
  std::vector<std::filesystem::path> runs;
  for (const std::filesystem::path& directory : state_directories()) {
    auto daemon = connect(directory / "netkitd.sock");
    if (daemon) return daemon;
    if (daemon.error().code == EACCES) {
      return no_engine(daemon.error().text + "; ask as its owner, as root or as a member of its group");
    }
    for (std::filesystem::path& path : run_sockets(directory)) {
      if (connect(path)) runs.push_back(std::move(path));
    }
  }
  if (runs.size() == 1) return connect(runs.front());
  if (runs.empty()) return no_engine("no engine is running; " + std::string(kHowToStart));
  std::string all;
  for (const auto& path : runs) all += " " + path.native();
  return no_engine("several engines are running; name one with --socket:" + all);
}

}  // namespace netkit::cli
