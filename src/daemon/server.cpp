#include "daemon/server.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>

#include "base/log.h"
#include "daemon/peer.h"

namespace netkit::daemon {
namespace {

constexpr std::size_t kMaxConnections = 1024;
constexpr std::chrono::seconds kDrainTime(1);

void ring(int bell) {
  const std::uint64_t one = 1;
  (void)!::write(bell, &one, sizeof one);
}

}  // namespace

Result<std::unique_ptr<Server>> Server::make(control::System& system, Listener listener, std::string how) {
  Fd bell(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!bell) return fail_errno("eventfd");
  return std::unique_ptr<Server>(new Server(TRY(rpc::Service::make(system, std::move(how))),
                                            std::move(listener), TRY(EventLoop::make()), std::move(bell)));
}

Server::Server(rpc::Service service, Listener listener, EventLoop loop, Fd bell)
    : service_(std::move(service)),
      listener_(std::move(listener)),
      loop_(std::move(loop)),
      bell_(std::move(bell)) {
  loop_.add(bell_.get(), EPOLLIN, [this](std::uint32_t) { answer_bell(); });
  listen(true);
}

Server::~Server() = default;

void Server::watch(int fd, std::function<void()> ready) {
  loop_.add(fd, EPOLLIN, [ready = std::move(ready)](std::uint32_t) { ready(); });
}

void Server::run() {
  while (!stopping_.load()) loop_.turn();
  drain();
  connections_.clear();
}

void Server::stop() {
  stopping_.store(true);
  ring(bell_.get());
}

// A listener that cannot accept (too many connections, or files) must not keep the loop awake: it is left
// alone until a connection has gone.
void Server::listen(bool on) {
  if (on == listening_) return;
  listening_ = on;
  if (on) loop_.add(listener_.fd(), EPOLLIN, [this](std::uint32_t) { accept(); });
  if (!on) loop_.remove(listener_.fd());
}

void Server::accept() {
  Fd socket = listener_.accept();
  if (!socket) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOMEM) listen(false);
    return;
  }
  auto caller = identify_peer(socket.get(), service_);
  if (!caller) {
    log::warning("a client could not be identified: " + describe(caller.error()));
    return;
  }
  const int fd = socket.get();
  const auto news = [this] {
    if (!news_.exchange(true)) ring(bell_.get());
  };
  auto connection = std::make_unique<Connection>(std::move(socket), service_, *std::move(caller), news);
  loop_.add(fd, connection->wanted_events(), [this, &connection = *connection](std::uint32_t events) {
    connection.proceed(events);
    settle(connection);
  });
  connections_.emplace(fd, std::move(connection));
  if (connections_.size() >= kMaxConnections) listen(false);
}

// After anything has moved on a connection.
void Server::settle(Connection& connection) {
  const int fd = connection.fd();
  if (!connection.finished()) {
    loop_.change(fd, connection.wanted_events());
    return;
  }
  loop_.remove(fd);
  connections_.erase(fd);
  if (!stopping_.load()) listen(true);
}

void Server::answer_bell() {
  std::uint64_t rung = 0;
  (void)!::read(bell_.get(), &rung, sizeof rung);
  if (!news_.exchange(false)) return;
  std::vector<Connection*> all;
  for (const auto& [fd, connection] : connections_) all.push_back(connection.get());
  for (Connection* const connection : all) {
    connection->forward_notifications();
    settle(*connection);
  }
}

void Server::drain() {
  listen(false);
  listener_.close();
  const auto deadline = std::chrono::steady_clock::now() + kDrainTime;
  const auto has_output = [](const auto& entry) { return entry.second->has_output(); };
  while (std::ranges::any_of(connections_, has_output)) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return;
    loop_.turn(left);
  }
}

BackgroundServer::BackgroundServer(std::unique_ptr<Server> server) : server_(std::move(server)) {
  thread_ = std::jthread([this] { server_->run(); });
}

BackgroundServer::~BackgroundServer() {
  server_->stop();
  thread_.join();
}

}  // namespace netkit::daemon
