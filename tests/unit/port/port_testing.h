// Helpers of the port tests.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "base/fd.h"
#include "packet/builder.h"
#include "packet/pool.h"

namespace netkit {

inline constexpr MacAddress kMacA{{2, 0, 0, 0, 0, 1}}, kMacB{{2, 0, 0, 0, 0, 2}};

// A file that goes with the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(std::string_view name)
      : path_(::testing::TempDir() + "netkit-" + std::to_string(::getpid()) + "-" + std::string(name)) {}
  ~TemporaryFile() { std::filesystem::remove(path_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] Fd writable() const {
    return Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  }
  [[nodiscard]] Fd readable() const { return Fd(::open(path_.c_str(), O_RDONLY | O_CLOEXEC)); }
  void fill(std::string_view bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

 private:
  std::string path_;
};

// What a command prints, both streams.
inline std::string output_of(const std::string& command) {
  struct Close {
    void operator()(std::FILE* pipe) const { ::pclose(pipe); }
  };
  const std::unique_ptr<std::FILE, Close> pipe(::popen((command + " 2>&1").c_str(), "r"));
  std::string output;
  for (int c = 0; pipe != nullptr && (c = std::fgetc(pipe.get())) != EOF;) output += static_cast<char>(c);
  return output;
}

inline bool has_tcpdump() {
  return std::system("command -v tcpdump >/dev/null 2>&1") == 0;
}

}  // namespace netkit
