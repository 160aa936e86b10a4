// Workers between in-process ports: what goes in at one end of a pair comes out at the other.
#include "engine/engine.h"

#include <gtest/gtest.h>
#include <poll.h>

#include <chrono>
#include <thread>

#include "device/namespace.h"
#include "device/netkit_create.h"
#include "port/in_process.h"

namespace netkit::engine {
namespace {

using namespace std::chrono_literals;

// A pair in L3 mode between two namespaces, up, each end with an in-process port whose other end is ours.
class EngineTest : public ::testing::Test {
 protected:
  void SetUp() override {
    EngineOptions options;
    options.workers = 2;
    options.worker.spin = 20us;
    engine_ = std::move(*Engine::start(options));
    device::NetkitSpec spec;
    {
      const device::Rtnl rtnl = engine_->network().lock();
      host_ = *engine_->network().add_namespace(rtnl, "host");
      pod_ = *engine_->network().add_namespace(rtnl, "pod");
      spec.primary.netns = host_.get();
      spec.peer.netns = pod_.get();
      const auto primary = *device::create_netkit(rtnl, engine_->network(), spec);
      primary_ = primary;
      peer_ = primary->other()->shared_from_this();
    }
    connect(primary_, host_side_);
    connect(peer_, pod_side_);
    const device::Rtnl rtnl = engine_->network().lock();
    ASSERT_TRUE(primary_->set_up(rtnl, true));
    ASSERT_TRUE(peer_->set_up(rtnl, true));
  }

  void connect(const device::DeviceRef& device, std::unique_ptr<Port>& ours) {
    InProcessPorts ports = make_in_process_ports();
    ours = std::move(ports.first);
    engine_->connect(device, std::move(ports.second));
  }

  void send(Port& port, std::size_t count) {
    while (count > 0) {
      PacketBatch batch;
      for (; count > 0 && !batch.full(); --count) {
        PacketPtr packet = pool_.allocate(60);
        std::fill_n(packet->data(), 60, std::uint8_t{0});
        packet->meta.protocol = Be16(0x0800);
        batch.push(std::move(packet));
      }
      port.send(batch);
      port.flush();
    }
  }

  // Waits until so many packets have come, or for two seconds.
  std::size_t receive(Port& port, std::size_t expected) {
    std::size_t got = 0;
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    while (got < expected && std::chrono::steady_clock::now() < deadline) {
      PacketBatch batch;
      port.receive(pool_, batch);
      got += batch.size();
      if (batch.empty()) std::this_thread::sleep_for(1ms);
    }
    return got;
  }

  PacketPool pool_;  // outlives the ports and the engine
  std::unique_ptr<Port> host_side_;
  std::unique_ptr<Port> pod_side_;
  std::unique_ptr<Engine> engine_;
  device::NamespaceRef host_;
  device::NamespaceRef pod_;
  device::DeviceRef primary_;
  device::DeviceRef peer_;
};

TEST_F(EngineTest, PacketsCrossThePairInBothDirections) {
  send(*pod_side_, 100);
  EXPECT_EQ(receive(*host_side_, 100), 100U);
  send(*host_side_, 100);
  EXPECT_EQ(receive(*pod_side_, 100), 100U);
  EXPECT_EQ(peer_->stats().tx_packets, 100U);
  EXPECT_EQ(primary_->stats().rx_packets, 100U);
}

TEST_F(EngineTest, ASleepingWorkerWakesForOnePacket) {
  std::this_thread::sleep_for(20ms);  // far longer than it spins
  send(*pod_side_, 1);
  EXPECT_EQ(receive(*host_side_, 1), 1U);
}

TEST_F(EngineTest, ADeviceWithoutItsPortLosesNothingElse) {
  engine_->disconnect(*primary_);
  send(*pod_side_, 10);
  const auto deadline = std::chrono::steady_clock::now() + 2s;
  while (peer_->stats().tx_packets < 10 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(1ms);
  EXPECT_EQ(peer_->stats().tx_packets, 10U);
  EXPECT_EQ(engine_->port_of(*primary_), nullptr);
}

TEST_F(EngineTest, DeletingOneEndClosesThePortsOfBoth) {
  {
    const device::Rtnl rtnl = engine_->network().lock();
    ASSERT_TRUE(engine_->network().delete_device(rtnl, *peer_));
  }
  pollfd waiting{engine_->poll_fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 2000), 1);
  EXPECT_TRUE(engine_->collect().empty());  // nothing is deleted that the user has not deleted
  rcu::drain();
  EXPECT_EQ(host_side_->state(), PortState::kGone);
  EXPECT_EQ(pod_side_->state(), PortState::kGone);
}

TEST_F(EngineTest, AnInterfaceThatVanishesTakesThePairWithIt) {
  pod_side_.reset();
  send(*host_side_, 1);  // the worker notices when it next looks at the port
  const auto deadline = std::chrono::steady_clock::now() + 3s;
  std::vector<std::string> deleted;
  while (deleted.empty() && std::chrono::steady_clock::now() < deadline) {
    pollfd waiting{engine_->poll_fd(), POLLIN, 0};
    ::poll(&waiting, 1, 100);
    deleted = engine_->collect();
  }
  EXPECT_EQ(deleted, std::vector<std::string>{"nk0"});
  EXPECT_FALSE(primary_->registered());
}

TEST_F(EngineTest, ItStopsUnderTraffic) {
  PacketPool pool;  // of the sender alone; outlives every port that may hold its packets
  {
    const std::jthread sender([&](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        PacketBatch batch;
        batch.push(pool.allocate(60));
        pod_side_->send(batch);
        std::this_thread::yield();
      }
    });
    std::this_thread::sleep_for(50ms);
    host_.reset();
    pod_.reset();
    primary_.reset();
    peer_.reset();
    engine_.reset();
  }
  host_side_.reset();
  pod_side_.reset();
}

}  // namespace
}  // namespace netkit::engine
