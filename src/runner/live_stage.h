// A topology in real network namespaces: every netkit end is a TAP there, and the traffic of the steps comes
// from real tools (ping, iperf3) and real stacks.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "engine/live_network.h"
#include "runner/command.h"
#include "runner/stage.h"

namespace netkit::runner {

class LiveStage final : public Stage {
 public:
  // Makes (or uses) the namespaces, the interfaces and their devices, with addresses; everything is down.
  // What was made goes with the keeper when this fails, or later.
  [[nodiscard]] static Result<std::unique_ptr<LiveStage>> bring_up(const topology::Topology& topology,
                                                                   std::string how, engine::LiveNetwork& live,
                                                                   engine::Engine& engine,
                                                                   control::System& system,
                                                                   Interrupt& interrupt);
  ~LiveStage() override;

  [[nodiscard]] std::string how() const override { return how_; }
  [[nodiscard]] topology::Showing showing() const override { return topology::Showing::kLive; }
  [[nodiscard]] engine::Engine& engine() override { return engine_; }
  [[nodiscard]] control::System& system() override { return system_; }
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
  struct Stream {
    std::uint64_t bytes = 0;
    double bits_per_second = 0;
    std::string trouble;  // iperf3's own words
  };

  LiveStage(const topology::Topology& topology, std::string how, engine::LiveNetwork& live,
            engine::Engine& engine, control::System& system, Interrupt& interrupt);
  [[nodiscard]] Result<> make_namespaces();
  [[nodiscard]] Result<host::Space> open_space(const topology::Namespace& netns);
  [[nodiscard]] Result<> make_netkit(const topology::Netkit& netkit);
  [[nodiscard]] Result<> check_mtu(topology::EndIndex end) const;
  [[nodiscard]] Result<> adopt(topology::EndIndex end, const device::DeviceRef& device);
  [[nodiscard]] Result<std::unique_ptr<Port>> wrap(const device::Namespace& netns, std::string_view name,
                                                   std::unique_ptr<Port> port) const;
  [[nodiscard]] Result<> configure(topology::EndIndex end);
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
  engine::LiveNetwork& live_;
  engine::GuardedKeeper& keeper_;
  engine::Engine& engine_;
  control::System& system_;
  Interrupt& interrupt_;
  std::vector<host::Space> spaces_;            // by NamespaceIndex
  std::vector<device::NamespaceRef> netnses_;  // by NamespaceIndex
  std::vector<device::DeviceRef> devices_;     // by EndIndex
};

}  // namespace netkit::runner
