// The running kernel as a world of attach_actions.h: bpf(2) on tcx hooks of veth devices in a network
// namespace of the calling thread's own.
#pragma once

#include <map>
#include <vector>

#include "base/fd.h"
#include "tests/support/attach_actions.h"

namespace netkit::differential {

using testing::Action;
using testing::Hook;
using testing::Reference;

// Moves the calling thread into a fresh network namespace, which goes with the thread. False: not permitted,
// or no bpf(2).
[[nodiscard]] bool enter_fresh_namespace();

class KernelAttachWorld final : public testing::AttachWorld {
 public:
  KernelAttachWorld(std::vector<Hook> hooks, int devices);
  ~KernelAttachWorld() override;
  [[nodiscard]] std::string play(const Action& action) override;
  [[nodiscard]] std::string state() override;

 private:
  struct Object {
    Fd fd;
    std::uint32_t id = 0;
  };
  struct Point {
    std::uint32_t ifindex;
    std::uint32_t type;
  };

  std::string load(const Action& action);
  std::string change_list(std::uint32_t command, const Action& action);
  std::string create_link(const Action& action);
  std::string update_link(const Action& action);
  [[nodiscard]] std::string query(const Action& action);
  [[nodiscard]] std::string info(int link_fd);
  [[nodiscard]] Point point(int hook) const;
  [[nodiscard]] int descriptor(const Reference& reference) const;
  [[nodiscard]] std::uint32_t relative(const Reference& reference, std::uint32_t flags) const;
  [[nodiscard]] std::uint64_t revision(const Action& action);
  [[nodiscard]] static std::string close(Object& object);

  std::vector<Hook> hooks_;
  int devices_;
  Fd foreign_;
  std::map<int, Object> programs_;
  std::map<int, Object> links_;
  std::map<std::uint32_t, int> program_numbers_;  // by id
  std::map<std::uint32_t, int> link_numbers_;
};

}  // namespace netkit::differential
