// A network namespace of the engine.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <netkit/device.h>
#include <netkit/result.h>

namespace netkit::v1 {

class NETKIT_API Namespace;

enum class Mode : std::uint32_t { kL2 = 0, kL3 = 1 };
// What a netkit end does with what it transmits while it has no program.
enum class Policy : std::uint32_t { kForward = 0, kBlackhole = 2 };
// Whether mark and priority are cleared on the way into another namespace.
enum class Scrub : std::uint32_t { kNone = 0, kDefault = 1 };

struct NetkitPeerOptions {
  std::string name = "nk%d";         // or a template
  const Namespace* netns = nullptr;  // null: that of the primary
  Policy policy = Policy::kForward;
  Scrub scrub = Scrub::kDefault;
  std::optional<std::uint32_t> mtu = std::nullopt;  // bytes
};

// The attributes of `ip link add ... type netkit`, with the kernel's defaults.
struct NetkitOptions {
  std::string name = "nk%d";
  Mode mode = Mode::kL3;
  Policy policy = Policy::kForward;
  Scrub scrub = Scrub::kDefault;
  std::uint16_t headroom = 0;                       // bytes
  std::uint16_t tailroom = 0;                       // bytes
  std::optional<std::uint32_t> mtu = std::nullopt;  // bytes
  NetkitPeerOptions peer = {};
};

struct NetkitPair {
  Device primary;
  Device peer;
};

class NETKIT_API Namespace {
 public:
  // Giving up the handle leaves the namespace as it is.
  ~Namespace();
  Namespace(const Namespace& other);
  Namespace& operator=(const Namespace& other);
  Namespace(Namespace&& other) noexcept;
  Namespace& operator=(Namespace&& other) noexcept;

  [[nodiscard]] std::string name() const;

  // Makes both ends, down and without programs. EEXIST, EINVAL ... as RTM_NEWLINK.
  [[nodiscard]] Result<NetkitPair> add_netkit(const NetkitOptions& options = {}) const;
  // One end alone; `peer` counts for nothing.
  [[nodiscard]] Result<Device> add_single_netkit(const NetkitOptions& options = {}) const;

  // ENODEV.
  [[nodiscard]] Result<Device> device(std::string_view name) const;
  // By rising number, lo first.
  [[nodiscard]] std::vector<Device> devices() const;

  // Deletes it and everything in it, the other ends of its pairs included.
  [[nodiscard]] Result<> remove() const;

 private:
  friend class Device;
  friend class Engine;
  struct State;
  explicit Namespace(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

}  // namespace netkit::v1
