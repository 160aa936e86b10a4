// SipHash-2-4 of Aumasson and Bernstein: a keyed hash that a stranger cannot invert.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace netkit::bpf {

using SipKey = std::array<std::uint64_t, 2>;

// Of a message in whole words of 64 bits.
[[nodiscard]] constexpr std::uint64_t siphash(const SipKey& key, std::span<const std::uint64_t> words) {
  std::uint64_t v0 = key[0] ^ 0x736f'6d65'7073'6575;
  std::uint64_t v1 = key[1] ^ 0x646f'7261'6e64'6f6d;
  std::uint64_t v2 = key[0] ^ 0x6c79'6765'6e65'7261;
  std::uint64_t v3 = key[1] ^ 0x7465'6462'7974'6573;
  const auto rounds = [&](int count) {
    for (int i = 0; i < count; ++i) {
      v0 += v1, v1 = std::rotl(v1, 13) ^ v0, v0 = std::rotl(v0, 32);
      v2 += v3, v3 = std::rotl(v3, 16) ^ v2;
      v0 += v3, v3 = std::rotl(v3, 21) ^ v0;
      v2 += v1, v1 = std::rotl(v1, 17) ^ v2, v2 = std::rotl(v2, 32);
    }
  };
  const auto mix = [&](std::uint64_t word) {
    v3 ^= word;
    rounds(2);
    v0 ^= word;
  };
  for (const std::uint64_t word : words) mix(word);
  mix(std::uint64_t{words.size() * 8} << 56);
  v2 ^= 0xff;
  rounds(4);
  return v0 ^ v1 ^ v2 ^ v3;
}

}  // namespace netkit::bpf
