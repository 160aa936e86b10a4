#include "control/region.h"

#include <fcntl.h>
#include <fmt/format.h>

#include "bpf/map/memory.h"
#include "bpf/map/value.h"
#include "control/map_descriptor.h"

namespace netkit::control {
namespace {

Result<Fd> duplicate(int fd) {
  Fd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return fail_errno("a descriptor for a client");
  return copy;
}

// Another open file of the same region, which cannot be written through.
Result<Fd> reopen_read_only(int fd) {
  Fd file(::open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno("a map's region for reading");
  return file;
}

Result<MapRegion> ring_region(int file, std::uint64_t offset, std::uint64_t size, int wakeup) {
  Fd own = TRY(duplicate(file));
  return MapRegion{std::move(own), offset, size, true, TRY(duplicate(wakeup))};
}

}  // namespace

Result<MapRegion> open_region(Client& client, int fd, bool writable) {
  if (const auto ring = client.get<PerfRingRef>(fd))
    return ring_region((*ring)->file(), 0, (*ring)->size(), (*ring)->wakeup());
  const auto handle = TRY(client.get<MapHandle>(fd));
  const bpf::MapSpec& spec = handle.map->spec();
  const bpf::MapMemory& memory = handle.map->memory();
  if (spec.type == bpf::MapType::kRingbuf) {
    const bpf::MapRef map = TRY(map_for(client, fd, kToReadAndWrite));
    return ring_region(memory.file(), bpf::kPage, 2 * bpf::kPage + spec.max_entries, map->wakeup());
  }
  const bpf::MapRef map = TRY(map_for(client, fd, writable ? kToReadAndWrite : kToRead));
  const bool array = spec.type == bpf::MapType::kArray;
  if ((array || writable) && (!array || (spec.flags & bpf::kMmapable) == 0))
    return fail(bpf::kENOTSUPP, fmt::format("map '{}' is no array with the flag MMAPABLE", spec.name));
  MapRegion region{.size = memory.size(), .writable = writable};
  if (array) {
    const std::uint64_t bytes = std::uint64_t{spec.max_entries} * bpf::round_up_8(spec.value_size);
    region.offset = bpf::kPage;
    region.size = (bytes + bpf::kPage - 1) / bpf::kPage * bpf::kPage;
  }
  region.file = TRY(writable ? duplicate(memory.file()) : reopen_read_only(memory.file()));
  return region;
}

}  // namespace netkit::control
