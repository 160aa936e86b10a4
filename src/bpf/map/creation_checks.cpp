#include <fmt/format.h>

#include <bit>
#include <limits>

#include "base/per_cpu.h"
#include "bpf/map/create.h"
#include "bpf/map/value.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kAccessFlags = kRdonly | kWronly | kRdonlyProg | kWronlyProg;
constexpr std::uint32_t kArrayFlags = kNumaNode | kMmapable | kPreserveElems | kInnerMap | kAccessFlags;
constexpr std::uint32_t kHashFlags = kNoPrealloc | kNoCommonLru | kNumaNode | kZeroSeed | kAccessFlags;
constexpr std::uint32_t kTrieFlags = kNoPrealloc | kNumaNode | kAccessFlags;

constexpr std::uint64_t kKmallocMax = std::uint64_t{4} << 20;  // KMALLOC_MAX_SIZE
constexpr std::uint64_t kPerCpuValueMax = 32U << 10;           // PCPU_MIN_UNIT_SIZE

Failure refused(int code, const MapSpec& spec, std::string_view why) {
  return fail(code, fmt::format("map '{}' ({}): {}", spec.name, map_type_name(spec.type), why));
}

Result<> check_flags(const MapSpec& spec, std::uint32_t allowed) {
  if ((spec.flags & ~allowed) != 0) {
    return refused(EINVAL, spec, fmt::format("flags {:#x} are not for this type", spec.flags & ~allowed));
  }
  if ((spec.flags & kRdonlyProg) != 0 && (spec.flags & kWronlyProg) != 0) {
    return refused(EINVAL, spec, "RDONLY_PROG and WRONLY_PROG exclude each other");
  }
  return {};
}

Result<> check_not_zero(const MapSpec& spec, std::uint32_t number, std::string_view what) {
  if (number == 0) return refused(EINVAL, spec, fmt::format("{} is 0", what));
  return {};
}

Result<> check_per_cpu_value(const MapSpec& spec) {
  if (round_up_8(spec.value_size) > kPerCpuValueMax) {
    return refused(
        E2BIG, spec,
        fmt::format("value_size {} exceeds {} of per-CPU types", spec.value_size, kPerCpuValueMax));
  }
  return {};
}

}  // namespace

Result<> check_array(const MapSpec& spec) {
  const bool per_cpu = spec.type == MapType::kPercpuArray;
  TRY(check_not_zero(spec, spec.max_entries, "max_entries"));
  if (spec.key_size != 4)
    return refused(EINVAL, spec, fmt::format("key_size is {}, must be 4", spec.key_size));
  TRY(check_not_zero(spec, spec.value_size, "value_size"));
  TRY(check_flags(spec, kArrayFlags));
  if (per_cpu && (spec.flags & kNumaNode) != 0)
    return refused(EINVAL, spec, "NUMA_NODE is not for per-CPU types");
  if (spec.type != MapType::kArray && (spec.flags & (kMmapable | kInnerMap)) != 0) {
    return refused(EINVAL, spec, "MMAPABLE and INNER_MAP are for the type array only");
  }
  if (spec.type != MapType::kPerfEventArray && (spec.flags & kPreserveElems) != 0) {
    return refused(EINVAL, spec, "PRESERVE_ELEMS is for the type perf_event_array only");
  }
  if (spec.value_size > std::numeric_limits<std::int32_t>::max()) {
    return refused(E2BIG, spec, fmt::format("value_size {} exceeds 2147483647", spec.value_size));
  }
  return per_cpu ? check_per_cpu_value(spec) : Result<>{};
}

Result<> check_prog_array(const MapSpec& spec) {
  if (spec.value_size != 4)
    return refused(EINVAL, spec, fmt::format("value_size is {}, must be 4", spec.value_size));
  if ((spec.flags & (kRdonlyProg | kWronlyProg)) != 0) {
    return refused(EINVAL, spec, "RDONLY_PROG and WRONLY_PROG are not for this type");
  }
  return check_array(spec);
}

