#include "tests/differential/generated/packets.h"

#include <linux/bpf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>

namespace netkit::differential {
namespace {

void put(std::vector<std::uint8_t>& bytes, std::size_t at, std::initializer_list<std::uint8_t> values) {
  std::ranges::copy(values, bytes.begin() + static_cast<std::ptrdiff_t>(at));
}

void make_ipv4(std::vector<std::uint8_t>& bytes, std::uint8_t protocol) {
  const auto length = static_cast<std::uint16_t>(bytes.size() - 14);
  put(bytes, 12, {0x08, 0x00, 0x45, 0x00});
  put(bytes, 16, {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length)});
  put(bytes, 23, {protocol});
}

void make_ipv6(std::vector<std::uint8_t>& bytes, std::uint8_t protocol) {
  const auto length = static_cast<std::uint16_t>(bytes.size() - 54);
  put(bytes, 12, {0x86, 0xdd, 0x60, 0x02});
  put(bytes, 18, {static_cast<std::uint8_t>(length >> 8), static_cast<std::uint8_t>(length), protocol, 64});
}

}  // namespace

bpf::TestInput random_input(Random& random) {
  bpf::TestInput input;
  input.data.resize(random() % 8 == 0 ? 14 + random() % 80 : 78 + random() % 200);
  std::ranges::generate(input.data, [&] { return static_cast<std::uint8_t>(random()); });
  const std::uint8_t protocol = random() % 2 == 0 ? 6 : 17;
  if (input.data.size() >= 54) {
    switch (random() % 5) {
      case 0:
        break;
      case 1:
      case 2:
        make_ipv4(input.data, protocol);
        break;
      default:
        make_ipv6(input.data, protocol);
        break;
    }
  }
  __sk_buff context{};
  if (random() % 2 == 0) {
    context.mark = static_cast<std::uint32_t>(random());
    context.priority = static_cast<std::uint32_t>(random() % 16);
    context.tstamp = random() % 1000;
    for (auto& word : context.cb) word = static_cast<std::uint32_t>(random());
  }
  const auto bytes = std::as_bytes(std::span(&context, 1));
  input.context.assign(bytes.begin(), bytes.end());
  return input;
}

}  // namespace netkit::differential
