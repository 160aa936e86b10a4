// A topology inside this process, for machines where no interface can be made: end hosts stand for the stacks
// of the namespaces. They answer ARP, neighbour discovery, ping and UDP; a TCP connection is played from a
// capture file. The devices, the programs and the workers are the same as in a live run.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "packet/pool.h"
#include "port/end_host.h"
#include "port/tcp_recording.h"
#include "runner/stage.h"

namespace netkit::runner {

class InProcessStage final : public Stage {
 public:
  // `recordings`: where capture files are that are not beside the topology file.
  [[nodiscard]] static Result<std::unique_ptr<InProcessStage>> bring_up(
      const topology::Topology& topology, std::string how, PacketPool& pool, engine::Engine& engine,
      control::System& system, const std::filesystem::path& recordings);

  [[nodiscard]] std::string how() const override { return how_; }
  [[nodiscard]] topology::Showing showing() const override { return topology::Showing::kRecordedPackets; }
  [[nodiscard]] engine::Engine& engine() override { return engine_; }
  [[nodiscard]] control::System& system() override { return system_; }
  [[nodiscard]] Result<device::DeviceRef> device(topology::EndIndex end) override;
  [[nodiscard]] Result<MacAddress> mac(topology::EndIndex end) override;
  [[nodiscard]] std::uint64_t kernel_drops(topology::EndIndex) override { return 0; }
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
  // One end: its device, and the host that stands for the stack above it.
  struct Stack {
    device::DeviceRef device;
    std::unique_ptr<Port> port;
    std::unique_ptr<EndHost> host;
  };

  InProcessStage(const topology::Topology& topology, std::string how, PacketPool& pool,
                 engine::Engine& engine, control::System& system);
  [[nodiscard]] Result<> read_recordings(const std::filesystem::path& share_directory);
  [[nodiscard]] Result<> make_netkit(const topology::Netkit& netkit);
  [[nodiscard]] Result<> connect(topology::EndIndex end, const device::DeviceRef& device);
  [[nodiscard]] std::unique_ptr<EndHost> make_host(topology::EndIndex end, const device::Device& device,
                                                   Port& port);
  // Lets every host take in what has come.
  void turn();
  // The host that a namespace sends from, towards an address: longest prefix among its ends' networks and
  // routes.
  [[nodiscard]] Result<EndHost*> host_towards(topology::NamespaceIndex from, const IpAddress& to);

  const topology::Topology& topology_;
  const std::string how_;
  PacketPool& pool_;  // of the hosts; outlives ports and engine
  engine::Engine& engine_;
  control::System& system_;
  std::vector<device::NamespaceRef> netnses_;       // by NamespaceIndex
  std::vector<Stack> stacks_;                       // by EndIndex
  std::map<std::string, TcpRecording> recordings_;  // by the name that steps give them
};

}  // namespace netkit::runner
