#include "control/pins.h"

#include "bpf/run/types.h"
#include "control/map.h"

namespace netkit::control {
namespace {

// bpf_fd_probe_obj
Result<PinnedObject> pinnable(const Client& client, int fd) {
  const Handle* const handle = client.find(fd);
  if (handle != nullptr) {
    if (const auto* map = std::get_if<MapHandle>(handle)) return map->map;
    if (const auto* program = std::get_if<bpf::ProgramRef>(handle)) return *program;
    if (const auto* link = std::get_if<device::LinkRef>(handle)) return *link;
  }
  return fail(EINVAL, "the descriptor is neither a map, a program nor a link");
}

}  // namespace

Result<> pin_object(Client& client, int fd, std::string_view path, std::uint32_t file_flags) {
  if (file_flags != 0) return fail(EINVAL);
  return client.system().pins.pin(client.credentials(), path, TRY(pinnable(client, fd)));
}

Result<int> open_pin(Client& client, std::string_view path, std::uint32_t file_flags) {
  const MapAccess access = TRY(map_access(file_flags));
  const std::uint32_t bits = (access.read ? 4U : 0U) | (access.write ? 2U : 0U);
  const PinnedObject object = TRY(client.system().pins.get(client.credentials(), path, bits));
  if (const auto* map = std::get_if<bpf::MapRef>(&object)) return client.open(MapHandle(*map, access));
  if (const auto* link = std::get_if<device::LinkRef>(&object)) {
    if (file_flags != 0) return fail(EINVAL);
    return client.open(*link);
  }
  return client.open(std::get<bpf::ProgramRef>(object));
}

}  // namespace netkit::control