Result<> check_hash(const MapSpec& spec) {
  const bool per_cpu = spec.type == MapType::kPercpuHash || spec.type == MapType::kLruPercpuHash;
  const bool lru = spec.type == MapType::kLruHash || spec.type == MapType::kLruPercpuHash;
  const bool lru_per_cpu = (spec.flags & kNoCommonLru) != 0;
  constexpr std::uint64_t kKernelElement = 48;      // sizeof(struct htab_elem)
  constexpr std::uint32_t kMostBuckets = 1U << 27;  // more than U32_MAX bytes of buckets otherwise

  TRY(check_flags(spec, kHashFlags));
  if (!lru && lru_per_cpu) return refused(EINVAL, spec, "NO_COMMON_LRU is for LRU types only");
  if (lru && (spec.flags & kNoPrealloc) != 0)
    return refused(kENOTSUPP, spec, "NO_PREALLOC is not for LRU types");
  if ((per_cpu || lru_per_cpu) && (spec.flags & kNumaNode) != 0) {
    return refused(EINVAL, spec, "NUMA_NODE is not for per-CPU types and lists");
  }
  TRY(check_not_zero(spec, spec.max_entries, "max_entries"));
  TRY(check_not_zero(spec, spec.key_size, "key_size"));
  TRY(check_not_zero(spec, spec.value_size, "value_size"));
  if (std::uint64_t{spec.key_size} + spec.value_size >= kKmallocMax - kKernelElement) {
    return refused(E2BIG, spec,
                   fmt::format("key_size {} and value_size {} together exceed {}", spec.key_size,
                               spec.value_size, kKmallocMax - kKernelElement - 1));
  }
  if (per_cpu) TRY(check_per_cpu_value(spec));
  if (spec.max_entries > kMostBuckets) {
    return refused(E2BIG, spec, fmt::format("max_entries {} exceeds {}", spec.max_entries, kMostBuckets));
  }
  return {};
}

Result<> check_lpm_trie(const MapSpec& spec) {
  constexpr std::uint32_t kPrefixLength = 4, kMostData = 256;
  constexpr std::uint64_t kKernelNode = 24;  // sizeof(struct lpm_trie_node)
  constexpr std::uint64_t kMostValue = kKmallocMax - kMostData - kKernelNode;

  TRY(check_not_zero(spec, spec.max_entries, "max_entries"));
  if ((spec.flags & kNoPrealloc) == 0) return refused(EINVAL, spec, "needs the flag NO_PREALLOC");
  TRY(check_flags(spec, kTrieFlags));
  if (spec.key_size <= kPrefixLength || spec.key_size > kPrefixLength + kMostData) {
    return refused(EINVAL, spec,
                   fmt::format("key_size is {}, must be 5 to {}", spec.key_size, kPrefixLength + kMostData));
  }
  if (spec.value_size == 0 || spec.value_size > kMostValue) {
    return refused(EINVAL, spec,
                   fmt::format("value_size is {}, must be 1 to {}", spec.value_size, kMostValue));
  }
  return {};
}

Result<> check_map_of_maps(const MapSpec& spec) {
  if (spec.type == MapType::kArrayOfMaps) return check_prog_array(spec);
  if (spec.value_size != 4)
    return refused(EINVAL, spec, fmt::format("value_size is {}, must be 4", spec.value_size));
  return check_hash(spec);
}

Result<> check_ringbuf(const MapSpec& spec) {
  TRY(check_flags(spec, kNumaNode | kRbOverwrite));
  if (spec.key_size != 0 || spec.value_size != 0)
    return refused(EINVAL, spec, "key_size and value_size must be 0");
  if (!std::has_single_bit(spec.max_entries) || spec.max_entries % kPage != 0) {
    return refused(EINVAL, spec,
                   fmt::format("max_entries is {}, must be a power of two and whole pages ({} bytes)",
                               spec.max_entries, kPage));
  }
  return {};
}

Result<> check_queue(const MapSpec& spec) {
  TRY(check_not_zero(spec, spec.max_entries, "max_entries"));
  if (spec.key_size != 0) return refused(EINVAL, spec, "key_size must be 0");
  TRY(check_not_zero(spec, spec.value_size, "value_size"));
  TRY(check_flags(spec, kNumaNode | kAccessFlags));
  if (spec.value_size > kKmallocMax) {
    return refused(E2BIG, spec, fmt::format("value_size {} exceeds {}", spec.value_size, kKmallocMax));
  }
  return {};
}

Result<> check_bloom_filter(const MapSpec& spec) {
  constexpr std::uint64_t kMostHashes = 15;
  if (spec.key_size != 0) return refused(EINVAL, spec, "key_size must be 0");
  TRY(check_not_zero(spec, spec.value_size, "value_size"));
  TRY(check_not_zero(spec, spec.max_entries, "max_entries"));
  TRY(check_flags(spec, kNumaNode | kZeroSeed | kAccessFlags));
  if (spec.extra > kMostHashes)
    return refused(EINVAL, spec, fmt::format("map_extra {}: at most {} hashes", spec.extra, kMostHashes));
  return {};
}

