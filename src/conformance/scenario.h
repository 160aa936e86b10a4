// One scenario: a sequence of operations on a fresh set of in-process namespaces, each answered with one JSON
// object (tests/conformance/oracle/README.md). Everything is done through src/control and src/device; what an
// operation means is theirs alone.
#pragma once

#include <list>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "conformance/recorder.h"
#include "conformance/test_host.h"
#include "control/attach.h"
#include "control/client.h"
#include "control/link.h"
#include "device/execution.h"
#include "device/network.h"
#include "device/packet_socket.h"
#include "packet/pool.h"

namespace netkit::conformance {

class Scenario {
 public:
  explicit Scenario(const nlohmann::json& operations);
  ~Scenario();

  // The answer to one operation, without the keys that say which one it was.
  [[nodiscard]] nlohmann::json run(const nlohmann::json& operation);

 private:
  using Json = nlohmann::json;
  using Operation = Json (Scenario::*)(const Json& arguments);
  static const std::map<std::string_view, Operation>& operations();

  // A device as scenarios name it: "nk0" in namespace host, "pod:nk1" in pod.
  struct DeviceName {
    std::string netns;
    std::string name;
  };
  // A device that a request can be made about.
  struct Target {
    device::NamespaceRef netns;
    std::uint32_t ifindex = 0;
    device::DeviceRef device;  // null: "@none", "@0", or no such device
  };
  // An object that the scenario has named: its descriptor (-1: closed) and its id.
  struct Named {
    int fd = -1;
    std::uint32_t id = 0;
    bool is_link = false;
  };

  // ---- devices (device_operations.cpp) ----
  Json netns_add(const Json& arguments);
  Json netns_del(const Json& arguments);
  Json create(const Json& arguments);
  Json remove(const Json& arguments);
  Json set(const Json& arguments);
  Json change(const Json& arguments);
  Json show(const Json& arguments);
  Json list(const Json& arguments);
  // ---- programs and links (program_operations.cpp) ----
  Json load(const Json& arguments);
  Json attach(const Json& arguments);
  Json detach(const Json& arguments);
  Json query(const Json& arguments);
  Json link_create(const Json& arguments);
  Json link_update(const Json& arguments);
  Json link_detach(const Json& arguments);
  Json link_info(const Json& arguments);
  Json close(const Json& arguments);
  Json alive(const Json& arguments);
  Json reopen(const Json& arguments);
  Json progstat(const Json& arguments);
  // ---- packets (data_operations.cpp) ----
  Json inject(const Json& arguments);
  Json sniff(const Json& arguments);
  Json recv(const Json& arguments);
  Json stats(const Json& arguments);
  Json add_address(const Json& arguments);
  Json udp(const Json& arguments);

  [[nodiscard]] device::NamespaceRef find_netns(const std::string& name);
  [[nodiscard]] static DeviceName split(const std::string& name);
  [[nodiscard]] Target find_target(const std::string& name);
  // No such device, and not one of the names that stand for a number: such operations answer ENODEV by
  // themselves.
  [[nodiscard]] static bool is_missing(const Target& target, const std::string& name);
  // The number of the device, whose namespace the client enters. ENODEV as above.
  [[nodiscard]] Result<std::uint32_t> enter_target(const std::string& name);
  // "nk0" in host, "pod:nk1" elsewhere.
  [[nodiscard]] static std::string label(const std::string& netns, const std::string& name);
  [[nodiscard]] Json device_name(const device::NamespaceRef& netns, std::uint32_t ifindex);
  [[nodiscard]] Json device_of_link(std::uint32_t id);
  void remember(const std::string& name, const Named& object);
  // The first name that the scenario gave an object.
  [[nodiscard]] std::string object_name(std::uint32_t id, bool is_link) const;
  [[nodiscard]] int netns_descriptor(const std::string& name);
  void add_generic(control::AttributeWriter& attributes, control::IfInfo& header, const Json& arguments);
  [[nodiscard]] control::AttributeWriter netkit_data(const Json& arguments);
  [[nodiscard]] std::pair<control::IfInfo, control::AttributeWriter> describe_peer(const Json& arguments);
  [[nodiscard]] control::AttachRequest attach_request(const Json& arguments);
  [[nodiscard]] int descriptor(const Json& reference) const;
  [[nodiscard]] std::uint32_t relative(const Json& arguments, std::uint32_t flags) const;
  [[nodiscard]] TestHost* host_in(const std::string& netns);
  // Lets everything that was set off come to its end.
  void settle();

  device::Network network_;
  control::System system_{network_};
  std::unique_ptr<control::Client> client_;
  PacketPool pool_;
  device::Execution execution_;
  std::set<std::string> given_macs_;
  std::map<std::string, Named> objects_;
  std::map<std::pair<bool, std::uint32_t>, std::string> first_names_;  // by "is a link" and id
  std::map<std::string, RecordingProgram> programs_;
  std::map<std::string, std::unique_ptr<device::FrameListener>> listeners_;
  std::list<TestHost> hosts_;
  int map_fd_ = -1;
  int other_fd_ = -1;
};

// Lower-case digits, as scenarios write bytes and EtherTypes.
[[nodiscard]] std::string hex(std::span<const std::uint8_t> bytes);
[[nodiscard]] std::string hex_protocol(Be16 protocol);

// {"err": "OK"}, or the errno's name with the message if there is one.
[[nodiscard]] nlohmann::json answer(const Result<>& result);

}  // namespace netkit::conformance
