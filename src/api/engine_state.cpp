#include "api/engine_state.h"

namespace netkit::v1::detail {

EngineState::EngineState(std::unique_ptr<engine::Engine> engine)
    : engine_(std::move(engine)), system_{engine_->network()}, client_(system_, nullptr) {}

void EngineState::connect(const device::DeviceRef& device, std::shared_ptr<netkit::Port> port) {
  const std::lock_guard guard(mutex_);
  engine_->connect(device, std::move(port));
}

void EngineState::disconnect(device::Device& device) {
  const std::lock_guard guard(mutex_);
  engine_->disconnect(device);
}

void EngineState::collect() {
  const std::lock_guard guard(mutex_);
  (void)engine_->collect();
}

PacketPtr EngineState::allocate(std::uint32_t bytes) {
  const std::lock_guard guard(mutex_);
  return pool_.allocate(bytes);
}

void EngineState::receive(netkit::Port& port, PacketBatch& batch) {
  const std::lock_guard guard(mutex_);
  port.receive(pool_, batch);
}

}  // namespace netkit::v1::detail
