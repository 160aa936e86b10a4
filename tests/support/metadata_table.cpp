#include "tests/support/metadata_table.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>

#include "packet/builder.h"
#include "tests/support/markdown.h"

namespace netkit::testing {
namespace {

constexpr std::uint32_t kNetwork = kEthernetHeader, kTransport = kNetwork + Ipv4Header::kSize,
                        kPayload = kTransport + UdpHeader::kSize;
constexpr std::uint32_t kPayloadBytes = 1200;
constexpr std::uint32_t kSuperBytes = 8000;  // more than the kernel keeps linear whatever is asked for
constexpr std::uint16_t kSegment = 1000;

// ---- what happened to a field ----

template <class T>
std::string_view word(const T& sent, const T& seen, const T& fresh) {
  if (seen == sent) return "kept";
  return seen == fresh ? "lost" : "made new";
}

template <auto member>
std::string_view scalar(const Passage& passage) {
  return word(passage.sent.meta.*member, passage.seen.meta.*member, PacketMeta{}.*member);
}

std::string_view timestamp(const Passage& passage) {
  constexpr Nanoseconds kMinute = 60'000'000'000;
  const std::string_view found = scalar<&PacketMeta::tstamp>(passage);
  const bool now = realtime_ns() - passage.seen.meta.tstamp < kMinute;
  return found == "made new" && !now ? "wrong" : found;
}

std::string_view packet_type(const Passage& passage) {
  if (!passage.seen.type) return "lost";
  return passage.seen.type == passage.sent.type ? "kept" : "made new";
}

bool has_tag_in_bytes(const Sight& sight) {
  return is_vlan(load_unaligned<EthernetHeader>(sight.frame.data()).proto);
}

std::string_view vlan(const Passage& passage) {
  const VlanTag& seen = passage.seen.meta.vlan;
  if (has_tag_in_bytes(passage.seen)) return "in the bytes";
  if (!seen.present) return "lost";
  if (seen.tci != kProbeTci || seen.proto != kProtoVlan) return "made new";
  return has_tag_in_bytes(passage.sent) ? "beside the bytes" : "kept";
}

// From the IP header on, with or without a tag in front of it.
std::span<const std::uint8_t> datagram(const Sight& sight) {
  const std::size_t start = kNetwork + (has_tag_in_bytes(sight) ? VlanHeader::kSize : 0);
  return std::span(sight.frame).subspan(start);
}

std::string_view partial_checksum(const Passage& passage) {
  constexpr std::uint16_t kField = 6;  // of the checksum in a UDP header
  const Checksum& seen = passage.seen.meta.csum;
  if (seen.state == ChecksumState::kPartial)
    return seen.start == kTransport && seen.offset == kField ? "kept" : "wrong";
  if (std::ranges::equal(datagram(passage.sent), datagram(passage.seen))) return "unfinished";
  PacketPool pool;
  const Sight whole = look_at(*make_probe(ProbeKind::kVerified, pool));
  return std::ranges::equal(datagram(whole), datagram(passage.seen)) ? "finished" : "wrong";
}

std::string_view checksum_state(const Passage& passage) {
  return word(passage.sent.meta.csum.state, passage.seen.meta.csum.state, ChecksumState::kNone);
}

std::string_view segmentation(const Passage& passage) {
  const auto values = [](const Gso& gso) { return std::pair(gso.type & ~kGsoDodgy, gso.size); };
  return word(values(passage.sent.meta.gso), values(passage.seen.meta.gso), values({}));
}

std::string_view linear_length(const Passage& passage) {
  return word(passage.sent.linear, passage.seen.linear, 0U);
}

struct Field {
  std::string_view row;
  ProbeKind probe;
  std::string_view (*verdict)(const Passage&);
};

// A row of the table each.
constexpr Field kFields[] = {
    {"mark", ProbeKind::kPartial, scalar<&PacketMeta::mark>},
    {"priority", ProbeKind::kPartial, scalar<&PacketMeta::priority>},
    {"hash", ProbeKind::kPartial, scalar<&PacketMeta::hash>},
    {"tstamp", ProbeKind::kPartial, timestamp},
    {"pkt_type", ProbeKind::kPartial, packet_type},
    {"protocol", ProbeKind::kPartial, scalar<&PacketMeta::protocol>},
    {"VLAN tag", ProbeKind::kPartial, vlan},
    {"checksum: partial", ProbeKind::kPartial, partial_checksum},
    {"checksum: unnecessary", ProbeKind::kVerified, checksum_state},
    {"checksum: complete", ProbeKind::kComplete, checksum_state},
    {"GSO type and size", ProbeKind::kSuper, segmentation},
    {"linear length", ProbeKind::kSuper, linear_length},
    {"queue_mapping", ProbeKind::kPartial, scalar<&PacketMeta::queue_mapping>},
    {"socket", ProbeKind::kPartial, scalar<&PacketMeta::socket>},
    {"ingress_ifindex", ProbeKind::kPartial, scalar<&PacketMeta::skb_iif>},
    {"tc_index", ProbeKind::kPartial, scalar<&PacketMeta::tc_index>},
    {"cb[]", ProbeKind::kPartial, scalar<&PacketMeta::cb>},
};

const MarkdownTable& table() {
  static const MarkdownTable read = read_markdown_table("docs/differences.md", "Metadata at a port");
  return read;
}

std::optional<std::string> cell(std::string_view row, std::size_t column) {
  for (const auto& cells : table())
    if (cells.front() == row && column < cells.size()) return cells[column];
  return std::nullopt;
}

}  // namespace

PacketPtr make_probe(ProbeKind kind, PacketPool& pool) {
  PacketBuilder builder;
  builder.ethernet(kProbeSource, kProbeDestination).vlan_tag(kProbeTci);
  builder.ip("10.9.0.1", "10.9.0.2").udp(1000, 4000);
  builder.pattern(kind == ProbeKind::kSuper ? kSuperBytes : kPayloadBytes);
  if (kind == ProbeKind::kPartial) builder.partial_checksum();
  if (kind == ProbeKind::kSuper) builder.gso(kSegment);
  PacketPtr packet = builder.build(pool);
  PacketMeta& meta = packet->meta;
  if (kind == ProbeKind::kVerified) meta.csum = {.state = ChecksumState::kUnnecessary};
  if (kind == ProbeKind::kComplete) meta.csum = {.state = ChecksumState::kComplete, .sum = 5};
  if (kind == ProbeKind::kSuper) packet->set_linear_len(kPayload);
  meta.mark = kProbeMark;
  meta.priority = kProbePriority;
  meta.queue_mapping = kProbeQueue;
  meta.hash = 105;
  meta.l4_hash = true;
  meta.tstamp = kProbeTime;
  meta.pkt_type = PacketType::kHost;
  meta.protocol = Be16(0x88b5);  // not what the bytes say
  meta.socket = 106;
  meta.skb_iif = 107;
  meta.tc_index = 108;
  meta.cb = {109, 110, 111, 112, 113};
  return packet;
}

Sight look_at(const Packet& packet) {
  Sight sight{.meta = packet.meta, .type = packet.meta.pkt_type, .linear = packet.linear_len(), .frame = {}};
  if (packet.meta.csum.state == ChecksumState::kPartial)
    sight.meta.csum.start = static_cast<std::uint32_t>(packet.offset_of(packet.meta.csum.start));
  sight.frame.assign(packet.bytes().begin(), packet.bytes().end());
  return sight;
}

std::vector<std::string> metadata_columns() {
  return table().empty() ? std::vector<std::string>{}
                         : std::vector(table().front().begin() + 1, table().front().end());
}

void expect_column(std::string_view column, const Transfer& transfer) {
  const std::vector<std::string> columns = metadata_columns();
  const auto found = std::ranges::find(columns, column);
  ASSERT_NE(found, columns.end()) << "docs/differences.md has no column \"" << column << '"';
  const auto number = static_cast<std::size_t>(found - columns.begin()) + 1;
  EXPECT_EQ(table().size(), std::size(kFields) + 1) << "docs/differences.md: one row per field";

  std::map<ProbeKind, Passage> passages;
  for (const Field& field : kFields) {
    if (!passages.contains(field.probe)) passages[field.probe] = transfer(field.probe);
    const Passage& passage = passages[field.probe];
    ASSERT_FALSE(passage.seen.frame.empty()) << column << ": the packet for " << field.row << " was lost";
    const auto said = cell(field.row, number);
    ASSERT_TRUE(said) << "docs/differences.md has no cell in row \"" << field.row << "\", column \"" << column
                      << '"';
    EXPECT_EQ(*said, field.verdict(passage)) << "row \"" << field.row << "\", column \"" << column << '"';
  }
}

}  // namespace netkit::testing
