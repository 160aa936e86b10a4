#include "packet/checker.h"

#include <fmt/format.h>

#include <algorithm>

#include "packet/checksum.h"

namespace netkit::check {
namespace {

// The transport checksum as it will be once a partial one is computed.
std::string judge(const Cursor& cursor, std::vector<std::uint8_t> bytes) {
  const auto layout = dissect(cursor.packet);
  if (!layout) return "there is no IP packet to find a checksum in";
  switch (verify_transport_checksum(bytes, *layout)) {
    case ChecksumVerdict::kCorrect:
      return {};
    case ChecksumVerdict::kWrong:
      return "the transport checksum is wrong";
    case ChecksumVerdict::kAbsent:
      return "there is no transport checksum";
    case ChecksumVerdict::kUnknown:
      break;
  }
  return "the transport checksum cannot be judged";
}

std::string address(bool source, std::span<const std::uint8_t> from, std::span<const std::uint8_t> to,
                    const IpAddress& expected) {
  return same(source ? "source" : "destination", IpAddress::from_bytes(source ? from : to), expected);
}

template <class T>
std::span<const std::uint8_t> bytes_of(const T& value) {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

}  // namespace

std::string to_text(std::uint64_t number) {
  return fmt::format("{}", number);
}

std::string differ(std::string_view what, const std::string& seen, const std::string& expected) {
  return fmt::format("{} is {}, expected {}", what, seen, expected);
}

// A text that is no address is an error of the test: value() then throws.
AddressCheck from(std::string_view address) {
  return {true, parse_ip(address).value()};  // NOLINT(bugprone-unchecked-optional-access)
}
AddressCheck to(std::string_view address) {
  return {false, parse_ip(address).value()};  // NOLINT(bugprone-unchecked-optional-access)
}

std::string AddressCheck::operator()(const Ipv4Header& header) const {
  return address(source, bytes_of(header.source), bytes_of(header.destination), expected);
}
std::string AddressCheck::operator()(const Ipv6Header& header) const {
  return address(source, header.source, header.destination, expected);
}

std::string detail::pass_fixed(Cursor& cursor, std::uint32_t length) {
  cursor.offset += length;
  return {};
}

std::string detail::pass_ipv4(const Ipv4Header& header, Cursor& cursor) {
  if (!ipv4_header_correct(cursor.rest().first(header.length()))) return "header checksum is wrong";
  const auto present = static_cast<std::uint32_t>(cursor.rest().size());
  const std::uint32_t expected = present > 0xffff ? 0 : present;
  cursor.offset += header.length();
  return same<std::uint64_t>("total length", header.total_length.host(), expected);
}

std::string detail::pass_ipv6(const Ipv6Header& header, Cursor& cursor) {
  const auto upper = walk_ipv6_extensions(cursor.rest());
  if (!upper) return "extension headers are cut off";
  const auto present = static_cast<std::uint32_t>(cursor.rest().size()) - Ipv6Header::kSize;
  const std::uint32_t expected = present > 0xffff ? 0 : present;
  cursor.offset += upper->offset;
  return same<std::uint64_t>("payload length", header.payload_length.host(), expected);
}

std::string detail::pass_udp(const UdpHeader& header, Cursor& cursor) {
  const auto present = static_cast<std::uint32_t>(cursor.rest().size());
  cursor.offset += UdpHeader::kSize;
  return same<std::uint64_t>("length", header.length.host(), present);
}

std::string PayloadCheck::operator()(Cursor& cursor) const {
  const auto seen = cursor.rest();
  const auto [at, wanted] = std::ranges::mismatch(seen, expected);
  cursor.offset = cursor.packet.len();
  if (seen.size() != expected.size())
    return differ("payload length", to_text(seen.size()), to_text(expected.size()));
  if (at == seen.end()) return {};
  return differ(fmt::format("payload byte {}", at - seen.begin()), to_text(*at), to_text(*wanted));
}

std::string correct_checksum(Cursor& cursor) {
  if (cursor.packet.meta.csum.state == ChecksumState::kPartial)
    return "the transport checksum is still partial";
  const auto bytes = cursor.packet.bytes();
  return judge(cursor, {bytes.begin(), bytes.end()});
}

std::string partial_checksum(Cursor& cursor) {
  const Checksum& csum = cursor.packet.meta.csum;
  if (csum.state != ChecksumState::kPartial) return "the transport checksum is not partial";
  const auto bytes = cursor.packet.bytes();
  std::vector<std::uint8_t> finished(bytes.begin(), bytes.end());
  const auto start = static_cast<std::size_t>(cursor.packet.offset_of(csum.start));
  if (start + csum.offset + 2 > finished.size()) return "the partial checksum lies outside of the packet";
  const auto covered = std::span(finished).subspan(start);
  store_unaligned(covered.data() + csum.offset, finish(sum_of(covered)));
  return judge(cursor, std::move(finished));
}

}  // namespace netkit::check
