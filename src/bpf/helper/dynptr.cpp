#include "bpf/helper/dynptr.h"

#include <cerrno>
#include <cstring>

#include "bpf/helper/packet_bytes.h"

namespace netkit::bpf {
namespace {

bool can_be_local(const Region& region) {
  return region.kind == RegionKind::kMapValue || region.kind == RegionKind::kGlobalData;
}

// The metadata area as it is now; helpers may have dropped it since the dynptr was made.
std::uint8_t* packet_meta(const RunContext& run, std::uint64_t offset, std::uint64_t bytes) {
  Packet& packet = *run.packet;
  const std::uint64_t length = packet.meta.meta_len;
  return offset <= length && bytes <= length - offset ? packet.data() - length + offset : nullptr;
}

// Memory that is there in one piece, whatever the packet looks like.
std::uint8_t* flat_memory(const RunContext& run, const Dynptr& dynptr, std::uint64_t offset,
                          std::uint64_t bytes) {
  switch (dynptr.kind()) {
    case Dynptr::Kind::kLocal:
    case Dynptr::Kind::kReservation:
      return reinterpret_cast<std::uint8_t*>(dynptr.first() + offset);
    case Dynptr::Kind::kPacketMeta:
      return packet_meta(run, dynptr.offset() + offset, bytes);
    case Dynptr::Kind::kPacket:
    case Dynptr::Kind::kNull:
      break;
  }
  return nullptr;
}

// The same bytes in the packet.
std::uint32_t packet_offset(const Dynptr& dynptr, std::uint64_t offset) {
  return static_cast<std::uint32_t>(dynptr.offset() + offset);
}

}  // namespace

bool is_valid_dynptr(const RunContext& run, const Dynptr& dynptr) {
  if (dynptr.is_null()) return true;
  switch (dynptr.kind()) {
    case Dynptr::Kind::kPacket:
    case Dynptr::Kind::kPacketMeta:
      return dynptr.data() == run.context_address();
    case Dynptr::Kind::kReservation: {
      const Region* region = run.regions.find(dynptr.data(), std::uint64_t{dynptr.offset()} + dynptr.size());
      return region != nullptr && region->kind == RegionKind::kReservation && region->base == dynptr.data();
    }
    case Dynptr::Kind::kLocal: {
      if (dynptr.size() == 0) return true;
      const Region* region = run.regions.find(dynptr.first(), dynptr.size());
      return region != nullptr && can_be_local(*region) && (region->writable || dynptr.is_rdonly());
    }
    case Dynptr::Kind::kNull:
      break;
  }
  return false;
}

std::int64_t read_dynptr(RunContext& run, std::span<std::uint8_t> to, const Dynptr& from,
                         std::uint64_t offset, std::uint64_t flags) {
  if (from.is_null() || flags != 0) return -EINVAL;
  if (!from.holds(offset, to.size())) return -E2BIG;
  if (from.kind() == Dynptr::Kind::kPacket) return load_packet_bytes(run, packet_offset(from, offset), to);
  const std::uint8_t* memory = flat_memory(run, from, offset, to.size());
  if (memory == nullptr) return -E2BIG;
  std::memmove(to.data(), memory, to.size());
  return 0;
}

std::int64_t write_dynptr(RunContext& run, const Dynptr& to, std::uint64_t offset,
                          std::span<const std::uint8_t> from, std::uint64_t flags) {
  if (to.is_null() || to.is_rdonly()) return -EINVAL;
  if (!to.holds(offset, from.size())) return -E2BIG;
  if (to.kind() == Dynptr::Kind::kPacket)
    return store_packet_bytes(run, packet_offset(to, offset), from, flags);
  if (flags != 0) return -EINVAL;
  std::uint8_t* memory = flat_memory(run, to, offset, from.size());
  if (memory == nullptr) return -E2BIG;
  std::memmove(memory, from.data(), from.size());
  return 0;
}

std::uint8_t* slice_dynptr(RunContext& run, const Dynptr& dynptr, std::uint64_t offset, std::uint8_t* buffer,
                           std::uint64_t bytes) {
  if (dynptr.is_null() || !dynptr.holds(offset, bytes)) return nullptr;
  if (dynptr.kind() != Dynptr::Kind::kPacket) return flat_memory(run, dynptr, offset, bytes);
  Packet& packet = *run.packet;
  const std::uint32_t at = packet_offset(dynptr, offset);
  if (std::uint64_t{at} + bytes <= packet.linear_len()) return packet.data() + at;
  const auto copied = packet.range(at, static_cast<std::uint32_t>(bytes));
  if (buffer == nullptr || copied.data() == nullptr) return nullptr;
  std::memmove(buffer, copied.data(), copied.size());
  return buffer;
}

}  // namespace netkit::bpf
