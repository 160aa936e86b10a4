// What one worker thread (or test run) carries while it moves packets: its virtual CPU, the contexts of
// program runs, the redirect record, the nesting depth and the receive backlog.
//
// Theory of operation. A packet enters by transmit() (the stack above a device sent it) or receive() (it
// came off a wire). Redirects to a transmit side and redirect_peer are nested calls on this thread; PASS and
// redirects to a receive side append to the backlog, which drain() delivers in order, with a budget and the
// depth starting anew. Ports that were handed packets are flushed by flush().
//
// The worker's loop:   read ports -> transmit() / receive() -> drain() until idle or the budget is spent ->
// flush()
//                      -> quiescent() -> (offline while it sleeps, only when idle)
// A thread that is no rcu::Reader wraps this in an rcu::Section and ends it with settle().
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "bpf/run/context.h"
#include "bpf/run/socket_table.h"
#include "device/backlog.h"
#include "device/device.h"
#include "device/transmit_status.h"
#include "packet/batch.h"
#include "packet/pool.h"

namespace netkit::device {

class Execution;

// Resolves next hops for bpf_redirect_neigh: takes the packet (its Ethernet header is still in front) and
// sends it out of `target`, or drops it. Installed by the neighbour layer.
using NeighbourOutput = void (*)(void* self, Execution& execution, Device& target, PacketPtr packet,
                                 const bpf::RedirectRecord& record);

// Told about every run that was ended by force, on the thread that ran the program.
using FaultReport = void (*)(void* self, const bpf::Program& program, const bpf::Fault& fault);

class Execution {
 public:
  static constexpr std::uint32_t kMaxDepth = 8;  // XMIT_RECURSION_LIMIT: a depth above it is refused
  static constexpr std::size_t kBudget = 300;    // net.core.netdev_budget: packets of one drain

  // `cpu` is the virtual CPU that this thread owns, `pool` its own pool.
  Execution(Network& network, std::uint32_t cpu, PacketPool& pool,
            std::size_t backlog_limit = Backlog::kDefaultLimit);
  ~Execution();  // nothing may stand in the backlog: settle() first
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;

  [[nodiscard]] Network& network() const { return *network_; }
  [[nodiscard]] std::uint32_t cpu() const { return cpu_; }
  [[nodiscard]] PacketPool& pool() const { return *pool_; }

  // ---- entries of the outermost level; each takes all packets out of the batch ----
  // The stack above `device` sends. kSuccess does not say that anybody received the packet.
  TransmitStatus transmit(Device& device, PacketBatch& batch);
  // The same without queueing layer and egress hooks (PACKET_QDISC_BYPASS).
  TransmitStatus transmit_directly(Device& device, PacketBatch& batch);
  // Packets that `device` received from its wire, data at the MAC header.
  void receive(Device& device, PacketBatch& batch);

  // Delivers from the backlog; returns how many packets were delivered.
  std::size_t drain(std::size_t budget = kBudget);
  [[nodiscard]] bool idle() const { return backlog_.empty(); }
  // Ports that were given packets since the last flush.
  void flush();
  // Between batches: drops what waits for devices that have gone, and reports the thread's quiescent state.
  void quiescent();
  // Drains and flushes until nothing is left; what still circulates after `limit` packets is dropped.
  void settle(std::size_t limit = 100'000);

  // ---- for the stages (transmit, receive, redirect) ----
  [[nodiscard]] Backlog& backlog() { return backlog_; }
  [[nodiscard]] bpf::RedirectRecord& redirect() { return redirect_; }
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  [[nodiscard]] CpuCounters& counters(Device& device) const { return device.counters(cpu_); }
  // Runs one program on a packet; nested runs get a context of their own.
  [[nodiscard]] std::int32_t run(const bpf::Program& program, Packet& packet);
  // Runs the callbacks of timers that are due on this CPU, between packets; returns how many.
  std::uint32_t run_timers();
  // Whether the last run ended by a fault.
  [[nodiscard]] bool faulted() const { return faulted_; }
  // A packet comes to the programs of a transmit hook: a record of an earlier packet is forgotten, unless
  // this happens inside a program's clone_redirect or a round of receive processing, which share one
  // (kernel-findings.md 6).
  void begin_packet() {
    if (!receiving_ && run_level_ == 0) redirect_.clear();
  }
  // Hands packets to a port, which must take them as they are, and remembers to flush it.
  void hand_to(Port& port, PacketBatch& batch);
  void set_neighbour_output(NeighbourOutput function, void* self) {
    neighbour_output_ = function, neighbour_self_ = self;
  }
  // Null until a neighbour layer is there.
  [[nodiscard]] NeighbourOutput neighbour_output() const { return neighbour_output_; }
  [[nodiscard]] void* neighbour_self() const { return neighbour_self_; }
  [[nodiscard]] bpf::Outside& outside() { return outside_; }
  // Sockets that programs find by namespace and tuple, and that packets name; null: there are none.
  void set_sockets(const bpf::SocketTable* sockets);
  [[nodiscard]] const bpf::SocketTable* sockets() const { return sockets_; }
  // Instructions that one run of a program may execute; before the first run.
  void set_instruction_limit(std::uint64_t limit) { instruction_limit_ = limit; }
  void set_fault_report(FaultReport function, void* self) { fault_report_ = function, fault_self_ = self; }

  // One more level of nested transmission, for the life of the object.
  class Nesting {
   public:
    explicit Nesting(Execution& execution) : execution_(execution) { ++execution_.depth_; }
    ~Nesting() { --execution_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Execution& execution_;
  };
  [[nodiscard]] bool too_deep() const { return depth_ > kMaxDepth; }

 private:
  // The context of the next run: one for each level of nesting.
  [[nodiscard]] bpf::RunContext& run_context();
  void deliver(Device& device, PacketBatch& batch);
  void drop_queued(PacketPtr packet);
  void drop_unregistered();

  Network* network_;
  std::uint32_t cpu_;
  PacketPool* pool_;
  Backlog backlog_;
  bpf::RedirectRecord redirect_;
  bpf::Outside outside_;
  const bpf::SocketTable* sockets_ = nullptr;
  std::uint32_t depth_ = 0;
  bool receiving_ = false;
  bool faulted_ = false;
  std::uint64_t seen_unregistered_ = 0;
  std::size_t run_level_ = 0;
  std::vector<std::unique_ptr<bpf::RunContext>>
      runs_;  // by level of nested program runs, made when first needed
  std::vector<Port*> unflushed_;
  std::uint64_t instruction_limit_ = bpf::kDefaultInstructionLimit;
  FaultReport fault_report_ = nullptr;
  void* fault_self_ = nullptr;
  NeighbourOutput neighbour_output_ = nullptr;
  void* neighbour_self_ = nullptr;
};

}  // namespace netkit::device
