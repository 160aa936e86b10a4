// Pins made together: all of them, or none.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/client.h"

namespace netkit::cli {

class Pinning {
 public:
  explicit Pinning(Client& client) : client_(client) {}
  // Takes away what was made, unless keep() was called.
  ~Pinning();
  Pinning(const Pinning&) = delete;
  Pinning& operator=(const Pinning&) = delete;

  // One that is there already is fine.
  [[nodiscard]] Result<> make_directory(const std::string& path);
  [[nodiscard]] Result<> pin(int fd, const std::string& path);
  void keep() { made_.clear(); }

 private:
  struct Made {
    std::string path;
    std::string_view undo;  // the method that removes it
  };
  Client& client_;
  std::vector<Made> made_;
};

}  // namespace netkit::cli
