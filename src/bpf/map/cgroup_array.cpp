// CGROUP_ARRAY: a table of cgroups by index. Packets here belong to no socket and so to no cgroup: what user
// space puts in is kept as the number that it wrote, and no program ever finds a packet under it.
#include "bpf/map/create.h"
#include "bpf/map/fd_array.h"

namespace netkit::bpf {
namespace {

class Cgroup {
 public:
  explicit Cgroup(std::uint32_t id) : id_(id) {}
  [[nodiscard]] std::uint32_t id() const { return id_; }

 private:
  std::uint32_t id_;
};

class CgroupArray final : public FdArray<Cgroup> {
 public:
  CgroupArray(const MapSpec& spec, MapMemory memory, ReferenceSlots<Cgroup> cgroups)
      : FdArray(spec, kOperations, std::move(memory), std::move(cgroups)) {}

 private:
  static void* lookup(Map&, const void*, std::uint32_t) { return nullptr; }
  static std::int64_t update(Map&, const void*, const void*, std::uint64_t, std::uint32_t) { return -EINVAL; }
  static std::int64_t erase(Map&, const void*) { return -EINVAL; }
  static constexpr MapOperations kOperations{.lookup = lookup, .update = update, .erase = erase};

  Result<> user_lookup(const std::byte*, std::byte*, std::uint64_t) override { return answer(-kENOTSUPP); }
  Result<Ref> object_for(std::uint32_t id) override {
    if (id == 0) return fail(EBADF);
    return std::make_shared<Cgroup>(id);
  }
};

}  // namespace

Result<MapRef> make_cgroup_array(const MapSpec& spec) {
  ZeroedMemory cgroups = TRY(ReferenceSlots<Cgroup>::memory_for(spec.max_entries));
  MapMemory memory = TRY(MapMemory::create(spec, fd_array_size(spec)));
  return std::make_shared<CgroupArray>(spec, std::move(memory), ReferenceSlots<Cgroup>(std::move(cgroups)));
}

}  // namespace netkit::bpf
