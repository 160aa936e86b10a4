#include "base/per_cpu.h"

#include <unistd.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <string>

namespace netkit {
namespace {

// "0-3" or "0,2-5": the highest number + 1.
std::uint32_t read_possible() {
  std::ifstream file("/sys/devices/system/cpu/possible");
  std::string line;
  std::getline(file, line);
  const std::size_t at = line.find_last_of("-,");
  const char* first = line.data() + (at == std::string::npos ? 0 : at + 1);
  std::uint32_t last = 0;
  if (std::from_chars(first, line.data() + line.size(), last).ec == std::errc()) return last + 1;
  const long configured = ::sysconf(_SC_NPROCESSORS_CONF);
  return configured > 0 ? static_cast<std::uint32_t>(configured) : 1;
}

}  // namespace

std::uint32_t possible_cpus() {
  static const std::uint32_t count = read_possible();
  return count;
}

}  // namespace netkit
