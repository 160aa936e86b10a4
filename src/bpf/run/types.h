// Names of the BPF user interface that several parts share; numbers as in linux/bpf.h of Linux 7.3
// (Debian 12's headers are older, so we state our own).
#pragma once

#include <cstdint>
#include <string_view>

namespace netkit::bpf {

enum class ProgramType : std::uint32_t {
  kUnspec = 0,
  kSocketFilter = 1,
  kKprobe = 2,
  kSchedCls = 3,
  kSchedAct = 4,
  kTracepoint = 5,
  kXdp = 6,
  kPerfEvent = 7,
  kCgroupSkb = 8,
  kCgroupSock = 9,
  kLwtIn = 10,
  kLwtOut = 11,
  kLwtXmit = 12,
  kSockOps = 13,
  kSkSkb = 14,
  kCgroupDevice = 15,
  kSkMsg = 16,
  kRawTracepoint = 17,
  kCgroupSockAddr = 18,
  kLwtSeg6local = 19,
  kLircMode2 = 20,
  kSkReuseport = 21,
  kFlowDissector = 22,
  kCgroupSysctl = 23,
  kCgroupSockopt = 25,
  kTracing = 26,
  kStructOps = 27,
  kExt = 28,
  kLsm = 29,
  kSkLookup = 30,
  kSyscall = 31,
  kNetfilter = 32,
};

enum class AttachType : std::uint32_t {
  kNone = 0,
  kXdp = 37,
  kTcxIngress = 46,
  kTcxEgress = 47,
  kNetkitPrimary = 54,
  kNetkitPeer = 55,
};

enum class MapType : std::uint32_t {
  kUnspec = 0,
  kHash = 1,
  kArray = 2,
  kProgArray = 3,
  kPerfEventArray = 4,
  kPercpuHash = 5,
  kPercpuArray = 6,
  kStackTrace = 7,
  kCgroupArray = 8,
  kLruHash = 9,
  kLruPercpuHash = 10,
  kLpmTrie = 11,
  kArrayOfMaps = 12,
  kHashOfMaps = 13,
  kDevmap = 14,
  kSockmap = 15,
  kCpumap = 16,
  kXskmap = 17,
  kSockhash = 18,
  kQueue = 22,
  kStack = 23,
  kSkStorage = 24,
  kDevmapHash = 25,
  kStructOps = 26,
  kRingbuf = 27,
  kBloomFilter = 30,
  kUserRingbuf = 31,
  kCgrpStorage = 32,
  kArena = 33,
};

[[nodiscard]] constexpr bool is_per_cpu(MapType type) {
  return type == MapType::kPercpuArray || type == MapType::kPercpuHash || type == MapType::kLruPercpuHash;
}
[[nodiscard]] constexpr bool is_map_of_maps(MapType type) {
  return type == MapType::kArrayOfMaps || type == MapType::kHashOfMaps;
}

// The kernel's name without its prefix, in lower case ("lru_hash"); "type <n>" is up to the caller: empty.
[[nodiscard]] std::string_view map_type_name(MapType type);

// Map creation flags.
enum MapFlag : std::uint32_t {
  kNoPrealloc = 1U << 0,
  kNoCommonLru = 1U << 1,
  kNumaNode = 1U << 2,
  kRdonly = 1U << 3,
  kWronly = 1U << 4,
  kStackBuildId = 1U << 5,
  kZeroSeed = 1U << 6,
  kRdonlyProg = 1U << 7,
  kWronlyProg = 1U << 8,
  kClone = 1U << 9,
  kMmapable = 1U << 10,
  kPreserveElems = 1U << 11,
  kInnerMap = 1U << 12,
  kRbOverwrite = 1U << 19,
};

// Update flags.
enum UpdateFlag : std::uint64_t {
  kAny = 0,
  kNoexist = 1,
  kExist = 2,
  kLock = 4,
  kUpdateCpu = 8,
  kUpdateAllCpus = 16
};

// Verdicts; numerically the same for tc, tcx and netkit.
enum Verdict : std::int32_t { kNext = -1, kPass = 0, kDrop = 2, kRedirect = 7 };

// bpf_redirect flags.
enum RedirectFlag : std::uint64_t { kRedirectIngress = 1, kRedirectPeerEgress = 2 };

inline constexpr int kENOTSUPP = 524;  // internal to the kernel, yet programs see it

}  // namespace netkit::bpf
