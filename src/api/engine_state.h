// What all handles of the public API share: the engine, and one client of it through which every request
// goes.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

#include "base/result.h"
#include "control/client.h"
#include "control/system.h"
#include "engine/engine.h"
#include "netkit/result.h"
#include "packet/pool.h"

namespace netkit::v1::detail {

class EngineState {
 public:
  explicit EngineState(std::unique_ptr<engine::Engine> engine);
  EngineState(const EngineState&) = delete;
  EngineState& operator=(const EngineState&) = delete;

  [[nodiscard]] device::Network& network() { return engine_->network(); }

  // Calls `work` with the engine's one client, alone.
  template <class Work>
  auto request(Work work) {
    const std::lock_guard guard(mutex_);
    return work(client_);
  }
  // The same in a namespace.
  template <class Work>
  auto request_in(const device::NamespaceRef& netns, Work work) {
    return request([&](control::Client& client) {
      client.enter(netns);
      return work(client);
    });
  }

  // Ports; each call comes alone.
  void connect(const device::DeviceRef& device, std::shared_ptr<netkit::Port> port);
  void disconnect(device::Device& device);
  // After devices may have gone: closes their ports.
  void collect();
  // A packet out of the pool for those that come from outside. Null: none free, or too long.
  [[nodiscard]] PacketPtr allocate(std::uint32_t bytes);
  // What has come to the embedding process's end of a port.
  void receive(netkit::Port& port, PacketBatch& batch);

 private:
  PacketPool pool_;  // outlives the packets that stand in the engine
  std::mutex mutex_;
  std::unique_ptr<engine::Engine> engine_;
  control::System system_;
  control::Client client_;  // its handles go before the engine does
};

// The public error for one of ours.
[[nodiscard]] inline std::unexpected<v1::Error> out(const netkit::Error& error) {
  return std::unexpected(v1::Error{error.code, error.text});
}
[[nodiscard]] inline v1::Result<> out(const netkit::Result<>& result) {
  if (!result) return out(result.error());
  return {};
}

}  // namespace netkit::v1::detail
