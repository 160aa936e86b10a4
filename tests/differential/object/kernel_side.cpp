#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <array>

#include "tests/differential/kernel_map.h"
#include "tests/differential/object/side.h"

namespace netkit::control::test {
namespace {

using bpf::test::address_of;
using bpf::test::kernel_bpf;

int answer(int result) {
  return result < 0 ? -errno : result;
}

std::uint32_t descriptor(int fd) {
  return static_cast<std::uint32_t>(fd);
}

// Changes the user of this thread alone, unlike the library's functions.
void set_effective_user(std::uint32_t uid) {
  if (uid == 0) ::syscall(SYS_setresuid, -1, uid, -1);
  ::syscall(SYS_setresgid, -1, uid, -1);
  if (uid != 0) ::syscall(SYS_setresuid, -1, uid, -1);
}

// Which word the kernel's fdinfo of a descriptor has for its kind.
bool is_program(int fd) {
  std::array<char, 64> target{};
  ::readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), target.data(), target.size() - 1);
  return std::string_view(target.data()).contains("bpf-prog");
}

class KernelSide final : public Side {
 public:
  KernelSide() { old_mask_ = ::umask(0); }
  ~KernelSide() override {
    for (const int fd : open_) ::close(fd);
    ::umask(old_mask_);
  }

  void drop_privilege() override { set_effective_user(kNobody); }
  void regain_privilege() override { set_effective_user(0); }

  int close(int fd) override {
    std::erase(open_, fd);
    return answer(::close(fd));
  }
  int duplicate(int fd) override { return keep(answer(::dup(fd))); }
  int open_other() override { return keep(answer(::open("/dev/null", O_RDWR | O_CLOEXEC))); }

  int create_map(const MapCreateRequest& request) override {
    return keep(kernel_bpf(BPF_MAP_CREATE, [&](bpf_attr& attr) {
      attr.map_type = request.map_type;
      attr.key_size = request.key_size;
      attr.value_size = request.value_size;
      attr.max_entries = request.max_entries;
      attr.map_flags = request.map_flags;
      attr.numa_node = request.numa_node;
      attr.map_ifindex = request.map_ifindex;
      attr.map_extra = request.map_extra;
      attr.inner_map_fd = static_cast<std::uint32_t>(request.inner_map_fd);
      request.map_name.copy(attr.map_name, sizeof attr.map_name);
    }));
  }

  int lookup(int fd, KeySpan key, Buffer& value, std::uint64_t flags) override {
    return element(BPF_MAP_LOOKUP_ELEM, fd, key, value.data(), flags);
  }
  int update(int fd, KeySpan key, ValueSpan value, std::uint64_t flags) override {
    return element(BPF_MAP_UPDATE_ELEM, fd, key, value.data(), flags);
  }
  int erase(int fd, KeySpan key) override { return element(BPF_MAP_DELETE_ELEM, fd, key, nullptr, 0); }
  int next_key(int fd, KeySpan key, Buffer& next) override {
    return element(BPF_MAP_GET_NEXT_KEY, fd, key, next.data(), 0);
  }
  int take(int fd, KeySpan key, Buffer& value, std::uint64_t flags) override {
    return element(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, key, value.data(), flags);
  }
  int freeze(int fd) override {
    return kernel_bpf(BPF_MAP_FREEZE, [&](bpf_attr& attr) { attr.map_fd = descriptor(fd); });
  }

  int read_batch(int fd, bool erase, std::uint32_t count, std::uint64_t elem_flags,
                 std::uint32_t& done) override {
    constexpr std::size_t kRoom = 1U << 16;
    std::vector<std::byte> keys(kRoom), values(kRoom), cursor(kRoom);
    return batch(erase ? BPF_MAP_LOOKUP_AND_DELETE_BATCH : BPF_MAP_LOOKUP_BATCH, count, done,
                 [&](bpf_attr& attr) {
                   attr.batch.map_fd = descriptor(fd);
                   attr.batch.out_batch = address_of(cursor.data());
                   attr.batch.keys = address_of(keys.data());
                   attr.batch.values = address_of(values.data());
                   attr.batch.elem_flags = elem_flags;
                 });
  }
  int update_batch(int fd, std::uint32_t count, KeySpan keys, ValueSpan values, std::uint64_t elem_flags,
                   std::uint32_t& done) override {
    return batch(BPF_MAP_UPDATE_BATCH, count, done, [&](bpf_attr& attr) {
      attr.batch.map_fd = descriptor(fd);
      attr.batch.keys = address_of(keys.data());
      attr.batch.values = address_of(values.data());
      attr.batch.elem_flags = elem_flags;
    });
  }
  int delete_batch(int fd, std::uint32_t count, KeySpan keys, std::uint64_t elem_flags,
                   std::uint32_t& done) override {
    return batch(BPF_MAP_DELETE_BATCH, count, done, [&](bpf_attr& attr) {
      attr.batch.map_fd = descriptor(fd);
      attr.batch.keys = address_of(keys.data());
      attr.batch.elem_flags = elem_flags;
    });
  }

  int load_program(const ProgramLoadRequest& request) override {
    return keep(kernel_bpf(BPF_PROG_LOAD, [&](bpf_attr& attr) {
      attr.prog_type = request.prog_type;
      attr.insns = address_of(request.insns.data());
      attr.insn_cnt = static_cast<std::uint32_t>(request.insns.size());
      attr.license = address_of(request.license.c_str());
      attr.prog_flags = request.prog_flags;
      attr.prog_ifindex = request.prog_ifindex;
      attr.expected_attach_type = request.expected_attach_type;
      attr.fd_array = address_of(request.fd_array.empty() ? nullptr : request.fd_array.data());
      request.prog_name.copy(attr.prog_name, sizeof attr.prog_name);
    }));
  }

