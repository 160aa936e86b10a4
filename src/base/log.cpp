#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace netkit::log {
namespace {

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("netkit");
    made->set_pattern("netkit: %^%l%$: %v");
    const char* level = std::getenv("NETKIT_LOG");
    made->set_level(level != nullptr ? spdlog::level::from_str(level) : spdlog::level::info);
    return made;
  }();
  return *instance;
}

spdlog::string_view_t view(std::string_view line) {
  return {line.data(), line.size()};
}

}  // namespace

void error(std::string_view line) {
  logger().log(spdlog::level::err, view(line));
}
void warning(std::string_view line) {
  logger().log(spdlog::level::warn, view(line));
}
void info(std::string_view line) {
  logger().log(spdlog::level::info, view(line));
}
void debug(std::string_view line) {
  logger().log(spdlog::level::debug, view(line));
}

}  // namespace netkit::log
