// Requests about programs, shaped like bpf(2)'s BPF_PROG_LOAD (kernel/bpf/syscall.c, bpf_prog_load), and what
// libbpf does with a whole object file.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/isa/insn.h"
#include "bpf/object/link.h"
#include "control/client.h"

namespace netkit::control {

// The fields of union bpf_attr for BPF_PROG_LOAD.
struct ProgramLoadRequest {
  std::uint32_t prog_type = 0;
  // Maps are named by descriptor (kMapFd, kMapValue) or by place in fd_array (kMapIndex, kMapIndexValue).
  std::span<const bpf::Insn> insns{};
  std::string license{};
  std::uint32_t prog_flags = 0;  // ProgramLoadFlag
  std::string prog_name{};       // at most 15 of letters, digits, '_' and '.'
  std::uint32_t prog_ifindex = 0;
  std::uint32_t expected_attach_type = 0;
  std::vector<int> fd_array{};
  std::uint32_t fd_array_cnt = 0;  // so many of fd_array are bound to the program, named or not
};

// BPF_F_*
enum ProgramLoadFlag : std::uint32_t {
  kStrictAlignment = 1U << 0,
  kAnyAlignment = 1U << 1,
  kTestRndHi32 = 1U << 2,
  kTestStateFreq = 1U << 3,
  kSleepable = 1U << 4,
  kXdpHasFrags = 1U << 5,
  kXdpDevBoundOnly = 1U << 6,
  kTestRegInvariants = 1U << 7,
};

// Returns a descriptor. EPERM without capability, E2BIG for no or too many instructions, EBADF and EINVAL for
// maps; EINVAL with a text for what the checks of the program refuse.
Result<int> load_program(Client& client, const ProgramLoadRequest& request);

struct ObjectLoadRequest {
  std::vector<std::byte> bytes{};                   // an ELF file
  std::string name{};                               // the file's, for messages and data maps
  bpf::LinkOptions options{};                       // create and reuse are the request's to fill in
  std::map<std::string, int, std::less<>> reuse{};  // descriptors of maps to take in place of new ones
  // Where maps are pinned that ask for it (bpf_object_open_opts::pin_root_path); empty: nowhere.
  std::string pin_root_path{};
};

struct NamedHandle {
  std::string name{};  // full
  int fd = -1;
  std::uint32_t id = 0;
};

struct ObjectHandles {
  std::vector<NamedHandle> programs{};  // in the order asked for, or the object's
  std::vector<NamedHandle> maps{};      // in the object's order, data sections last
};

// All or nothing. EPERM without capability, EBADF and EINVAL for reused maps, else as bpf::load_object.
Result<ObjectHandles> load_object(Client& client, ObjectLoadRequest request);

// struct bpf_prog_info, and what bpftool shows beside it.
struct ProgramInfo {
  std::uint32_t type = 0;
  std::uint32_t id = 0;
  std::array<std::uint8_t, 8> tag{};
  std::uint32_t jited_prog_len = 0;
  std::uint32_t xlated_prog_len = 0;  // bytes; 0 for who has no capability
  std::vector<bpf::Insn> xlated_prog_insns{};
  std::uint64_t load_time = 0;  // CLOCK_BOOTTIME, ns
  std::uint32_t created_by_uid = 0;
  std::vector<std::uint32_t> map_ids{};
  std::string name{};       // 15 characters
  std::string full_name{};  // as in the object file
  std::uint32_t ifindex = 0;
  bool gpl_compatible = false;
  std::uint32_t btf_id = 0;
  std::uint64_t run_time_ns = 0;  // of run_cnt
  std::uint64_t run_cnt = 0;      // runs while somebody had timing switched on
  std::uint64_t recursion_misses = 0;
  std::uint32_t verified_insns = 0;  // 0: not known
  std::uint32_t expected_attach_type = 0;
  std::uint64_t memlock = 0;  // bytes
  std::uint64_t runs = 0;     // all runs
  std::uint64_t faults = 0;   // runs that an illegal access ended
};

// EBADFD: not open; EINVAL: not a program.
[[nodiscard]] Result<ProgramInfo> program_info(Client& client, int prog_fd);

}  // namespace netkit::control
