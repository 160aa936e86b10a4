// A topology in real network namespaces: every netkit end is a TAP there, and the traffic of the steps comes
// from real tools (ping, iperf3) and real stacks.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "engine/mirror.h"
#include "runner/command.h"
#include "runner/stage.h"

namespace netkit::runner {

class LiveStage final : public Stage {
 public:
  // Makes (or uses) the namespaces, the interfaces and their devices, with addresses; everything is down.
  // What was made goes with the keeper when this fails, or later.
  [[nodiscard]] static Result<std::unique_ptr<LiveStage>> bring_up(const topology::Topology& topology,
                                                                   std::string how, GuardedKeeper& keeper,
                                                                   engine::Engine& engine,
                                                                   Interrupt& interrupt);
  ~LiveStage() override;

  [[nodiscard]] std::string how() const override { return how_; }
  [[nodiscard]] topology::Showing showing() const override { return topology::Showing::kLive; }
  [[nodiscard]] engine::Engine& engine() override { return engine_; }
  [[nodiscard]] Result<device::DeviceRef> device(topology::EndIndex end) override;
  [[nodiscard]] Result<MacAddress> mac(topology::EndIndex end) override;
  [[nodiscard]] std::uint64_t kernel_drops(topology::EndIndex end) override;
  [[nodiscard]] Result<> set_links_up() override;
  void settle() override;
  [[nodiscard]] Result<Traffic> ping(const topology::Ping& step, const IpAddress& to) override;
  [[nodiscard]] Result<Traffic> udp(const topology::Udp& step, const IpAddress& to) override;
  [[nodiscard]] Result<Traffic> tcp(const topology::Tcp& step, const IpAddress& to) override;
  [[nodiscard]] Result<Traffic> neighbour(const topology::Neighbour& step, const IpAddress& to) override;
  [[nodiscard]] Result<Traffic> exec(const topology::Exec& step) override;
  [[nodiscard]] Result<> set_link(const topology::SetLink& step) override;
  [[nodiscard]] Result<int> run_in_host(const std::vector<std::string>& command) override;

 private:
  struct LiveEnd {
    device::DeviceRef device;
    MacAddress mac;  // of the interface
  };
  struct Stream {
    std::uint64_t bytes = 0;
    double bits_per_second = 0;
    std::string trouble;  // iperf3's own words
  };

  LiveStage(const topology::Topology& topology, std::string how, GuardedKeeper& keeper,
            engine::Engine& engine, Interrupt& interrupt);
  [[nodiscard]] Result<> make_namespaces();
  [[nodiscard]] Result<host::Space> open_space(const topology::Namespace& netns);
  [[nodiscard]] Result<> make_netkit(const topology::Netkit& netkit);
  [[nodiscard]] Result<host::Tap> make_interface(const topology::Netkit& netkit, topology::EndIndex end);
  [[nodiscard]] Result<> connect(const topology::Netkit& netkit, topology::EndIndex end, host::Tap tap,
                                 const device::DeviceRef& device);
  [[nodiscard]] Result<> configure(topology::EndIndex end);
  [[nodiscard]] Result<> start_events();
  void serve_events(const std::stop_token& stop);
  [[nodiscard]] bool links_settled();

  [[nodiscard]] host::Nsid space_of(topology::EndIndex end) const {
    return spaces_[topology_.ends[end].netns].nsid;
  }
  [[nodiscard]] Result<CommandResult> run(topology::NamespaceIndex in,
                                          const std::vector<std::string>& arguments,
                                          std::chrono::milliseconds timeout);
  [[nodiscard]] Result<Stream> stream(host::Nsid from, host::Nsid to, const std::string& address,
                                      const topology::Tcp& step, std::chrono::milliseconds duration);
  [[nodiscard]] Result<Traffic> compare_with_veth(const topology::Tcp& step, const IpAddress& to);

  const topology::Topology& topology_;
  const std::string how_;
  GuardedKeeper& keeper_;
  engine::Engine& engine_;
  Interrupt& interrupt_;
  std::vector<host::Space> spaces_;            // by NamespaceIndex
  std::vector<device::NamespaceRef> netnses_;  // by NamespaceIndex
  std::vector<LiveEnd> ends_;                  // by EndIndex
  std::optional<engine::KernelMirror> mirror_;
  std::jthread events_;
};

}  // namespace netkit::runner
