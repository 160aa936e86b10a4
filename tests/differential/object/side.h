// One side of the comparison: requests shaped like bpf(2) and those of a file system, answered by the running
// kernel or by us. An answer is 0 or more (a descriptor, an id, a count), or a negative errno.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "control/map.h"
#include "control/program.h"

namespace netkit::control::test {

enum class Kind : std::uint8_t { kProgram, kMap, kLink };

class Side {
 public:
  virtual ~Side() = default;

  // Later requests come from a user without capabilities, or again from one who has them all.
  virtual void drop_privilege() = 0;
  virtual void regain_privilege() = 0;

  virtual int close(int fd) = 0;
  virtual int duplicate(int fd) = 0;
  // A descriptor that is none of bpf's.
  virtual int open_other() = 0;

  virtual int create_map(const MapCreateRequest& request) = 0;
  virtual int lookup(int fd, KeySpan key, Buffer& value, std::uint64_t flags) = 0;
  virtual int update(int fd, KeySpan key, ValueSpan value, std::uint64_t flags) = 0;
  virtual int erase(int fd, KeySpan key) = 0;
  virtual int next_key(int fd, KeySpan key, Buffer& next) = 0;
  virtual int take(int fd, KeySpan key, Buffer& value, std::uint64_t flags) = 0;
  virtual int freeze(int fd) = 0;
  // Count entries from the start; the number read in `done`.
  virtual int read_batch(int fd, bool erase, std::uint32_t count, std::uint64_t elem_flags,
                         std::uint32_t& done) = 0;
  virtual int update_batch(int fd, std::uint32_t count, KeySpan keys, ValueSpan values,
                           std::uint64_t elem_flags, std::uint32_t& done) = 0;
  virtual int delete_batch(int fd, std::uint32_t count, KeySpan keys, std::uint64_t elem_flags,
                           std::uint32_t& done) = 0;

  virtual int load_program(const ProgramLoadRequest& request) = 0;

  virtual int next_id(Kind kind, std::uint32_t start) = 0;
  // open_flags count for maps.
  virtual int open_id(Kind kind, std::uint32_t id, std::uint32_t open_flags) = 0;
  // What information says of a program or map, in words; ids of objects are left out.
  virtual int describe(int fd, std::string& text) = 0;
  // The id of an object that must be there.
  virtual std::uint32_t id_of(int fd) = 0;
  virtual int enable_stats(std::uint32_t type) = 0;

  virtual int pin(int fd, const std::string& path, std::uint32_t flags) = 0;
  virtual int get(const std::string& path, std::uint32_t flags) = 0;
  virtual int unlink(const std::string& path) = 0;
  virtual int make_directory(const std::string& path, std::uint32_t mode) = 0;
  virtual int remove_directory(const std::string& path) = 0;
  virtual int change_mode(const std::string& path, std::uint32_t mode) = 0;
  virtual int change_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) = 0;
  // Type and permission bits, in octal.
  virtual int stat(const std::string& path, std::string& text) = 0;
};

inline constexpr std::uint32_t kNobody = 65534;

// The kernel's side needs a mount of bpffs at /sys/fs/bpf whose root has mode 0700.
[[nodiscard]] std::unique_ptr<Side> make_kernel_side();
[[nodiscard]] std::unique_ptr<Side> make_our_side();

}  // namespace netkit::control::test
