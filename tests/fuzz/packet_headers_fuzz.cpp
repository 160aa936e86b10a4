// Hostile bytes with hostile metadata through everything that reads headers: dissection, checksums, hash,
// segmentation and coalescing. Nothing may leave the packet, and what is cut must fit together.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "packet/checksum.h"
#include "packet/coalesce.h"
#include "packet/dissect.h"
#include "packet/flow_hash.h"
#include "packet/jumbo.h"
#include "packet/segment.h"

namespace {

using namespace netkit;

// What the first bytes of an input say of the packet made of the rest.
struct Wishes {
  std::uint8_t csum_state;
  std::uint8_t csum_start;
  std::uint8_t csum_offset;
  std::uint8_t gso_kind;
  std::uint16_t gso_size;
  std::uint8_t pulled;
  std::uint8_t repeat;  // three hundred payload bytes more, each
};

void check(bool holds) {
  if (!holds) std::abort();
}

PacketPtr make_packet(PacketPool& pool, const Wishes& wishes, std::span<const std::uint8_t> bytes) {
  PacketPtr packet =
      pool.allocate(static_cast<std::uint32_t>(bytes.size()), kMinHeadroom, wishes.repeat * 300U);
  if (packet == nullptr) return nullptr;
  std::ranges::copy(bytes, packet->data());
  check(packet->append_zero(wishes.repeat * 300U));
  static_cast<void>(parse_headers(*packet, {}));
  constexpr std::uint32_t kKinds[] = {kGsoNone,
                                      kGsoTcp4,
                                      kGsoTcp6,
                                      kGsoUdpL4,
                                      kGsoTcp4 | kGsoTcpFixedId | kGsoDodgy,
                                      kGsoTcp4 | kGsoUdpTunnel};
  packet->meta.gso = {
      .type = kKinds[wishes.gso_kind % std::size(kKinds)], .size = wishes.gso_size, .segs = 0};
  packet->meta.csum.state = static_cast<ChecksumState>(wishes.csum_state % 4);
  packet->meta.csum.start = packet->at(wishes.csum_start);
  packet->meta.csum.offset = wishes.csum_offset;
  if (packet->len() > wishes.pulled && wishes.pulled % 2 == 1) packet->pull(wishes.pulled);
  return packet;
}

void segment_all(const Packet& super, PacketPool& pool) {
  const std::uint16_t count = segment_count(super);
  const std::uint32_t on_wire = wire_length(super);
  std::uint32_t bytes = 0;
  const auto cut = segment(super, pool, SegmentChecksum::kComplete, [&](const PacketPtr& packet) {
    check(packet->meta.gso.size == 0);
    bytes += packet->len();
  });
  if (cut) check(*cut == count);
  if (cut && *cut > 1) check(bytes == on_wire || find_jumbo_option(super.bytes(), *dissect(super)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static PacketPool pool;
  if (size < sizeof(Wishes)) return 0;
  const auto wishes = load_unaligned<Wishes>(data);
  const auto bytes = std::span(data, size).subspan(sizeof(Wishes));
  PacketPtr packet = make_packet(pool, wishes, bytes);
  if (packet == nullptr) return 0;

  if (const auto layout = dissect(*packet)) {
    check(layout->transport <= packet->len());
    if (const auto headers = layout->headers(packet->bytes())) check(*headers <= packet->len());
    static_cast<void>(verify_transport_checksum(packet->bytes(), *layout));
  }
  static_cast<void>(get_flow_hash(*packet));
  segment_all(*packet, pool);

  Coalescer coalescer;
  const auto drop = [&](PacketPtr done) {
    if (is_gso(*done)) segment_all(*done, pool);
    static_cast<void>(complete_checksum(*done));
  };
  PacketPtr twin = pool.copy(*packet);
  twin->meta.gso = {};
  coalescer.add(pool.copy(*twin), drop);
  coalescer.add(std::move(twin), drop);
  coalescer.add(std::move(packet), drop);
  coalescer.flush(drop);
  check(pool.in_use() == 0);
  return 0;
}
