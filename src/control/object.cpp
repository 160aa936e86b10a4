#include "control/object.h"

#include <algorithm>
#include <limits>

#include "bpf/map/tables.h"
#include "device/link.h"

namespace netkit::control {
namespace {

// bpf_obj_get_next_id
template <class Table>
Result<std::uint32_t> next_id(const Client& client, std::uint32_t start, const Table& table) {
  if (start >= std::numeric_limits<std::int32_t>::max()) return fail(EINVAL);
  if (!client.privileged()) return fail(EPERM, "ids are shown to privileged clients only");
  const std::vector<std::uint32_t> ids = table.ids();
  const auto next = std::ranges::upper_bound(ids, start);
  if (next == ids.end()) return fail(ENOENT);
  return *next;
}

}  // namespace

Result<std::uint32_t> next_program_id(Client& client, std::uint32_t start) {
  return next_id(client, start, bpf::ProgramTable::instance());
}
Result<std::uint32_t> next_map_id(Client& client, std::uint32_t start) {
  return next_id(client, start, bpf::MapTable::instance());
}
Result<std::uint32_t> next_link_id(Client& client, std::uint32_t start) {
  return next_id(client, start, device::LinkTable::instance());
}

Result<int> open_map(Client& client, std::uint32_t id, std::uint32_t open_flags) {
  if ((open_flags & ~std::uint32_t{bpf::kRdonly | bpf::kWronly}) != 0) return fail(EINVAL);
  if (!client.privileged()) return fail(EPERM, "opening by id needs a privileged client");
  const MapAccess access = TRY(map_access(open_flags));
  const bpf::MapRef map = bpf::MapTable::instance().find(id);
  if (map == nullptr) return fail(ENOENT);
  return client.open(MapHandle(map, access));
}

Result<ObjectInfo> object_info(Client& client, int fd) {
  const Handle* const handle = client.find(fd);
  if (handle == nullptr) return fail(EBADFD);
  if (std::holds_alternative<bpf::ProgramRef>(*handle)) return TRY(program_info(client, fd));
  if (std::holds_alternative<MapHandle>(*handle)) return TRY(map_info(client, fd));
  return TRY(link_info(client, fd));
}

Result<int> enable_stats(Client& client, std::uint32_t type) {
  if (!client.privileged()) return fail(EPERM, "switching statistics on needs a privileged client");
  if (type != kStatsRunTime) return fail(EINVAL);
  return client.open(std::make_shared<const bpf::ProgramTiming>());
}

}  // namespace netkit::control
