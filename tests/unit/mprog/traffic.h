// Two workers that keep packets flowing while other threads change what they flow through.
#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/per_cpu.h"
#include "base/rcu.h"
#include "device/execution.h"
#include "device/namespace.h"
#include "packet/builder.h"

namespace netkit::testing {

// Takes what a device hands up, and keeps what its programs have left in cb[0].
class StampCollector final : public Port {
 public:
  void receive(PacketPool&, PacketBatch&) override {}
  void send(PacketBatch& batch) override {
    const std::lock_guard lock(mutex_);
    for (const PacketPtr& packet : batch) stamps_.insert(packet->meta.cb[0]);
    batch.clear();
  }
  [[nodiscard]] PortOffloads offloads() const override { return {.max_len = kMaxPacket}; }
  [[nodiscard]] PortCounters counters() const override { return {}; }
  [[nodiscard]] std::string_view kind() const override { return "stamps"; }

  [[nodiscard]] std::set<std::uint32_t> stamps() const {
    const std::lock_guard lock(mutex_);
    return stamps_;
  }

 private:
  mutable std::mutex mutex_;
  std::set<std::uint32_t> stamps_;
};

// Sends from devices of one namespace, whichever of their numbers exist at the moment, until stop().
class Traffic {
 public:
  Traffic(device::Network& network, device::NamespaceRef netns, std::vector<std::uint32_t> devices)
      : network_(network), netns_(std::move(netns)), devices_(std::move(devices)) {
    for (std::uint32_t cpu = 0; cpu < kWorkers; ++cpu)
      workers_[cpu] = std::jthread([this, cpu] { work(cpu); });
    for (const std::atomic<std::uint64_t>& turns : turns_) turns.wait(0);
  }
  ~Traffic() { stop(); }
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  void stop() {
    done_ = true;
    for (std::jthread& worker : workers_) {
      if (worker.joinable()) worker.join();
    }
  }
  // Waits until every worker has been through all devices once more.
  void turn() {
    for (const std::atomic<std::uint64_t>& turns : turns_) {
      const std::uint64_t wanted = turns + 2;
      for (std::uint64_t seen = turns; seen < wanted; seen = turns) turns.wait(seen);
    }
  }

 private:
  static constexpr std::uint32_t kWorkers = 2;

  void work(std::uint32_t cpu) {
    const rcu::Reader reader;
    PacketPool pool;
    {
      device::Execution execution(network_, cpu % possible_cpus(), pool);
      while (!done_) {
        for (const std::uint32_t ifindex : devices_) {
          if (device::Device* const device = netns_->find(ifindex); device != nullptr)
            send(execution, *device);
          execution.drain();
          execution.quiescent();
        }
        ++turns_[cpu];
        turns_[cpu].notify_all();
      }
      execution.settle();
    }
  }
  static void send(device::Execution& execution, device::Device& device) {
    PacketBatch batch;
    for (int i = 0; i < kBurst; ++i) {
      batch.push(
          PacketBuilder().ethernet({}, {}).ip("10.0.0.1", "10.0.0.2").udp(1, 2).build(execution.pool()));
    }
    (void)execution.transmit(device, batch);
  }

  static constexpr int kBurst = 4;
  device::Network& network_;
  device::NamespaceRef netns_;
  std::vector<std::uint32_t> devices_;
  std::atomic<bool> done_ = false;
  std::array<std::atomic<std::uint64_t>, kWorkers> turns_{};
  std::array<std::jthread, kWorkers> workers_;
};

}  // namespace netkit::testing
