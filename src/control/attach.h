// Requests about programs at devices, shaped like bpf(2)'s BPF_PROG_ATTACH, BPF_PROG_DETACH, BPF_PROG_QUERY,
// BPF_LINK_CREATE, BPF_LINK_UPDATE, BPF_LINK_DETACH and the lookups of handles (kernel/bpf/syscall.c; spec
// mprog-attach.md): raw numbers in, the kernel's errno out, its checks in its order. Device numbers are those
// of the client's namespace.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "control/client.h"

namespace netkit::control {

// The fields of union bpf_attr for attach and detach.
struct AttachRequest {
  std::uint32_t target_ifindex = 0;
  std::int32_t prog_fd = 0;       // detach: 0 names no program
  std::uint32_t attach_type = 0;  // bpf::AttachType
  std::uint32_t flags = 0;        // device::AttachFlag
  std::int32_t replace_fd = 0;
  std::uint32_t relative = 0;  // descriptor or id, as the flags say; 0: none
  std::uint64_t expected_revision = 0;
};

Result<> attach_program(Client& client, const AttachRequest& request);
Result<> detach_program(Client& client, const AttachRequest& request);

struct QueryRequest {
  std::uint32_t target_ifindex = 0;
  std::uint32_t attach_type = 0;
  std::uint32_t query_flags = 0;
  std::uint32_t attach_flags = 0;
  std::uint32_t room = 0;   // elements that the arrays have
  bool wants_ids = true;    // prog_ids is not null
  bool wants_links = true;  // link_ids is not null
};

// Valid as far as it goes also when the answer is ENOSPC.
struct QueryAnswer {
  std::uint32_t count = 0;  // how many are attached
  std::uint64_t revision = 1;
  std::vector<std::uint32_t> prog_ids;
  std::vector<std::uint32_t> link_ids;  // 0: attached without a link
};

Result<> query_programs(Client& client, const QueryRequest& request, QueryAnswer& answer);

// prog_fd, target_ifindex, attach_type, flags, relative and expected_revision count. Returns the link's
// descriptor.
Result<int> create_link_at(Client& client, const AttachRequest& request);

struct LinkUpdateRequest {
  std::int32_t link_fd = 0;
  std::int32_t new_prog_fd = 0;
  std::uint32_t flags = 0;  // device::kReplace: old_prog_fd is the program that must be there
  std::int32_t old_prog_fd = 0;
};

Result<> update_link(Client& client, const LinkUpdateRequest& request);
Result<> detach_link(Client& client, std::int32_t link_fd);

// struct bpf_link_info
struct LinkInfo {
  std::uint32_t type = 0;
  std::uint32_t id = 0;
  std::uint32_t prog_id = 0;
  std::uint32_t ifindex = 0;  // 0: the device has gone
  std::uint32_t attach_type = 0;
};

// EBADFD: not open; EINVAL: not a link.
[[nodiscard]] Result<LinkInfo> link_info(Client& client, std::int32_t link_fd);
// A new descriptor. ENOENT, EPERM.
Result<int> open_program(Client& client, std::uint32_t id);
Result<int> open_link(Client& client, std::uint32_t id);

}  // namespace netkit::control
