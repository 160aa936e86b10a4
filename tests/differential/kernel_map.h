// A map of the running kernel, by system calls, with answers as our own maps give them: 0 or a negative
// errno.
#pragma once

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/fd.h"
#include "bpf/map/map.h"

namespace netkit::bpf::test {

template <class Fill>
int kernel_bpf(bpf_cmd command, Fill fill) {
  bpf_attr attr;
  std::memset(&attr, 0, sizeof attr);
  fill(attr);
  const long result = ::syscall(SYS_bpf, command, &attr, sizeof attr);
  return result < 0 ? -errno : static_cast<int>(result);
}

inline std::uint64_t address_of(const void* at) {
  return reinterpret_cast<std::uint64_t>(at);
}

class KernelMap {
 public:
  // The descriptor or a negative errno.
  static int create(const MapSpec& spec) {
    Fd inner(spec.inner == nullptr ? -1 : create(*spec.inner));
    return kernel_bpf(BPF_MAP_CREATE, [&](bpf_attr& attr) {
      if (spec.inner != nullptr) attr.inner_map_fd = static_cast<std::uint32_t>(inner.get());
      attr.map_type = static_cast<std::uint32_t>(spec.type);
      attr.key_size = spec.key_size;
      attr.value_size = spec.value_size;
      attr.max_entries = spec.max_entries;
      attr.map_flags = spec.flags;
      attr.map_extra = spec.extra;
    });
  }

  explicit KernelMap(const MapSpec& spec) : fd_(create(spec)) {}

  [[nodiscard]] bool exists() const { return static_cast<bool>(fd_); }

  int lookup(std::span<const std::byte> key, std::span<std::byte> value, std::uint64_t flags = 0) const {
    return element(BPF_MAP_LOOKUP_ELEM, key, value.data(), flags);
  }
  int update(std::span<const std::byte> key, std::span<const std::byte> value, std::uint64_t flags) const {
    return element(BPF_MAP_UPDATE_ELEM, key, value.data(), flags);
  }
  int take(std::span<const std::byte> key, std::span<std::byte> value, std::uint64_t flags) const {
    return element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, key, value.data(), flags);
  }
  int remove(std::span<const std::byte> key) const { return element(BPF_MAP_DELETE_ELEM, key, nullptr, 0); }
  // `key` empty: the first.
  int next_key(std::span<const std::byte> key, std::span<std::byte> next) const {
    return element(BPF_MAP_GET_NEXT_KEY, key, next.data(), 0);
  }
  int freeze() const {
    return kernel_bpf(BPF_MAP_FREEZE, [&](bpf_attr& attr) { attr.map_fd = descriptor(); });
  }

  [[nodiscard]] std::uint32_t descriptor() const { return static_cast<std::uint32_t>(fd_.get()); }

 private:
  int element(bpf_cmd command, std::span<const std::byte> key, const void* value, std::uint64_t flags) const {
    return kernel_bpf(command, [&](bpf_attr& attr) {
      attr.map_fd = descriptor();
      attr.key = address_of(key.empty() ? nullptr : key.data());
      attr.value = address_of(value);
      attr.flags = flags;
    });
  }

  Fd fd_;
};

// "r0 = 0; exit" as a program of the kernel: its descriptor or a negative errno.
inline int load_kernel_program(std::uint32_t expected_attach_type) {
  const std::uint64_t instructions[] = {0x00000000000000b7U, 0x0000000000000095U};
  return kernel_bpf(BPF_PROG_LOAD, [&](bpf_attr& attr) {
    attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attr.expected_attach_type = expected_attach_type;
    attr.insns = address_of(instructions);
    attr.insn_cnt = std::size(instructions);
    attr.license = address_of("GPL");
  });
}

}  // namespace netkit::bpf::test
