#include "bpf/map/memory.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string_view>

#include "base/per_cpu.h"
#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {

std::string& map_root() {
  static std::string directory;
  return directory;
}

constexpr int kAccess = PROT_READ | PROT_WRITE;
constexpr int kSharing = MAP_SHARED | MAP_NORESERVE;

struct RegionFile {
  Fd file;
  bool linkable = false;
};

Fd unnamed_file(std::uint64_t size) {
  if (map_root().empty()) return Fd();
  Fd file(::open(map_root().c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file || ::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return Fd();
  return file;
}

Result<RegionFile> open_file(const MapSpec& spec, std::uint64_t size) {
  if (Fd file = unnamed_file(size)) return RegionFile{std::move(file), true};
  constexpr std::size_t kLongestName = 200;  // memfd_create allows 249 bytes
  const std::string name = "netkit-map:" + spec.name.substr(0, kLongestName);
  Fd file(::memfd_create(name.c_str(), MFD_CLOEXEC));
  if (!file) return fail_errno(fmt::format("map '{}': memfd_create", spec.name));
  if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) {
    return fail(ENOMEM,
                fmt::format("map '{}': a file of {} bytes: {}", spec.name, size, std::strerror(errno)));
  }
  return RegionFile{std::move(file), false};
}

std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  std::uint64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::uint64_t>::max() : sum;
}

}  // namespace

void set_map_root(std::string directory) {
  map_root() = std::move(directory);
}

std::uint64_t RegionLayout::add(std::uint64_t count, std::uint64_t size, std::uint64_t alignment) {
  const std::uint64_t at = saturating_add(end_, alignment - 1) / alignment * alignment;
  std::uint64_t bytes = 0;
  if (__builtin_mul_overflow(count, size, &bytes)) bytes = std::numeric_limits<std::uint64_t>::max();
  end_ = saturating_add(at, bytes);
  return at;
}

Result<MapMemory> MapMemory::create(const MapSpec& spec, std::uint64_t size, std::uint64_t mirrored) {
  if (size > kLargestRegion) {
    return fail(ENOMEM, fmt::format("map '{}' would need {} bytes: lower max_entries or the value size",
                                    spec.name, size));
  }
  size = (size + kPage - 1) / kPage * kPage;
  RegionFile file = TRY(open_file(spec, size));
  // Room for both first, then the mirror over its end.
  void* base = ::mmap(nullptr, size + mirrored, kAccess, kSharing, file.file.get(), 0);
  if (base == MAP_FAILED) {
    return fail(ENOMEM, fmt::format("map '{}': no address space for {} bytes", spec.name, size + mirrored));
  }
  MapMemory memory(std::move(file.file), static_cast<std::byte*>(base), size, mirrored, file.linkable);
  if (mirrored != 0 && ::mmap(memory.base() + size, mirrored, kAccess, kSharing | MAP_FIXED, memory.file(),
                              static_cast<off_t>(size - mirrored)) == MAP_FAILED) {
    return fail(ENOMEM, fmt::format("map '{}': cannot map its data a second time", spec.name));
  }
  RegionHeader& header = memory.header();
  header.magic = kRegionMagic;
  header.layout_version = kRegionLayoutVersion;
  header.type = static_cast<std::uint32_t>(spec.type);
  header.key_size = spec.key_size;
  header.value_size = spec.value_size;
  header.max_entries = spec.max_entries;
  header.flags = spec.flags;
  header.extra = spec.extra;
  header.region_size = size;
  header.cpus = possible_cpus();
  header.generation = 1;
  spec.name.copy(header.name.data(), header.name.size() - 1);
  return memory;
}

MapMemory::~MapMemory() {
  if (base_ != nullptr) ::munmap(base_, size_ + mirrored_);
}

void MapMemory::describe(const void* geometry, std::size_t size) const {
  std::memcpy(header().geometry.data(), geometry, size);
}

Result<ZeroedMemory> ZeroedMemory::allocate(std::uint64_t count, std::uint64_t size) {
  void* memory = std::calloc(count, size);
  if (memory == nullptr) return fail(ENOMEM, fmt::format("no memory for {} slots", count));
  return ZeroedMemory(memory);
}

void ZeroedMemory::Free::operator()(void* memory) const {
  std::free(memory);
}

}  // namespace netkit::bpf
