// Reading and writing packet bytes: bpf_skb_load_bytes, bpf_skb_load_bytes_relative, bpf_skb_store_bytes,
// bpf_skb_pull_data. Source: spec tc-bpf-context.md 3.1.
#include <cerrno>
#include <cstring>
#include <limits>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/packet_bytes.h"
#include "bpf/helper/packet_edit.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kMaxOffset = std::numeric_limits<std::int32_t>::max();

enum StoreFlag : std::uint64_t { kRecomputeCsum = 1, kInvalidateHash = 2 };
enum HeaderStart : std::uint32_t { kFromMac = 0, kFromNetwork = 1 };

// A failed load leaves zeros, so that programs that ignore the result read nothing old.
std::int64_t load_failed(std::uint8_t* to, std::uint32_t size) {
  std::memset(to, 0, size);
  return -EFAULT;
}

std::int64_t skb_load_bytes(RunContext& run, ContextPointer, std::uint32_t offset, std::uint8_t* to,
                            std::uint32_t size) {
  return load_packet_bytes(run, offset, {to, size});
}

// Reaches only the linear part, but also a header that lies in front of data.
std::int64_t skb_load_bytes_relative(RunContext& run, ContextPointer, std::uint32_t offset, std::uint8_t* to,
                                     std::uint32_t size, std::uint32_t start) {
  Packet& packet = *run.packet;
  if (offset > 0xffff || start > kFromNetwork) return load_failed(to, size);
  const std::uint32_t header = start == kFromMac ? packet.meta.mac_header : packet.meta.network_header;
  if (header == kUnset) return load_failed(to, size);
  const std::uint64_t end = std::uint64_t{packet.headroom()} + packet.linear_len();
  if (std::uint64_t{header} + offset + size > end) return load_failed(to, size);
  std::memcpy(to, packet.buffer() + header + offset, size);
  return 0;
}

std::int64_t skb_store_bytes(RunContext& run, ContextPointer, std::uint32_t offset, const std::uint8_t* from,
                             std::uint32_t size, std::uint64_t flags) {
  return store_packet_bytes(run, offset, {from, size}, flags);
}

std::int64_t skb_pull_data(RunContext& run, ContextPointer, std::uint32_t size) {
  return make_writable(run, size != 0 ? size : run.packet->linear_len()) ? 0 : -ENOMEM;
}

constexpr Helper kHelpers[] = {
    {.number = 9,
     .name = "skb_store_bytes",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kMem, Arg::kSize, Arg::kAnything},
                  .effects = kChangesPacket},
     .function = helper_call<skb_store_bytes>},
    {.number = 26,
     .name = "skb_load_bytes",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kOutMem, Arg::kSize}},
     .function = helper_call<skb_load_bytes>},
    {.number = 39,
     .name = "skb_pull_data",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything}, .effects = kChangesPacket},
     .function = helper_call<skb_pull_data>},
    {.number = 68,
     .name = "skb_load_bytes_relative",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kOutMem, Arg::kSize, Arg::kAnything}},
     .function = helper_call<skb_load_bytes_relative>},
};

}  // namespace

std::int64_t load_packet_bytes(const RunContext& run, std::uint32_t offset, std::span<std::uint8_t> to) {
  const auto size = static_cast<std::uint32_t>(to.size());
  const auto from = std::as_const(*run.packet).range(offset, size);
  if (offset > kMaxOffset || from.data() == nullptr) return load_failed(to.data(), size);
  std::memcpy(to.data(), from.data(), size);
  return 0;
}

std::int64_t store_packet_bytes(RunContext& run, std::uint32_t offset, std::span<const std::uint8_t> from,
                                std::uint64_t flags) {
  if ((flags & ~std::uint64_t{kRecomputeCsum | kInvalidateHash}) != 0) return -EINVAL;
  if (offset > kMaxOffset || !make_writable(run, std::uint64_t{offset} + from.size())) return -EFAULT;
  Packet& packet = *run.packet;
  const auto to = packet.range(offset, static_cast<std::uint32_t>(from.size()));
  if ((flags & kRecomputeCsum) != 0) count_out(packet, to, offset);
  std::memmove(to.data(), from.data(), from.size());
  if ((flags & kRecomputeCsum) != 0) count_in(packet, to, offset);
  if ((flags & kInvalidateHash) != 0) clear_hash(packet);
  return 0;
}

std::span<const Helper> packet_bytes_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
