#include "device/namespace.h"

#include <algorithm>

#include "device/device.h"

namespace netkit::device {
namespace {

// The template forms of a name: no "%" at all, or exactly one "%d".
enum class Template : std::uint8_t { kPlain, kNumbered, kBad };

Template template_of(std::string_view name) {
  const std::size_t percent = name.find('%');
  if (percent == std::string_view::npos) return Template::kPlain;
  const bool numbered =
      name.substr(percent, 2) == "%d" && name.find('%', percent + 1) == std::string_view::npos;
  return numbered ? Template::kNumbered : Template::kBad;
}

// One bit per number in a page is what the kernel looks through (__dev_alloc_name).
constexpr std::uint32_t kMaxTemplateNumber = 8 * 4096;

std::uint64_t next_cookie() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

bool is_valid_name(std::string_view name) {
  if (name.empty() || name.size() > kMaxName) return false;
  if (name == "." || name == ".." || name == "all" || name == "default") return false;
  return name.find_first_of("/: \t\n\v\f\r") == std::string_view::npos;
}

Namespace::Namespace(Network& network, std::string name, bool mirrored)
    : network_(&network), name_(std::move(name)), mirrored_(mirrored), cookie_(next_cookie()) {
  publish_index();
}

Namespace::~Namespace() = default;

DeviceRef Namespace::find(const Rtnl&, IfIndex ifindex) const {
  const auto found = devices_.find(ifindex);
  return found != devices_.end() ? found->second : nullptr;
}

DeviceRef Namespace::find(const Rtnl&, std::string_view name) const {
  const auto found =
      std::ranges::find_if(devices_, [name](const auto& entry) { return entry.second->name() == name; });
  return found != devices_.end() ? found->second : nullptr;
}

std::vector<DeviceRef> Namespace::devices(const Rtnl&) const {
  std::vector<DeviceRef> devices;
  devices.reserve(devices_.size());
  for (const auto& [ifindex, device] : devices_) devices.push_back(device);
  return devices;
}

std::vector<IfIndex> Namespace::indices(const Rtnl&) const {
  std::vector<IfIndex> indices;
  for (const auto& [ifindex, device] : devices_) indices.push_back(ifindex);
  for (const auto& [ifindex, name] : foreign_) indices.push_back(ifindex);
  return indices;
}

bool Namespace::has_foreign(const Rtnl&, IfIndex ifindex, std::string_view name) const {
  const auto found = foreign_.find(ifindex);
  return found != foreign_.end() && found->second == name;
}

bool Namespace::name_taken(const Rtnl& rtnl, std::string_view name) const {
  const auto is_it = [name](const auto& entry) { return entry.second == name; };
  return find(rtnl, name) != nullptr || std::ranges::any_of(foreign_, is_it);
}

bool Namespace::index_taken(const Rtnl&, IfIndex ifindex) const {
  return devices_.contains(ifindex) || foreign_.contains(ifindex);
}

Result<std::string> Namespace::allocate_name(const Rtnl& rtnl, std::string_view wanted) const {
  if (!is_valid_name(wanted)) return fail(EINVAL);
  switch (template_of(wanted)) {
    case Template::kBad:
      return fail(EINVAL);
    case Template::kPlain:
      if (name_taken(rtnl, wanted)) return fail(EEXIST);
      return std::string(wanted);
    case Template::kNumbered:
      break;
  }
  const std::size_t at = wanted.find("%d");
  for (std::uint32_t number = 0; number < kMaxTemplateNumber; ++number) {
    std::string name(wanted);
    name.replace(at, 2, std::to_string(number));
    if (name.size() > kMaxName) break;
    if (!name_taken(rtnl, name)) return name;
  }
  return fail(ENFILE);
}

IfIndex Namespace::allocate_index(const Rtnl& rtnl) {
  do {
    ++last_index_;
  } while (last_index_ == 0 || index_taken(rtnl, last_index_));
  return last_index_;
}

void Namespace::adopt_foreign(const Rtnl&, IfIndex ifindex, std::string name) {
  foreign_[ifindex] = std::move(name);
  last_index_ = std::max(last_index_, ifindex);  // the kernel goes on from there, and so do we
  publish_index();
}

void Namespace::forget_foreign(const Rtnl&, IfIndex ifindex) {
  if (foreign_.erase(ifindex) > 0) publish_index();
}

void Namespace::insert(const Rtnl&, const DeviceRef& device, std::string name, IfIndex ifindex) {
  device->name_ = std::move(name);
  device->publish_name();
  device->ifindex_.store(ifindex, std::memory_order_relaxed);
  device->home_ = shared_from_this();
  device->netns_.store(this, std::memory_order_release);
  devices_[ifindex] = device;
  publish_index();
}

void Namespace::erase(const Rtnl&, Device& device) {
  devices_.erase(device.ifindex());
  publish_index();
}

void Namespace::publish_index() {
  std::vector<IndexTable::Entry> entries;
  for (const auto& [ifindex, device] : devices_) entries.push_back({ifindex, false, device.get()});
  for (const auto& [ifindex, name] : foreign_) {
    if (!devices_.contains(ifindex)) entries.push_back({ifindex, true, nullptr});
  }
  index_.publish(std::make_unique<const IndexTable>(entries));
}

}  // namespace netkit::device
