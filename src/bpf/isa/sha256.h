// SHA-256 (FIPS 180-4), for program tags and object digests; not meant for secrets.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace netkit::bpf {

[[nodiscard]] std::array<std::uint8_t, 32> sha256(std::span<const std::byte> message);

}  // namespace netkit::bpf
