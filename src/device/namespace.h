// A network namespace: its devices by number and by name.
//
// It lives in the process only, or mirrors a kernel namespace. A mirrored one also holds other interfaces
// that the kernel has there (`foreign`): their names and numbers are taken, and a redirect to one of them is
// told apart from a redirect to nowhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/rcu.h"
#include "base/result.h"
#include "device/flags.h"
#include "device/index_table.h"
#include "device/network.h"

namespace netkit::device {

class Namespace : public std::enable_shared_from_this<Namespace> {
 public:
  Namespace(Network& network, std::string name, bool mirrored);
  ~Namespace();
  Namespace(const Namespace&) = delete;
  Namespace& operator=(const Namespace&) = delete;

  [[nodiscard]] Network& network() const { return *network_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] bool mirrored() const { return mirrored_; }
  // Differs for every namespace that ever was (SO_NETNS_COOKIE).
  [[nodiscard]] std::uint64_t cookie() const { return cookie_; }

  // ---- data path, inside a read section ----
  [[nodiscard]] Device* find(IfIndex ifindex) const { return index_.read()->find(ifindex).device; }
  // Whether the kernel namespace has an interface of that number that is not attached to the engine.
  [[nodiscard]] bool is_foreign(IfIndex ifindex) const { return index_.read()->find(ifindex).foreign; }

  // ---- control ----
  [[nodiscard]] DeviceRef find(const Rtnl& rtnl, IfIndex ifindex) const;
  [[nodiscard]] DeviceRef find(const Rtnl& rtnl, std::string_view name) const;
  // By rising number.
  [[nodiscard]] std::vector<DeviceRef> devices(const Rtnl& rtnl) const;
  // The numbers of all devices, foreign interfaces included.
  [[nodiscard]] std::vector<IfIndex> indices(const Rtnl& rtnl) const;
  // Whether the mirrored namespace has a foreign interface of that number and name.
  [[nodiscard]] bool has_foreign(const Rtnl& rtnl, IfIndex ifindex, std::string_view name) const;
  [[nodiscard]] bool name_taken(const Rtnl& rtnl, std::string_view name) const;
  [[nodiscard]] bool index_taken(const Rtnl& rtnl, IfIndex ifindex) const;
  // The name that `wanted` stands for: itself, or the lowest free number for its %d. EINVAL, EEXIST, ENFILE.
  [[nodiscard]] Result<std::string> allocate_name(const Rtnl& rtnl, std::string_view wanted) const;
  // The number after the last one given out that is free (dev_new_index).
  [[nodiscard]] IfIndex allocate_index(const Rtnl& rtnl);

  // ---- the mirror of a kernel namespace: it tells what is, nothing is checked ----
  void adopt_foreign(const Rtnl& rtnl, IfIndex ifindex, std::string name);
  void forget_foreign(const Rtnl& rtnl, IfIndex ifindex);

 private:
  friend class Network;
  void insert(const Rtnl& rtnl, const DeviceRef& device, std::string name, IfIndex ifindex);
  void erase(const Rtnl& rtnl, Device& device);
  void publish_index();

  Network* network_;
  std::string name_;
  bool mirrored_;
  std::uint64_t cookie_;
  IfIndex last_index_ = 0;
  std::map<IfIndex, DeviceRef> devices_;
  std::map<IfIndex, std::string> foreign_;
  rcu::Published<IndexTable> index_;
};

// dev_valid_name and the further names that a device may not have: empty, ".", "..", "all", "default", longer
// than 15 bytes, or with "/", ":" or white space in it.
[[nodiscard]] bool is_valid_name(std::string_view name);

}  // namespace netkit::device