  int next_id(Kind kind, std::uint32_t start) override {
    constexpr std::array kCommands = {BPF_PROG_GET_NEXT_ID, BPF_MAP_GET_NEXT_ID, BPF_LINK_GET_NEXT_ID};
    return kernel_bpf(kCommands[static_cast<std::size_t>(kind)],
                      [&](bpf_attr& attr) { attr.start_id = start; });
  }
  int open_id(Kind kind, std::uint32_t id, std::uint32_t open_flags) override {
    constexpr std::array kCommands = {BPF_PROG_GET_FD_BY_ID, BPF_MAP_GET_FD_BY_ID, BPF_LINK_GET_FD_BY_ID};
    return keep(kernel_bpf(kCommands[static_cast<std::size_t>(kind)], [&](bpf_attr& attr) {
      attr.prog_id = id;
      attr.open_flags = open_flags;
    }));
  }
  int describe(int fd, std::string& text) override {
    bpf_prog_info program{};
    bpf_map_info map{};
    std::array<std::uint32_t, 64> map_ids{};
    const bool of_program = is_program(fd);
    if (of_program) {
      program.nr_map_ids = map_ids.size();
      program.map_ids = address_of(map_ids.data());
    }
    const int result = kernel_bpf(BPF_OBJ_GET_INFO_BY_FD, [&](bpf_attr& attr) {
      attr.info.bpf_fd = descriptor(fd);
      attr.info.info_len = of_program ? sizeof program : sizeof map;
      attr.info.info = of_program ? address_of(&program) : address_of(&map);
    });
    if (result != 0) return result;
    text = of_program ? words(program) : words(map);
    return 0;
  }
  std::uint32_t id_of(int fd) override {
    bpf_map_info info{};  // programs have their id at the same place
    kernel_bpf(BPF_OBJ_GET_INFO_BY_FD, [&](bpf_attr& attr) {
      attr.info.bpf_fd = descriptor(fd);
      attr.info.info_len = sizeof info;
      attr.info.info = address_of(&info);
    });
    return info.id;
  }
  int enable_stats(std::uint32_t type) override {
    return keep(kernel_bpf(BPF_ENABLE_STATS, [&](bpf_attr& attr) { attr.enable_stats.type = type; }));
  }

  int pin(int fd, const std::string& path, std::uint32_t flags) override {
    return kernel_bpf(BPF_OBJ_PIN, [&](bpf_attr& attr) {
      attr.pathname = address_of(path.c_str());
      attr.bpf_fd = descriptor(fd);
      attr.file_flags = flags;
    });
  }
  int get(const std::string& path, std::uint32_t flags) override {
    return keep(kernel_bpf(BPF_OBJ_GET, [&](bpf_attr& attr) {
      attr.pathname = address_of(path.c_str());
      attr.file_flags = flags;
    }));
  }
  int unlink(const std::string& path) override { return answer(::unlink(path.c_str())); }
  int make_directory(const std::string& path, std::uint32_t mode) override {
    return answer(::mkdir(path.c_str(), mode));
  }
  int remove_directory(const std::string& path) override { return answer(::rmdir(path.c_str())); }
  int change_mode(const std::string& path, std::uint32_t mode) override {
    return answer(::chmod(path.c_str(), mode));
  }
  int change_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) override {
    return answer(::chown(path.c_str(), uid, gid));
  }
  int stat(const std::string& path, std::string& text) override {
    struct stat entry{};
    if (::stat(path.c_str(), &entry) != 0) return -errno;
    text = fmt::format("{} {:o} {}:{}", S_ISDIR(entry.st_mode) ? "directory" : "file", entry.st_mode & 07777U,
                       entry.st_uid, entry.st_gid);
    return 0;
  }

 private:
  int keep(int fd) {
    if (fd >= 0) open_.push_back(fd);
    return fd;
  }

  static int element(bpf_cmd command, int fd, KeySpan key, const void* value, std::uint64_t flags) {
    return kernel_bpf(command, [&](bpf_attr& attr) {
      attr.map_fd = descriptor(fd);
      attr.key = address_of(key.empty() ? nullptr : key.data());
      attr.value = address_of(value);
      attr.flags = flags;
    });
  }

  template <class Fill>
  static int batch(bpf_cmd command, std::uint32_t count, std::uint32_t& done, Fill fill) {
    bpf_attr attr;
    std::memset(&attr, 0, sizeof attr);
    fill(attr);
    attr.batch.count = count;
    const int result = answer(static_cast<int>(::syscall(SYS_bpf, command, &attr, sizeof attr)));
    done = attr.batch.count;
    return result;
  }

  static std::string words(const bpf_prog_info& info) {
    std::string tag;
    for (const std::uint8_t byte : info.tag) tag += fmt::format("{:02x}", byte);
    return fmt::format("program type {} tag {} name '{}' uid {} gpl {} maps {} xlated {} runs {} time {}",
                       info.type, tag, info.name, info.created_by_uid, info.gpl_compatible != 0,
                       info.nr_map_ids, info.xlated_prog_len, info.run_cnt, info.run_time_ns);
  }
  static std::string words(const bpf_map_info& info) {
    return fmt::format("map type {} key {} value {} entries {} flags {:#x} name '{}' ifindex {} extra {}",
                       info.type, info.key_size, info.value_size, info.max_entries, info.map_flags, info.name,
                       info.ifindex, std::uint64_t{info.map_extra});
  }

  std::vector<int> open_;
  mode_t old_mask_ = 0;
};

}  // namespace

std::unique_ptr<Side> make_kernel_side() {
  return std::make_unique<KernelSide>();
}

}  // namespace netkit::control::test
