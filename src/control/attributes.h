// Netlink attributes (struct nlattr): writing a request's, and reading them by a policy as the kernel does
// (lib/nlattr.c).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "control/uapi.h"

namespace netkit::control {

using Bytes = std::vector<std::uint8_t>;
using ByteSpan = std::span<const std::uint8_t>;

// Appends attributes in wire form: length, type, payload, padded to four bytes.
class AttributeWriter {
 public:
  AttributeWriter() = default;
  // Goes on behind attributes that are in wire form already.
  explicit AttributeWriter(Bytes wire) : bytes_(std::move(wire)) {}

  AttributeWriter& bytes(std::uint16_t type, ByteSpan payload);
  AttributeWriter& u8(std::uint16_t type, std::uint8_t value);
  AttributeWriter& u16(std::uint16_t type, std::uint16_t value);
  AttributeWriter& u32(std::uint16_t type, std::uint32_t value);
  // With its terminating zero.
  AttributeWriter& text(std::uint16_t type, std::string_view value);
  AttributeWriter& nest(std::uint16_t type, const AttributeWriter& inner) { return bytes(type, inner.all()); }
  // A header, then attributes, as one payload (IFLA_NETKIT_PEER_INFO).
  AttributeWriter& nest(std::uint16_t type, const IfInfo& header, const AttributeWriter& inner);

  [[nodiscard]] const Bytes& all() const { return bytes_; }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }

 private:
  Bytes bytes_;
};

// What an attribute must be (struct nla_policy).
enum class Form : std::uint8_t {
  kU8,
  kU16,
  kU32,
  kText,      // at most `max` bytes
  kZeroText,  // the same, and a zero behind it (NLA_NUL_STRING)
  kBinary,    // `min` to `max` bytes
  kNested,
  kReadOnly,  // refused with `message`
};

struct Rule {
  std::uint16_t type = 0;
  Form form = Form::kBinary;
  std::uint32_t min = 0;  // numbers: least value; kBinary: least length
  std::uint32_t max = 0xffff'ffff;
  std::string_view message{};
};

// The attributes of one level. Types that the policy does not know are left out; of several the last one
// counts.
class AttributeTable {
 public:
  AttributeTable() = default;

  // The payloads stay in `attributes`, which must outlive the table. ERANGE "integer out of range" or
  // "Attribute failed policy validation"; EINVAL with a rule's own message.
  [[nodiscard]] static Result<AttributeTable> parse(ByteSpan attributes, std::span<const Rule> policy);

  [[nodiscard]] bool has(std::uint16_t type) const { return find(type).has_value(); }
  [[nodiscard]] std::optional<ByteSpan> find(std::uint16_t type) const;
  // A number of whatever width its rule says.
  [[nodiscard]] std::optional<std::uint32_t> number(std::uint16_t type) const;
  // Up to the first zero byte.
  [[nodiscard]] std::optional<std::string_view> text(std::uint16_t type) const;

 private:
  struct Entry {
    std::uint16_t type;
    Form form;
    ByteSpan payload;
  };
  [[nodiscard]] const Entry* entry(std::uint16_t type) const;

  std::vector<Entry> entries_;
};

}  // namespace netkit::control
