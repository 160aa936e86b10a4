// bpf_perf_event_output: a record of the program's bytes, and of packet bytes behind them, for the consumer
// of a CPU's perf ring (bpf_skb_event_output, __bpf_perf_event_output).
#include <array>
#include <cerrno>
#include <span>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/perf_event_array.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kIndexMask = 0xffff'ffff;
constexpr std::uint64_t kCurrentCpu = kIndexMask;
constexpr std::uint64_t kPacketBytesMask = std::uint64_t{0xfffff} << 32;

std::int64_t perf_event_output(RunContext& run, ContextPointer, const Map& map, std::uint64_t flags,
                               const std::byte* data, std::uint64_t size) {
  if ((flags & ~(kIndexMask | kPacketBytesMask)) != 0) return -EINVAL;
  const std::uint64_t packet_bytes = (flags & kPacketBytesMask) >> 32;
  if (packet_bytes > run.packet->len()) return -EFAULT;
  std::uint64_t index = flags & kIndexMask;
  if (index == kCurrentCpu) index = run.cpu;
  if (index >= map.spec().max_entries) return -E2BIG;
  PerfRing* ring = perf_ring_at(map, static_cast<std::uint32_t>(index));
  if (ring == nullptr) return -ENOENT;
  if (ring->cpu() != run.cpu) return -EOPNOTSUPP;
  const auto* packet = reinterpret_cast<const std::byte*>(run.packet->data());
  return ring->output(std::array{std::span(data, size), std::span(packet, packet_bytes)});
}

constexpr Helper kHelpers[] = {
    {.number = 25,
     .name = "perf_event_output",
     .contract = {.arguments = {Arg::kContext, Arg::kMap, Arg::kAnything, Arg::kMem, Arg::kSizeOrZero},
                  .effects = kGplOnly},
     .function = helper_call<perf_event_output>},
};

}  // namespace

std::span<const Helper> perf_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
