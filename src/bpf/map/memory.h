// The memory of one map: a contiguous, position-independent region in a shared memory file.
//
// The file begins with a plain header that a reader outside the process can check and follow; everything that
// refers to a place in the region is an offset from its start or an element number, never an address. The
// file is sparse: it is as long as the map could ever need, and pages come into being when they are first
// touched. With a map root (set_map_root) it is an unnamed file in that directory, so that pinning is a
// linkat; without one, or where the directory can't hold such files, it is a memfd, which lives and dies with
// its descriptors.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "base/fd.h"
#include "base/result.h"

namespace netkit::bpf {

struct MapSpec;

inline constexpr std::uint64_t kRegionMagic = 0x50414d54494b544eU;  // "NTKITMAP" in memory
inline constexpr std::uint32_t kRegionLayoutVersion = 1;
inline constexpr std::size_t kPage = 4096;

// The longest region: far more than a map of any real program needs, far less than the address space. Types
// that the kernel allocates lazily reserve no more than this, whatever their max_entries; others fail with
// ENOMEM.
inline constexpr std::uint64_t kLargestRegion = std::uint64_t{1} << 40;

// The first page of every region. Integers are in host order; unused bytes are zero.
struct RegionHeader {
  std::uint64_t magic;
  std::uint32_t layout_version;
  std::uint32_t type;  // MapType
  std::uint32_t key_size;
  std::uint32_t value_size;
  std::uint32_t max_entries;
  std::uint32_t flags;  // MapFlag, as given at creation
  std::uint64_t extra;
  std::uint64_t region_size;
  std::uint32_t cpus;        // copies of each value in per-CPU types
  std::uint32_t generation;  // rises when a process takes the region over: readers that follow it start anew
  std::uint32_t frozen;      // 1: user space may not write any more
  std::uint32_t reserved;
  std::array<char, 256> name;               // cut short where longer
  std::array<std::uint64_t, 128> geometry;  // of the type (ArrayGeometry, HashGeometry, ...), as raw bytes
};
static_assert(std::is_trivially_copyable_v<RegionHeader> && sizeof(RegionHeader) <= kPage);

// Where new regions' files are made; empty (the start): memfd. The directory must exist. Not for concurrent
// use with the creation of maps.
void set_map_root(std::string directory);

// Adds up the parts of a region. Sizes saturate, so that an impossible map ends as one that is too large.
class RegionLayout {
 public:
  // Offset of `count` items of `size` bytes.
  std::uint64_t add(std::uint64_t count, std::uint64_t size, std::uint64_t alignment = 64);
  [[nodiscard]] std::uint64_t size() const { return end_; }

 private:
  std::uint64_t end_ = kPage;  // behind the header
};

// Ownership of a region: its file and its mapping.
class MapMemory {
 public:
  // A zeroed region with its header filled in; its last `mirrored` bytes (whole pages) are mapped a second
  // time behind it. ENOMEM when the address space or the file can't be had.
  [[nodiscard]] static Result<MapMemory> create(const MapSpec& spec, std::uint64_t size,
                                                std::uint64_t mirrored = 0);

  MapMemory(MapMemory&& other) noexcept
      : file_(std::move(other.file_)),
        base_(std::exchange(other.base_, nullptr)),
        size_(other.size_),
        mirrored_(other.mirrored_),
        linkable_(other.linkable_) {}
  MapMemory& operator=(MapMemory&&) = delete;
  ~MapMemory();

  [[nodiscard]] std::byte* base() const { return base_; }
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] int file() const { return file_.get(); }
  // Whether the file can be given a name (pinned): not so for a memfd.
  [[nodiscard]] bool linkable() const { return linkable_; }
  [[nodiscard]] RegionHeader& header() const { return *reinterpret_cast<RegionHeader*>(base_); }

  // Writes the type's geometry into the header, for readers outside.
  template <class Geometry>
  void describe(const Geometry& geometry) const {
    static_assert(std::is_trivially_copyable_v<Geometry> &&
                  sizeof(Geometry) <= sizeof(RegionHeader::geometry));
    describe(&geometry, sizeof geometry);
  }

 private:
  MapMemory(Fd file, std::byte* base, std::uint64_t size, std::uint64_t mirrored, bool linkable)
      : file_(std::move(file)), base_(base), size_(size), mirrored_(mirrored), linkable_(linkable) {}
  void describe(const void* geometry, std::size_t size) const;

  Fd file_;
  std::byte* base_ = nullptr;
  std::uint64_t size_ = 0;
  std::uint64_t mirrored_ = 0;
  bool linkable_ = false;
};

// Zeroed memory of this process, which takes pages only as it is touched.
class ZeroedMemory {
 public:
  // ENOMEM: no address space for so much.
  [[nodiscard]] static Result<ZeroedMemory> allocate(std::uint64_t count, std::uint64_t size);
  [[nodiscard]] void* get() const { return memory_.get(); }

 private:
  explicit ZeroedMemory(void* memory) : memory_(memory) {}
  struct Free {
    void operator()(void* memory) const;
  };
  std::unique_ptr<void, Free> memory_;
};

}  // namespace netkit::bpf
