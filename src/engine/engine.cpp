#include "engine/engine.h"

#include <sys/eventfd.h>

#include <algorithm>
#include <string>
#include <thread>

namespace netkit::engine {
namespace {

void ring(int eventfd) {
  const std::uint64_t one = 1;
  (void)!::write(eventfd, &one, sizeof one);
}

// Several forwarding threads do not pay where the stacks at both ends need the CPUs themselves.
std::uint32_t default_workers() {
  return std::max(1U, std::thread::hardware_concurrency() / 2);
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::start(const EngineOptions& options) {
  Fd news(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!news) return fail_errno("eventfd");
  std::unique_ptr<Engine> engine(new Engine(std::move(news)));
  WorkerOptions worker = options.worker;
  worker.port_gone = [](void* self) { ring(static_cast<Engine*>(self)->news_.get()); };
  worker.port_gone_self = engine.get();
  const std::uint32_t count = options.workers != 0 ? options.workers : default_workers();
  for (std::uint32_t i = 0; i < count; ++i) {
    engine->workers_.push_back(TRY(Worker::start(engine->network_, worker)));
  }
  return engine;
}

Engine::Engine(Fd news) : news_(std::move(news)) {
  deletions_ = network_.subscribe([this](const device::Event& event) {
    if (event.kind == device::EventKind::kDelLink && (event.changed & device::kChangedMoved) == 0)
      ring(news_.get());
  });
}

Engine::~Engine() {
  for (const auto& worker : workers_) worker->stop();
  {
    const device::Rtnl rtnl = network_.lock();
    for (const Placed& placed : placed_) placed.connection.device->set_upper_port(rtnl, nullptr);
  }
  // Ports that were taken away earlier are closed by now, and the packets they held are back in the pools.
  placed_.clear();
  rcu::drain();
}

void Engine::connect(const device::DeviceRef& device, std::shared_ptr<Port> port) {
  connect(network_.lock(), device, std::move(port));
}

void Engine::connect(const device::Rtnl& rtnl, const device::DeviceRef& device, std::shared_ptr<Port> port) {
  device->set_upper_port(rtnl, port.get());
  const std::lock_guard guard(mutex_);
  placed_.push_back({{device, std::move(port)}, next_worker_++ % workers_.size()});
  publish();
}

void Engine::disconnect(device::Device& device) {
  disconnect(network_.lock(), device);
}

void Engine::disconnect(const device::Rtnl& rtnl, device::Device& device) {
  device.set_upper_port(rtnl, nullptr);
  const std::lock_guard guard(mutex_);
  const auto found = std::ranges::find_if(
      placed_, [&](const Placed& placed) { return placed.connection.device.get() == &device; });
  if (found == placed_.end()) return;
  rcu::retire([connection = std::move(found->connection)] {});
  placed_.erase(found);
  publish();
}

std::shared_ptr<Port> Engine::port_of(const device::Device& device) const {
  const std::lock_guard guard(mutex_);
  for (const Placed& placed : placed_) {
    if (placed.connection.device.get() == &device) return placed.connection.port;
  }
  return nullptr;
}

void Engine::publish() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    std::vector<Connection> served;
    for (const Placed& placed : placed_) {
      if (placed.worker == i) served.push_back(placed.connection);
    }
    workers_[i]->serve(std::move(served));
  }
}

std::vector<std::string> Engine::collect() {
  std::uint64_t rings = 0;
  (void)!::read(news_.get(), &rings, sizeof rings);
  const device::Rtnl rtnl = network_.lock();
  std::vector<Connection> connections;
  {
    const std::lock_guard guard(mutex_);
    for (const Placed& placed : placed_) connections.push_back(placed.connection);
  }
  std::vector<std::string> deleted;
  for (const Connection& connection : connections) {
    if (!connection.device->registered() || connection.port->state() != PortState::kGone) continue;
    deleted.push_back(connection.device->name());
    (void)network_.delete_device(rtnl, *connection.device);
  }
  for (const Connection& connection : connections) {
    if (!connection.device->registered()) disconnect(rtnl, *connection.device);
  }
  return deleted;
}

}  // namespace netkit::engine
