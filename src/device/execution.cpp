#include "device/execution.h"

#include <algorithm>
#include <cassert>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/exec/timers.h"
#include "device/ethernet.h"
#include "device/namespace.h"
#include "device/receive.h"
#include "device/redirect.h"
#include "device/transmit.h"

namespace netkit::device {
namespace {

// The helpers' outside world, as this network is.
std::int64_t outside_clone_redirect(void* self, bpf::RunContext& run, std::uint32_t ifindex,
                                    std::uint64_t flags) {
  return clone_redirect(*static_cast<Execution*>(self), run, ifindex, flags);
}

std::uint32_t outside_device_mtu(void*, bpf::RunContext& run, std::uint32_t ifindex) {
  const Device* device = run.packet->meta.dev;
  if (ifindex != 0) device = device->netns()->find(ifindex);
  return device != nullptr ? device->mtu() : 0;
}

void outside_device_facts(void*, bpf::RunContext& run, bpf::DeviceFacts& facts) {
  const Device* device = run.packet->meta.dev;
  if (device == nullptr) return;
  facts.ifindex = device->ifindex();
  facts.name = device->published_name();
  facts.mtu = device->mtu();
  facts.flags = device->flags();
  facts.needed_headroom = static_cast<std::uint16_t>(device->needed_headroom());
  facts.needed_tailroom = static_cast<std::uint16_t>(device->needed_tailroom());
  const MacAddress mac = device->mac();
  std::ranges::copy(mac.bytes, facts.address.begin());
  facts.address_length = static_cast<std::uint8_t>(mac.bytes.size());
  facts.netns_cookie = device->netns()->cookie();
  facts.netns_inum = static_cast<std::uint32_t>(facts.netns_cookie);
}

std::uint64_t outside_netns_cookie(void*, bpf::RunContext& run) {
  const Device* device = run.packet->meta.dev;
  return device != nullptr ? device->netns()->cookie() : 0;
}

// Ids of other namespaces are not known here.
const bpf::Socket* outside_find_socket(void* self, bpf::RunContext& run, const bpf::SocketQuery& query) {
  if (query.netns >= 0) return nullptr;
  return static_cast<Execution*>(self)->sockets()->find(query, outside_netns_cookie(self, run));
}

const bpf::Socket* outside_socket(void* self, std::uint64_t handle) {
  return static_cast<Execution*>(self)->sockets()->find(handle);
}

}  // namespace

Execution::Execution(Network& network, std::uint32_t cpu, PacketPool& pool, std::size_t backlog_limit)
    : network_(&network),
      cpu_(cpu),
      pool_(&pool),
      backlog_(backlog_limit),
      seen_unregistered_(network.unregistered()) {
  outside_.self = this;
  outside_.clone_redirect = outside_clone_redirect;
  outside_.device_mtu = outside_device_mtu;
  outside_.device_facts = outside_device_facts;
  outside_.netns_cookie = outside_netns_cookie;
}

void Execution::set_sockets(const bpf::SocketTable* sockets) {
  sockets_ = sockets;
  outside_.find_socket = sockets != nullptr ? outside_find_socket : nullptr;
  outside_.socket = sockets != nullptr ? outside_socket : nullptr;
}

Execution::~Execution() {
  assert(backlog_.empty());
}

TransmitStatus Execution::transmit(Device& device, PacketBatch& batch) {
  return queue_transmit(*this, device, batch);
}

TransmitStatus Execution::transmit_directly(Device& device, PacketBatch& batch) {
  return direct_transmit(*this, device, batch);
}

void Execution::receive(Device& device, PacketBatch& batch) {
  CpuCounters& own = counters(device);
  PacketBatch arrived;
  for (PacketPtr& packet : batch) {
    own.rx_packets.add(1);
    own.rx_bytes.add(packet->len());
    if (take_ethernet_header(*packet, device)) {
      arrived.push(std::move(packet));
    } else {
      own.receive.offered.add(1);
      own.receive.drop(DropReason::kTooShort);
    }
  }
  batch.clear();
  redirect_.clear();
  deliver(device, arrived);
}

void Execution::deliver(Device& device, PacketBatch& batch) {
  receiving_ = true;
  receive_packets(*this, device, batch);
  receiving_ = false;
}

// Packets for the same device that stand one behind the other are delivered together.
std::size_t Execution::drain(std::size_t budget) {
  redirect_.clear();
  std::size_t delivered = 0;
  PacketBatch batch;
  while (delivered < budget && !backlog_.empty()) {
    Device& device = *backlog_.front()->meta.dev;
    while (delivered < budget && !batch.full() && !backlog_.empty() &&
           backlog_.front()->meta.dev == &device) {
      batch.push(backlog_.pop());
      ++delivered;
    }
    deliver(device, batch);
  }
  return delivered;
}

void Execution::flush() {
  for (Port* const port : unflushed_) port->flush();
  unflushed_.clear();
}

void Execution::quiescent() {
  drop_unregistered();
  rcu::quiescent();
}

void Execution::settle(std::size_t limit) {
  drop_unregistered();
  while (!idle() && limit > 0) limit -= std::min(limit, drain(std::min(limit, kBudget)));
  while (!idle()) drop_queued(backlog_.pop());
  flush();
}

bpf::RunContext& Execution::run_context() {
  if (run_level_ == runs_.size()) {
    auto context = std::make_unique<bpf::RunContext>();
    context->cpu = cpu_;
    context->redirect = &redirect_;
    context->outside = &outside_;
    context->pool = pool_;
    context->instruction_limit = instruction_limit_;
    runs_.push_back(std::move(context));
  }
  return *runs_[run_level_];
}

std::uint32_t Execution::run_timers() {
  const Nanoseconds next = bpf::next_timer(cpu_);
  if (next == bpf::kNever) return 0;
  const Nanoseconds now = monotonic_ns();
  if (next > now) return 0;
  bpf::RunContext& context = run_context();
  ++run_level_;
  const std::uint32_t callbacks = bpf::run_due_timers(context, now, fault_report_, fault_self_);
  --run_level_;
  return callbacks;
}

std::int32_t Execution::run(const bpf::Program& program, Packet& packet) {
  bpf::RunContext& context = run_context();
  ++run_level_;
  const std::int32_t verdict = bpf::run_program(context, program, packet);
  --run_level_;
  faulted_ = context.fault.happened;
  if (faulted_ && fault_report_ != nullptr) fault_report_(fault_self_, *context.program, context.fault);
  return verdict;
}

void Execution::hand_to(Port& port, PacketBatch& batch) {
  port.send(batch);
  if (std::ranges::find(unflushed_, &port) == unflushed_.end()) unflushed_.push_back(&port);
}

void Execution::drop_queued(PacketPtr packet) {
  FlowCounters& flow = counters(*packet->meta.dev).receive;
  flow.offered.add(1);
  flow.drop(DropReason::kShutdown);
}

// flush_backlog: what waits for devices that have gone. The device is still there: it is freed only after
// every worker has been here.
void Execution::drop_unregistered() {
  const std::uint64_t unregistered = network_->unregistered();
  if (unregistered == seen_unregistered_) return;
  seen_unregistered_ = unregistered;
  for (std::size_t waiting = backlog_.size(); waiting > 0; --waiting) {
    PacketPtr packet = backlog_.pop();
    if (packet->meta.dev->registered()) {
      backlog_.push(std::move(packet));
    } else {
      drop_queued(std::move(packet));
    }
  }
}

}  // namespace netkit::device