Result<> check_device_map(const MapSpec& spec) {
  constexpr std::uint32_t kMostDevices = 1U << 31, kMostCpus = 8192;  // CONFIG_NR_CPUS of Debian
  const bool cpus = spec.type == MapType::kCpumap;
  TRY(check_not_zero(spec, spec.max_entries, "max_entries"));
  if (spec.key_size != 4)
    return refused(EINVAL, spec, fmt::format("key_size is {}, must be 4", spec.key_size));
  if (spec.value_size != 4 && spec.value_size != 8)
    return refused(EINVAL, spec, fmt::format("value_size is {}, must be 4 or 8", spec.value_size));
  TRY(check_flags(spec, cpus ? kNumaNode : kNumaNode | kRdonly | kWronly));
  if (cpus && spec.max_entries > kMostCpus)
    return refused(E2BIG, spec, fmt::format("max_entries {} exceeds {}", spec.max_entries, kMostCpus));
  if (spec.type == MapType::kDevmapHash && spec.max_entries > kMostDevices)
    return refused(EINVAL, spec, fmt::format("max_entries {} exceeds {}", spec.max_entries, kMostDevices));
  return {};
}

Result<> check_socket_map(const MapSpec& spec) {
  constexpr std::uint32_t kMostKey = 512;  // MAX_BPF_STACK
  const bool hash = spec.type == MapType::kSockhash;
  TRY(check_not_zero(spec, spec.max_entries, "max_entries"));
  if (hash ? spec.key_size == 0 : spec.key_size != 4)
    return refused(EINVAL, spec, fmt::format("key_size {} is not for this type", spec.key_size));
  const bool cookies_fit = spec.type != MapType::kXskmap && spec.value_size == 8;
  if (spec.value_size != 4 && !cookies_fit)
    return refused(EINVAL, spec, fmt::format("value_size {} is not for this type", spec.value_size));
  TRY(check_flags(spec, kNumaNode | kRdonly | kWronly));
  if (spec.key_size > kMostKey)
    return refused(E2BIG, spec, fmt::format("key_size {} exceeds {}", spec.key_size, kMostKey));
  return {};
}

Result<> check_sk_storage(const MapSpec& spec) {
  constexpr std::uint32_t kMostValue = 0xffff - 72;  // sizeof(struct bpf_local_storage_elem)
  TRY(check_flags(spec, kNoPrealloc | kClone));
  if ((spec.flags & kNoPrealloc) == 0) return refused(EINVAL, spec, "needs the flag NO_PREALLOC");
  if (spec.max_entries != 0) return refused(EINVAL, spec, "max_entries must be 0");
  if (spec.key_size != 4)
    return refused(EINVAL, spec, fmt::format("key_size is {}, must be 4", spec.key_size));
  TRY(check_not_zero(spec, spec.value_size, "value_size"));
  if (spec.value_size > kMostValue)
    return refused(E2BIG, spec, fmt::format("value_size {} exceeds {}", spec.value_size, kMostValue));
  return {};
}

Result<> check_fields(const MapSpec& spec) {
  if (spec.fields.empty()) return {};
  if ((spec.flags & (kRdonlyProg | kWronlyProg)) != 0)
    return refused(EACCES, spec, "values with locks or timers are for programs to read and write");
  for (const SpecialField& field : spec.fields) {
    const bool lock = field.kind == FieldKind::kSpinLock;
    const std::string_view name = lock ? "bpf_spin_lock" : "bpf_timer";
    const std::uint32_t alignment = lock ? 4 : 8;
    if (field.offset % alignment != 0 || field.offset > spec.value_size ||
        spec.value_size - field.offset < field.size())
      return refused(EINVAL, spec, fmt::format("{} at {} is not inside the value", name, field.offset));
    const bool allowed = spec.type == MapType::kHash || spec.type == MapType::kArray ||
                         spec.type == (lock ? MapType::kSkStorage : MapType::kLruHash);
    if (!allowed) return refused(EOPNOTSUPP, spec, fmt::format("its values cannot hold a {}", name));
  }
  return {};
}

}  // namespace netkit::bpf
