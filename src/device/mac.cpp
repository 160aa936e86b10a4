#include "device/mac.h"

#include <random>

namespace netkit::device {

MacAddress random_mac() {
  static thread_local std::mt19937_64 generator{std::random_device{}()};
  MacAddress mac = unpack(generator());
  mac.bytes[0] = static_cast<std::uint8_t>((mac.bytes[0] & 0xfeU) | 0x02U);
  return mac;
}

}  // namespace netkit::device
