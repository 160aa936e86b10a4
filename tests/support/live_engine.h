// For tests of an engine that is live: namespaces that it makes, clients in them, requests in few words, and
// what `ip` says there.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/client.h"
#include "control/link.h"
#include "device/namespace.h"
#include "engine/live_network.h"
#include "tests/support/live.h"
#include "tests/unit/control/fixture.h"

namespace netkit::testing {

using Json = nlohmann::json;
using control::Order;

class LiveEngineTest : public LiveTest {
 protected:
  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] engine::Engine& engine() { return *engine_; }
  [[nodiscard]] engine::LiveNetwork& live() { return *live_; }
  [[nodiscard]] engine::GuardedKeeper& shared_keeper() { return *guarded_; }
  [[nodiscard]] control::System& system() { return *system_; }

  // A kernel namespace of a name that only this test uses, with lo up and without IPv6.
  device::NamespaceRef make_netns(std::string_view name);
  [[nodiscard]] control::Client client_in(const device::NamespaceRef& netns) {
    return control::Client(*system_, netns);
  }
  // A pair: nk0 in one namespace, eth0 in the other.
  Result<> create_pair(const device::NamespaceRef& primary, const device::NamespaceRef& peer,
                       Order order = {}, std::string_view primary_name = "nk0",
                       std::string_view peer_name = "eth0");
  // RTM_SETLINK, RTM_DELLINK and RTM_GETLINK for a device by its name.
  Result<> set(const device::NamespaceRef& netns, std::string_view device,
               const control::AttributeWriter& attributes, control::IfInfo header = {});
  Result<> set_up(const device::NamespaceRef& netns, std::string_view device, bool up = true);
  Result<> move(const device::NamespaceRef& netns, std::string_view device,
                const device::NamespaceRef& target);
  Result<> remove(const device::NamespaceRef& netns, std::string_view device);
  Result<control::LinkReport> show(const device::NamespaceRef& netns, std::string_view device);

  // A command inside, to its end.
  CommandResult run_in(const device::NamespaceRef& netns, const std::vector<std::string>& arguments,
                       std::chrono::milliseconds limit = std::chrono::seconds(10));
  host::Command start_in(const device::NamespaceRef& netns, const std::vector<std::string>& arguments,
                         int output = -1);
  // `ip ...` inside, which must succeed.
  void ip(const device::NamespaceRef& netns, const std::string& words);
  // What `ip -d -j link show` says of an interface; null: it is not there.
  [[nodiscard]] Json ip_link(const device::NamespaceRef& netns, std::string_view name);
  // Up, with an address.
  void configure(const device::NamespaceRef& netns, std::string_view device, const std::string& address);

  // What the network has complained about.
  [[nodiscard]] std::vector<std::string> troubles() const;

 private:
  std::optional<engine::GuardedKeeper> guarded_;
  std::unique_ptr<engine::Engine> engine_;
  std::unique_ptr<engine::LiveNetwork> live_;
  std::unique_ptr<control::System> system_;
  mutable std::mutex mutex_;
  std::vector<std::string> troubles_;
};

}  // namespace netkit::testing
