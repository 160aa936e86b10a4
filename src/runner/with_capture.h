// The `capture:` key of a topology: a port that also writes down what passes.
#pragma once

#include <memory>

#include "base/result.h"
#include "port/port.h"
#include "topology/topology.h"

namespace netkit::runner {

// The port itself where the end asks for no capture. The file is made anew.
[[nodiscard]] Result<std::unique_ptr<Port>> with_capture(std::unique_ptr<Port> port,
                                                         const topology::Topology& topology,
                                                         topology::EndIndex end);

}  // namespace netkit::runner
