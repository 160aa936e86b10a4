// The engine's socket and its clients, served by one thread: one loop over the listening socket, the
// connections, and whatever else of the engine wants to be heard.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"
#include "control/rpc/service.h"
#include "daemon/connection.h"
#include "daemon/event_loop.h"
#include "daemon/listener.h"

namespace netkit::daemon {

class Server {
 public:
  // Who has connected waits until run() serves them. `how` is what clients are told about the engine: "live
  // (root)". The system must outlive the server.
  [[nodiscard]] static Result<std::unique_ptr<Server>> make(control::System& system, Listener listener,
                                                            std::string how);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Calls `ready`, on the serving thread, whenever the descriptor is readable. Before run() only.
  void watch(int fd, std::function<void()> ready);
  // Serves until stop(); then nobody new is let in, answers are sent to their end (for a second at most), and
  // all connections are closed.
  void run();
  // From any thread, and from signal handlers.
  void stop();

  [[nodiscard]] const std::filesystem::path& path() const { return listener_.path(); }

 private:
  Server(rpc::Service service, Listener listener, EventLoop loop, Fd bell);
  void listen(bool on);
  void accept();
  void settle(Connection& connection);
  void answer_bell();
  void drain();

  rpc::Service service_;
  Listener listener_;
  EventLoop loop_;
  Fd bell_;  // eventfd: notifications wait, or stop
  std::atomic<bool> stopping_{false};
  std::atomic<bool> news_{false};
  bool listening_ = false;
  std::unordered_map<int, std::unique_ptr<Connection>> connections_;
};

// A server with a thread of its own.
class BackgroundServer {
 public:
  explicit BackgroundServer(std::unique_ptr<Server> server);
  // Ends it, with all its connections.
  ~BackgroundServer();
  [[nodiscard]] const std::filesystem::path& path() const { return server_->path(); }

 private:
  std::unique_ptr<Server> server_;
  std::jthread thread_;
};

}  // namespace netkit::daemon
