#include "base/log.h"

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace netkit::log {
namespace {

// Whether standard error is the journal's stream (systemd.exec(5), JOURNAL_STREAM).
bool writes_to_journal() {
  const char* const stream = std::getenv("JOURNAL_STREAM");
  struct stat file{};
  if (stream == nullptr || ::fstat(STDERR_FILENO, &file) != 0) return false;
  return stream == std::to_string(file.st_dev) + ":" + std::to_string(file.st_ino);
}

// The priority at the start of a line, as the journal reads it (sd-daemon(3)).
class Priority final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& line) override {
    const std::string_view prefix = prefix_of(message.level);
    line.append(prefix.data(), prefix.data() + prefix.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return std::make_unique<Priority>();
  }

 private:
  static std::string_view prefix_of(spdlog::level::level_enum level) {
    if (level >= spdlog::level::err) return "<3>";
    if (level == spdlog::level::warn) return "<4>";
    return level == spdlog::level::info ? "<6>" : "<7>";
  }
};

std::unique_ptr<spdlog::formatter> formatter() {
  auto made = std::make_unique<spdlog::pattern_formatter>();
  made->add_flag<Priority>('*').set_pattern(writes_to_journal() ? "%*%v" : "netkit: %^%l%$: %v");
  return made;
}

spdlog::logger& logger() {
  static const auto instance = [] {
    auto made = spdlog::stderr_color_mt("netkit");
    made->set_formatter(formatter());
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
