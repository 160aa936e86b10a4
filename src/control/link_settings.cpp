#include "control/link_settings.h"

#include <algorithm>
#include <string>

namespace netkit::control {
namespace {

using device::Device;
using device::DeviceFlag;
using device::DeviceSettings;
using device::Rtnl;

constexpr std::uint32_t kMaxAddress = 32;  // MAX_ADDR_LEN
constexpr std::uint32_t kMaxAlias = 255;   // IFALIASZ - 1
constexpr std::uint32_t kMaxQueues = 4096;

constexpr Rule kLinkPolicy[] = {
    {.type = kIflaIfname, .form = Form::kText, .max = device::kMaxName},
    {.type = kIflaAddress, .form = Form::kBinary, .max = kMaxAddress},
    {.type = kIflaBroadcast, .form = Form::kBinary, .max = kMaxAddress},
    {.type = kIflaMtu, .form = Form::kU32},
    {.type = kIflaProtinfo, .form = Form::kNested},
    {.type = kIflaTxqlen, .form = Form::kU32},
    {.type = kIflaMap, .form = Form::kBinary},
    {.type = kIflaLinkinfo, .form = Form::kNested},
    {.type = kIflaNetNsPid, .form = Form::kU32},
    {.type = kIflaNetNsFd, .form = Form::kU32},
    {.type = kIflaTargetNetnsid, .form = Form::kU32},
    {.type = kIflaLinkNetnsid, .form = Form::kU32},
    {.type = kIflaIfalias, .form = Form::kText, .max = kMaxAlias},
    {.type = kIflaGroup, .form = Form::kU32},
    {.type = kIflaNumTxQueues, .form = Form::kU32},
    {.type = kIflaNumRxQueues, .form = Form::kU32},
    {.type = kIflaGsoMaxSegs, .form = Form::kU32},
    {.type = kIflaGsoMaxSize, .form = Form::kU32, .min = device::kMaxTcpHeader + 1},
    {.type = kIflaGroMaxSize, .form = Form::kU32},
    {.type = kIflaGsoIpv4MaxSize, .form = Form::kU32, .min = device::kMaxTcpHeader + 1},
    {.type = kIflaGroIpv4MaxSize, .form = Form::kU32},
};

constexpr Rule kInfoPolicy[] = {
    {.type = kInfoKind, .form = Form::kText},
    {.type = kInfoData, .form = Form::kNested},
};

MacAddress address_in(ByteSpan payload) {
  MacAddress mac;
  std::copy_n(payload.begin(), std::min(payload.size(), mac.bytes.size()), mac.bytes.begin());
  return mac;
}

bool shorter_than_address(std::optional<ByteSpan> payload) {
  return payload && payload->size() < sizeof(MacAddress::bytes);
}

struct Limit {
  LinkAttribute attribute;
  std::uint32_t largest;
  const char* message;
};

}  // namespace

std::span<const Rule> link_policy() {
  return kLinkPolicy;
}
std::span<const Rule> link_info_policy() {
  return kInfoPolicy;
}

Result<> check_settings(const DeviceSettings& present, const AttributeTable& attributes) {
  if (shorter_than_address(attributes.find(kIflaAddress))) return fail(EINVAL);
  if (shorter_than_address(attributes.find(kIflaBroadcast))) return fail(EINVAL);
  const Limit limits[] = {
      {kIflaGsoMaxSize, present.tso_max_size, "too big gso_max_size"},
      {kIflaGsoMaxSegs, device::kGsoMaxSegs, "too big gso_max_segs"},
      {kIflaGroMaxSize, device::kTsoMaxSize, "too big gro_max_size"},
      {kIflaGsoIpv4MaxSize, present.tso_max_size, "too big gso_ipv4_max_size"},
      {kIflaGroIpv4MaxSize, device::kTsoMaxSize, "too big gro_ipv4_max_size"},
  };
  for (const Limit& limit : limits) {
    if (attributes.number(limit.attribute).value_or(0) > limit.largest) return fail(EINVAL, limit.message);
  }
  return {};
}

Result<DeviceSettings> settings_from(const AttributeTable& attributes, const DeviceSettings& defaults,
                                     QueueLimits limits) {
  DeviceSettings settings = defaults;
  settings.num_tx_queues = attributes.number(kIflaNumTxQueues).value_or(settings.num_tx_queues);
  settings.num_rx_queues = attributes.number(kIflaNumRxQueues).value_or(settings.num_rx_queues);
  if (settings.num_tx_queues < 1 || settings.num_tx_queues > kMaxQueues) {
    return fail(EINVAL, "Invalid number of transmit queues");
  }
  if (settings.num_rx_queues < 1 || settings.num_rx_queues > kMaxQueues) {
    return fail(EINVAL, "Invalid number of receive queues");
  }
  if (settings.num_tx_queues > limits.tx || settings.num_rx_queues > limits.rx) return fail(EOPNOTSUPP);
  TRY(check_settings(settings, attributes));
  if (const auto mtu = attributes.number(kIflaMtu)) {
    TRY(device::check_mtu(settings, *mtu));
    settings.mtu = *mtu;
  }
  if (const auto address = attributes.find(kIflaAddress)) settings.mac = address_in(*address);
  if (const auto broadcast = attributes.find(kIflaBroadcast)) settings.broadcast = address_in(*broadcast);
  settings.tx_queue_len = attributes.number(kIflaTxqlen).value_or(settings.tx_queue_len);
  settings.group = attributes.number(kIflaGroup).value_or(settings.group);
  if (const auto size = attributes.number(kIflaGsoMaxSize)) {
    settings.gso_max_size = *size;
    if (*size <= device::kDefaultGsoMaxSize) settings.gso_ipv4_max_size = *size;
  }
  settings.gso_max_segs = attributes.number(kIflaGsoMaxSegs).value_or(settings.gso_max_segs);
  if (const auto size = attributes.number(kIflaGroMaxSize)) {
    settings.gro_max_size = *size;
    if (*size <= device::kDefaultGsoMaxSize) settings.gro_ipv4_max_size = *size;
  }
  settings.gso_ipv4_max_size = attributes.number(kIflaGsoIpv4MaxSize).value_or(settings.gso_ipv4_max_size);
  settings.gro_ipv4_max_size = attributes.number(kIflaGroIpv4MaxSize).value_or(settings.gro_ipv4_max_size);
  return settings;
}

Result<> validate_address(const AttributeTable& attributes) {
  const std::optional<ByteSpan> address = attributes.find(kIflaAddress);
  if (!address) return {};
  if (address->size() != sizeof(MacAddress::bytes)) return fail(EINVAL);
  if (!device::is_valid_unicast(address_in(*address))) return fail(EADDRNOTAVAIL);
  return {};
}

Result<> apply_flags(const Rtnl& rtnl, Device& device, const IfInfo& header) {
  if (header.flags == 0 && header.change == 0) return {};
  const std::uint32_t meant = header.change != 0 ? header.change : ~std::uint32_t{0};
  const auto apply = [&](DeviceFlag flag) -> Result<> {
    if ((meant & flag) == 0) return {};
    return device.set_flag(rtnl, flag, (header.flags & flag) != 0);
  };
  TRY(apply(device::kNoArp));
  TRY(apply(device::kMulticast));
  Result<> opened;
  if ((meant & device::kUp) != 0) opened = device.set_up(rtnl, (header.flags & device::kUp) != 0);
  TRY(apply(device::kPromisc));
  TRY(apply(device::kAllMulti));
  return opened;
}

Result<> apply_settings(const Rtnl& rtnl, Device& device, const IfInfo& header,
                        const AttributeTable& attributes) {
  if (attributes.has(kIflaMap)) return fail(EOPNOTSUPP);
  if (const auto address = attributes.find(kIflaAddress)) TRY(device.set_mac(rtnl, address_in(*address)));
  if (const auto mtu = attributes.number(kIflaMtu)) TRY(device.set_mtu(rtnl, *mtu));
  if (const auto group = attributes.number(kIflaGroup)) TRY(device.set_group(rtnl, *group));
  const auto name = attributes.text(kIflaIfname);
  if (name && header.index > 0) TRY(device.network().rename_device(rtnl, device, *name));
  if (const auto alias = attributes.text(kIflaIfalias)) TRY(device.set_alias(rtnl, std::string(*alias)));
  if (const auto broadcast = attributes.find(kIflaBroadcast))
    TRY(device.set_broadcast(rtnl, address_in(*broadcast)));
  TRY(apply_flags(rtnl, device, header));
  if (const auto length = attributes.number(kIflaTxqlen)) TRY(device.set_tx_queue_len(rtnl, *length));
  if (const auto size = attributes.number(kIflaGsoMaxSize)) TRY(device.set_gso_max_size(rtnl, *size));
  if (const auto segments = attributes.number(kIflaGsoMaxSegs)) TRY(device.set_gso_max_segs(rtnl, *segments));
  if (const auto size = attributes.number(kIflaGroMaxSize)) device.set_gro_max_size(rtnl, *size);
  if (const auto size = attributes.number(kIflaGsoIpv4MaxSize)) device.set_gso_ipv4_max_size(rtnl, *size);
  if (const auto size = attributes.number(kIflaGroIpv4MaxSize)) device.set_gro_ipv4_max_size(rtnl, *size);
  return {};
}

}  // namespace netkit::control
