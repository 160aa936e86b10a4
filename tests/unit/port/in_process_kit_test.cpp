// The port kit on the in-process port, bare and inside the wrappers.
#include <fcntl.h>

#include "port/in_process.h"
#include "port/wrappers.h"
#include "tests/unit/port/port_kit.h"

namespace netkit::testing_kit {
namespace {

class InProcessUnderTest final : public PortUnderTest {
 public:
  explicit InProcessUnderTest(const std::function<std::unique_ptr<Port>(std::unique_ptr<Port>)>& wrap) {
    InProcessPorts ports = make_in_process_ports();
    port_ = wrap(std::move(ports.first));
    world_ = std::move(ports.second);
  }
  Port& port() override { return *port_; }
  void world_send(PacketPtr packet) override {
    PacketBatch batch;
    batch.push(std::move(packet));
    world_->send(batch);
  }
  std::vector<PacketPtr> world_receive(PacketPool& pool, std::size_t) override {
    std::vector<PacketPtr> packets;
    for (PacketBatch batch;; batch.clear()) {
      world_->receive(pool, batch);
      if (batch.empty()) return packets;
      for (PacketPtr& packet : batch) packets.push_back(std::move(packet));
    }
  }
  std::uint32_t largest_frame() const override { return 65535; }

 private:
  std::unique_ptr<Port> port_, world_;
};

std::unique_ptr<PortUnderTest> bare() {
  return std::make_unique<InProcessUnderTest>([](std::unique_ptr<Port> port) { return port; });
}
std::unique_ptr<PortUnderTest> captured() {
  return std::make_unique<InProcessUnderTest>([](std::unique_ptr<Port> port) {
    auto file =
        CaptureFile::create(Fd(::open("/dev/null", O_WRONLY | O_CLOEXEC)), CaptureFormat::kPcap, "nk0");
    return capture(std::move(port), *std::move(file));
  });
}
std::unique_ptr<PortUnderTest> with_loss_of_nothing() {
  return std::make_unique<InProcessUnderTest>(
      [](std::unique_ptr<Port> port) { return lossy(std::move(port), {}); });
}

INSTANTIATE_TEST_SUITE_P(InProcess, PortKit,
                         testing::Values(PortMaker{"bare", bare}, PortMaker{"captured", captured},
                                         PortMaker{"lossy", with_loss_of_nothing}),
                         kit_name);

}  // namespace
}  // namespace netkit::testing_kit
