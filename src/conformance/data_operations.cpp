// Operations on the data path: frames in and out of devices, and their counters.
#include "base/rcu.h"
#include "conformance/scenario.h"

namespace netkit::conformance {
namespace {

using nlohmann::json;

std::vector<std::uint8_t> bytes_of(const std::string& hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

const char* type_word(PacketType type) {
  switch (type) {
    case PacketType::kHost:
      return "host";
    case PacketType::kBroadcast:
      return "broadcast";
    case PacketType::kMulticast:
      return "multicast";
    case PacketType::kOtherhost:
      return "otherhost";
    case PacketType::kOutgoing:
      return "outgoing";
    case PacketType::kLoopback:
      return "loopback";
  }
  return "";
}

json describe(const device::FrameListener::Frame& frame) {
  constexpr std::size_t kLong = 128;
  constexpr std::size_t kShown = 64;
  const std::size_t shown = frame.bytes.size() > kLong ? kShown : frame.bytes.size();
  json described{{"type", type_word(frame.type)},
                 {"proto", hex_protocol(frame.protocol)},
                 {"len", frame.bytes.size()},
                 {"hex", hex(std::span(frame.bytes).first(shown))}};
  if (frame.mark != 0) described["mark"] = frame.mark;
  if (frame.vlan.present) described["vlan"] = frame.vlan.tci;
  return described;
}

}  // namespace

std::string hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 0xfU];
  }
  return text;
}

std::string hex_protocol(Be16 protocol) {
  const std::uint16_t value = protocol.host();
  const std::uint8_t bytes[] = {static_cast<std::uint8_t>(value >> 8U), static_cast<std::uint8_t>(value)};
  return hex(bytes);
}

json Scenario::inject(const Json& arguments) {
  const Target target = find_target(arguments.at("dev").get<std::string>());
  if (target.device == nullptr) return answer(fail(ENODEV));
  std::vector<std::uint8_t> frame = bytes_of(arguments.at("hex").get<std::string>());
  if (arguments.contains("pad")) frame.resize(std::max(frame.size(), arguments["pad"].get<std::size_t>()));
  const device::FrameOptions options{.mark = arguments.value("mark", 0U),
                                     .priority = arguments.value("prio", 0U),
                                     .bypass = arguments.value("bypass", false)};
  Result<> last;
  int sent = 0;
  for (int left = arguments.value("n", 1); left > 0; --left) {
    const Result<> result = [&] {
      const rcu::Section section;
      return device::send_frame(execution_, *target.device, frame, options);
    }();
    settle();
    if (result) {
      ++sent;
    } else {
      last = result;
    }
  }
  json answered = answer(last);
  answered["sent"] = sent;
  return answered;
}

json Scenario::sniff(const Json& arguments) {
  const Target target = find_target(arguments.at("dev").get<std::string>());
  if (target.device == nullptr) return answer(fail(ENODEV));
  auto& listener = listeners_[arguments.at("name").get<std::string>()];
  listener = std::make_unique<device::FrameListener>();
  const device::Rtnl rtnl = network_.lock();
  target.device->add_sniffer(rtnl, *listener);
  return answer({});
}

json Scenario::recv(const Json& arguments) {
  const auto found = listeners_.find(arguments.at("sniff").get<std::string>());
  if (found == listeners_.end()) return answer(fail(ENOENT));
  json answered = answer({});
  answered["frames"] = json::array();
  for (const auto& frame : found->second->take()) answered["frames"].push_back(describe(frame));
  return answered;
}

json Scenario::stats(const Json& arguments) {
  const Target target = find_target(arguments.at("dev").get<std::string>());
  if (target.device == nullptr) return answer(fail(ENODEV));
  const device::LinkStats stats = target.device->stats();
  json answered = answer({});
  answered.update({{"rx_packets", stats.rx_packets},
                   {"rx_bytes", stats.rx_bytes},
                   {"rx_dropped", stats.rx_dropped},
                   {"rx_errors", stats.rx_errors},
                   {"rx_nohandler", stats.rx_nohandler},
                   {"tx_packets", stats.tx_packets},
                   {"tx_bytes", stats.tx_bytes},
                   {"tx_dropped", stats.tx_dropped},
                   {"tx_errors", stats.tx_errors},
                   {"multicast", stats.multicast}});
  return answered;
}

}  // namespace netkit::conformance
