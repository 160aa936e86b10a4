// A worker: the thread that moves packets between ports and devices, run to completion.
//
// Theory of operation. Each turn reads every port once and hands what came to the port's device, runs the
// timers of its virtual CPU that are due, drains the backlog, flushes the ports that were written to, and
// reports a quiescent state. While something moves the worker keeps turning; when nothing has moved for
// `spin` it goes offline and sleeps until a port, a timer, or a change of its list of ports, wakes it. The
// list is an immutable snapshot, replaced by control at any time.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "base/rcu.h"
#include "base/result.h"
#include "bpf/run/vcpu.h"
#include "device/device.h"
#include "device/execution.h"
#include "packet/pool.h"
#include "port/port.h"

namespace netkit::engine {

// A port that a worker reads, and the device whose stack it leads to.
struct Connection {
  device::DeviceRef device;
  std::shared_ptr<Port> port;
};

struct WorkerOptions {
  std::chrono::microseconds spin{50};  // how long an idle worker polls before it sleeps
  // Lines of bpf_trace_printk; called on the worker's thread. Null: thrown away.
  void (*trace)(void* self, std::string_view line) = nullptr;
  void* trace_self = nullptr;
  // Sockets that programs find and read; outlives the worker. Null: there are none.
  const bpf::SocketTable* sockets = nullptr;
  // Runs of programs that were ended by force; called on the worker's thread. Null: only counted.
  device::FaultReport fault = nullptr;
  void* fault_self = nullptr;
  std::uint64_t instruction_limit = bpf::kDefaultInstructionLimit;
  // A port's interface has gone; called on the worker's thread, once or more. Null: nobody asks.
  void (*port_gone)(void* self) = nullptr;
  void* port_gone_self = nullptr;
};

class Worker {
 public:
  // Takes a virtual CPU and starts the thread. EAGAIN: no virtual CPU is free.
  [[nodiscard]] static Result<std::unique_ptr<Worker>> start(device::Network& network,
                                                             const WorkerOptions& options);
  ~Worker();  // stops; every packet of its pool must have come back: destroy the ports before
  // Ends the thread; what still stands in the backlog is delivered or dropped before.
  void stop();

  // Replaces the ports that it reads. A port that is no longer in the list is not touched after the next
  // grace period.
  void serve(std::vector<Connection> connections);

 private:
  struct Ports;
  Worker(device::Network& network, const WorkerOptions& options, bpf::VirtualCpu cpu, Fd wake, Fd epoll);
  void run(const std::stop_token& stop);
  bool turn(device::Execution& execution);
  void sleep();

  device::Network& network_;
  WorkerOptions options_;
  bpf::VirtualCpu cpu_;
  Fd wake_;   // eventfd: look at the list of ports again, or stop
  Fd epoll_;  // over wake_ and the descriptors of all ports
  rcu::Published<Ports> ports_;
  PacketPool pool_;
  std::jthread thread_;
};

}  // namespace netkit::engine
