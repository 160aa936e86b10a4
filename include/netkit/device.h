// A network device: what a namespace sees under a name and a number.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <netkit/link.h>
#include <netkit/port.h>
#include <netkit/program.h>
#include <netkit/result.h>

namespace netkit::v1 {

class NETKIT_API Namespace;

using MacAddress = std::array<std::uint8_t, 6>;

struct DropCount {
  std::string reason;  // as the command line names it: "prog_drop", "policy_drop"
  std::uint64_t packets = 0;
};

// As `ip -s link` counts, and every loss by its reason.
struct Statistics {
  std::uint64_t rx_packets = 0, rx_bytes = 0, rx_dropped = 0;
  std::uint64_t tx_packets = 0, tx_bytes = 0, tx_dropped = 0;
  std::vector<DropCount> drops = {};  // reasons that occurred
};

class NETKIT_API Device {
 public:
  // Giving up the handle leaves the device as it is.
  ~Device();
  Device(const Device& other);
  Device& operator=(const Device& other);
  Device(Device&& other) noexcept;
  Device& operator=(Device&& other) noexcept;

  // ---- state; of a device that has gone, as it was last ----
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::uint32_t ifindex() const;
  [[nodiscard]] std::uint32_t flags() const;  // IFF_*, RUNNING and LOWER_UP included
  [[nodiscard]] std::uint32_t mtu() const;    // bytes
  [[nodiscard]] MacAddress mac() const;
  [[nodiscard]] Statistics statistics() const;

  // ---- RTM_SETLINK: the kernel's checks and errno; ENODEV when the device has gone ----
  [[nodiscard]] Result<> set_up(bool up = true) const;
  [[nodiscard]] Result<> set_mtu(std::uint32_t bytes) const;
  [[nodiscard]] Result<> set_mac(const MacAddress& mac) const;
  [[nodiscard]] Result<> rename(std::string_view name) const;
  [[nodiscard]] Result<> move(const Namespace& target) const;
  // RTM_DELLINK, the other end of a pair included.
  [[nodiscard]] Result<> remove() const;

  // ---- programs: BPF_LINK_CREATE, BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_QUERY ----
  // kNetkitPrimary and kNetkitPeer are both managed through the primary. A link detaches the program when
  // it goes.
  [[nodiscard]] Result<Link> attach(AttachPoint point, const Program& program,
                                    const Position& position = {}) const;
  // Without a link: stays until it is detached or the device goes.
  [[nodiscard]] Result<> attach_permanently(AttachPoint point, const Program& program,
                                            const Position& position = {}) const;
  [[nodiscard]] Result<> detach(AttachPoint point, const Program& program) const;
  [[nodiscard]] Result<Attached> attached(AttachPoint point) const;

  // Stands in for the stack above the device: what it sends the device transmits, what the device delivers
  // it receives. EBUSY: the device has one already.
  [[nodiscard]] Result<Port> open_port() const;

 private:
  friend class Namespace;
  struct State;
  explicit Device(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace netkit::v1
