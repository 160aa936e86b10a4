// The engine as a world of attach_actions.h: requests of src/control about devices of its own.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "control/attach.h"
#include "control/client.h"
#include "device/network.h"
#include "tests/support/attach_actions.h"

namespace netkit::testing {

// What device 0, 1, ... is; all begin in the namespace "host".
enum class DeviceForm : std::uint8_t { kNetkit, kVeth, kDummy };

class EngineAttachWorld final : public AttachWorld {
 public:
  EngineAttachWorld(std::vector<Hook> hooks, std::vector<DeviceForm> devices);
  ~EngineAttachWorld() override;
  [[nodiscard]] std::string play(const Action& action) override;
  [[nodiscard]] std::string state() override;

 private:
  struct Object {
    int fd = -1;  // -1: closed
    std::uint32_t id = 0;
  };

  void make_device(int number);
  [[nodiscard]] device::DeviceRef find_device(int number);
  [[nodiscard]] Result<> delete_device(int number);
  [[nodiscard]] Result<> move_device(int number);
  Result<> load(const Action& action);
  Result<> create_link(const Action& action);
  [[nodiscard]] control::AttachRequest request(const Action& action);
  // Enters the device's namespace.
  [[nodiscard]] control::AttachRequest request_at(int hook);
  [[nodiscard]] std::string query(const Action& action);
  [[nodiscard]] std::string info(int link_fd);
  [[nodiscard]] int descriptor(const Reference& reference) const;
  [[nodiscard]] std::uint32_t relative(const Reference& reference, std::uint32_t flags) const;
  [[nodiscard]] Result<> close(Object& object);

  std::vector<Hook> hooks_;
  std::vector<DeviceForm> devices_;
  device::Network network_;
  control::System system_{network_};
  device::NamespaceRef host_;
  device::NamespaceRef pod_;
  std::unique_ptr<control::Client> client_;
  std::map<int, Object> programs_;
  std::map<int, Object> links_;
  std::map<std::uint32_t, int> program_numbers_;  // by id
  std::map<std::uint32_t, int> link_numbers_;
};

}  // namespace netkit::testing
