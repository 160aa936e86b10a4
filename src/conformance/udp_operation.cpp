// Addresses on devices, and datagrams between the hosts that have them.
#include "base/endian.h"
#include "conformance/scenario.h"
#include "packet/headers.h"

namespace netkit::conformance {
namespace {

constexpr std::uint16_t kSourcePort = 40'000;
constexpr std::uint16_t kDestinationPort = 40'001;

std::vector<std::uint8_t> udp_datagram(std::size_t payload) {
  std::vector<std::uint8_t> datagram(UdpHeader::kSize + payload);
  UdpHeader header;
  header.source = Be16(kSourcePort);
  header.destination = Be16(kDestinationPort);
  header.length = Be16(static_cast<std::uint16_t>(datagram.size()));
  write_header(datagram.data(), header);
  return datagram;
}

}  // namespace

nlohmann::json Scenario::add_address(const Json& arguments) {
  const Target target = find_target(arguments.at("dev").get<std::string>());
  if (target.device == nullptr) return answer(fail(ENODEV));
  const auto address = parse_prefix(arguments.at("addr").get<std::string>());
  if (!address) return answer(fail(EINVAL));
  hosts_.emplace_back(target.device, *address, pool_);
  return answer({});
}

TestHost* Scenario::host_in(const std::string& netns) {
  const device::NamespaceRef wanted = find_netns(netns);
  const auto found =
      std::ranges::find_if(hosts_, [&](const TestHost& host) { return host.netns() == wanted.get(); });
  return found != hosts_.end() ? &*found : nullptr;
}

nlohmann::json Scenario::udp(const Json& arguments) {
  TestHost* const from = host_in(arguments.at("from").get<std::string>());
  TestHost* const to = host_in(arguments.at("to").get<std::string>());
  const auto destination = parse_ip(arguments.at("dst").get<std::string>());
  if (from == nullptr || to == nullptr || !destination) return answer(fail(ENETUNREACH));
  if (!from->stack().send(*destination, kIpUdp, udp_datagram(arguments.at("len").get<std::size_t>()))) {
    return answer(fail(ENETUNREACH));
  }
  for (bool moved = true; moved;) {
    moved = false;
    for (TestHost& host : hosts_) moved = host.run(execution_) || moved;
  }
  Json answered = answer({});
  const auto received = to->stack().take(kIpUdp);
  answered["got"] = received.has_value();
  if (received) answered["len"] = received->payload.size() - UdpHeader::kSize;
  return answered;
}

}  // namespace netkit::conformance
