// What the handles of the public API stand for.
#pragma once

#include <memory>

#include "api/engine_state.h"
#include "control/attach.h"
#include "control/link.h"
#include "control/object.h"
#include "control/pins.h"
#include "device/device.h"
#include "device/namespace.h"
#include "netkit/device.h"
#include "netkit/link.h"
#include "netkit/map.h"
#include "netkit/namespace.h"
#include "netkit/port.h"
#include "netkit/program.h"

namespace netkit::v1 {

using EngineRef = std::shared_ptr<detail::EngineState>;

// An open descriptor of the engine's client; closed when it goes.
class Descriptor {
 public:
  Descriptor(EngineRef engine, int fd) : engine_(std::move(engine)), fd_(fd) {}
  ~Descriptor() {
    engine_->request([this](control::Client& client) { return client.close(fd_); }).value();
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  [[nodiscard]] int fd() const { return fd_; }
  template <class Work>
  auto request(Work work) const {
    return engine_->request(work);
  }
  [[nodiscard]] Result<> pin(std::string_view path) const {
    return request(
        [&](control::Client& client) { return detail::out(control::pin_object(client, fd_, path)); });
  }

 private:
  EngineRef engine_;
  int fd_;
};

struct Namespace::State {
  EngineRef engine;
  device::NamespaceRef netns;
  // The public handle of a device of this engine.
  [[nodiscard]] Device handle(device::DeviceRef device) const;
};

struct Device::State {
  EngineRef engine;
  device::DeviceRef device;

  // Calls `work` with the client in the device's namespace and the device's number there. ENODEV: it has
  // gone.
  template <class Work>
  auto ask(Work work) const -> std::invoke_result_t<Work, control::Client&, std::uint32_t> {
    return engine->request([&](control::Client& client) -> decltype(ask(work)) {
      {
        const device::Rtnl rtnl = client.network().lock();
        if (!device->registered()) return std::unexpected(Error{ENODEV, "the device has gone"});
        client.enter(device->netns()->shared_from_this());
      }
      return work(client, device->ifindex());
    });
  }
  // RTM_SETLINK of this device.
  [[nodiscard]] Result<> change(control::LinkRequest request) const;
  [[nodiscard]] static control::AttachRequest attachment(std::uint32_t ifindex, AttachPoint point,
                                                         const Program& program, const Position& position);
};

struct Program::State : Descriptor {
  using Descriptor::Descriptor;
  [[nodiscard]] control::ProgramInfo info() const;
};

struct Map::State : Descriptor {
  using Descriptor::Descriptor;
  [[nodiscard]] control::MapInfo info() const;
};

struct Link::State : Descriptor {
  using Descriptor::Descriptor;
  [[nodiscard]] control::LinkInfo info() const;
};

struct Object::State {
  State(EngineRef owner, control::ObjectHandles loaded)
      : engine(std::move(owner)), handles(std::move(loaded)) {}
  ~State() {
    for (const auto* list : {&handles.programs, &handles.maps}) {
      for (const control::NamedHandle& handle : *list)
        engine->request([&](control::Client& client) { return client.close(handle.fd); }).value();
    }
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  // Another descriptor for the same.
  [[nodiscard]] int copy(const control::NamedHandle& handle) const {
    return engine->request([&](control::Client& client) { return client.duplicate(handle.fd).value(); });
  }

  EngineRef engine;
  control::ObjectHandles handles;
};

struct Port::State {
  State(EngineRef owner, device::DeviceRef below, std::unique_ptr<netkit::Port> end)
      : engine(std::move(owner)), device(std::move(below)), world(std::move(end)) {
    // From here on the descriptor is readable only when something has come.
    (void)world->poll_fd();
    engine->receive(*world, arrived);
  }
  ~State() { engine->disconnect(*device); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  EngineRef engine;
  device::DeviceRef device;
  std::unique_ptr<netkit::Port> world;  // the end that the embedding process holds
  PacketBatch arrived;                  // taken from it, not handed out yet
  std::size_t next = 0;                 // of these
};

}  // namespace netkit::v1
