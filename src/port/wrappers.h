// Ports that wrap another port: capture writes down what passes, loss drops some of it on purpose.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "port/capture_file.h"
#include "port/port.h"

namespace netkit {

struct CaptureOptions {
  // How packets that the engine receives are marked; those it sends get the other mark. On a device's upper
  // port they are what the device's own stack sent out, on the wire side what came in.
  Direction received = Direction::kOutbound;
};

[[nodiscard]] std::unique_ptr<Port> capture(std::unique_ptr<Port> port, std::unique_ptr<CaptureFile> file,
                                            const CaptureOptions& options = {});

struct LossOptions {
  double receive = 0;  // the share of packets that are lost, 0 to 1
  double send = 0;
  std::uint64_t seed = 1;  // the same seed loses the same packets of the same sequence
};

// Lost packets are counted as `loss`.
[[nodiscard]] std::unique_ptr<Port> lossy(std::unique_ptr<Port> port, const LossOptions& options);

}  // namespace netkit
