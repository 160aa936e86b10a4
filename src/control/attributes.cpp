#include "control/attributes.h"

#include <algorithm>
#include <ranges>

#include "base/endian.h"

namespace netkit::control {
namespace {

constexpr std::size_t kHeader = 4;           // struct nlattr: length, type
constexpr std::uint16_t kTypeMask = 0x3fff;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
constexpr std::string_view kFailed = "Attribute failed policy validation";

constexpr std::size_t aligned(std::size_t length) {
  return (length + 3) & ~std::size_t{3};
}

std::size_t width_of(Form form) {
  switch (form) {
    case Form::kU8:
      return 1;
    case Form::kU16:
      return 2;
    case Form::kU32:
      return 4;
    default:
      return 0;
  }
}

// In host byte order; a payload that is longer than the number counts by its first bytes.
std::uint32_t number_in(ByteSpan payload, Form form) {
  switch (form) {
    case Form::kU8:
      return payload[0];
    case Form::kU16:
      return load_unaligned<std::uint16_t>(payload.data());
    default:
      return load_unaligned<std::uint32_t>(payload.data());
  }
}

// validate_nla
Result<> validate(const Rule& rule, ByteSpan payload) {
  switch (rule.form) {
    case Form::kReadOnly:
      return fail(EINVAL, std::string(rule.message));
    case Form::kNested:
      return {};
    case Form::kText: {
      if (payload.empty()) return fail(ERANGE, std::string(kFailed));
      const bool terminated = payload.back() == 0;
      if (payload.size() - (terminated ? 1 : 0) > rule.max) return fail(ERANGE, std::string(kFailed));
      return {};
    }
    case Form::kZeroText: {
      const ByteSpan within = payload.first(std::min<std::size_t>(payload.size(), std::size_t{rule.max} + 1));
      if (std::ranges::find(within, 0) == within.end()) return fail(EINVAL, std::string(kFailed));
      return {};
    }
    case Form::kBinary:
      if (payload.size() < rule.min || payload.size() > rule.max) return fail(ERANGE, std::string(kFailed));
      return {};
    case Form::kU8:
    case Form::kU16:
    case Form::kU32:
      break;
  }
  if (payload.size() < width_of(rule.form)) return fail(ERANGE, std::string(kFailed));
  const std::uint32_t value = number_in(payload, rule.form);
  if (value < rule.min || value > rule.max) return fail(ERANGE, "integer out of range");
  return {};
}

template <class Number>
ByteSpan as_bytes(const Number& number) {
  return {reinterpret_cast<const std::uint8_t*>(&number), sizeof number};
}

}  // namespace

AttributeWriter& AttributeWriter::bytes(std::uint16_t type, ByteSpan payload) {
  const auto length = static_cast<std::uint16_t>(kHeader + payload.size());
  const auto append = [this](ByteSpan part) { bytes_.insert(bytes_.end(), part.begin(), part.end()); };
  append(as_bytes(length));
  append(as_bytes(type));
  append(payload);
  bytes_.resize(aligned(bytes_.size()));
  return *this;
}

AttributeWriter& AttributeWriter::u8(std::uint16_t type, std::uint8_t value) {
  return bytes(type, as_bytes(value));
}
AttributeWriter& AttributeWriter::u16(std::uint16_t type, std::uint16_t value) {
  return bytes(type, as_bytes(value));
}
AttributeWriter& AttributeWriter::u32(std::uint16_t type, std::uint32_t value) {
  return bytes(type, as_bytes(value));
}

AttributeWriter& AttributeWriter::text(std::uint16_t type, std::string_view value) {
  Bytes payload(value.begin(), value.end());
  payload.push_back(0);
  return bytes(type, payload);
}

AttributeWriter& AttributeWriter::nest(std::uint16_t type, const IfInfo& header,
                                       const AttributeWriter& inner) {
  const ByteSpan head = as_bytes(header);
  Bytes payload(head.begin(), head.end());
  payload.insert(payload.end(), inner.all().begin(), inner.all().end());
  return bytes(type, payload);
}

Result<AttributeTable> AttributeTable::parse(ByteSpan attributes, std::span<const Rule> policy) {
  AttributeTable table;
  while (attributes.size() >= kHeader) {
    const auto length = load_unaligned<std::uint16_t>(attributes.data());
    const auto type =
        static_cast<std::uint16_t>(load_unaligned<std::uint16_t>(attributes.data() + 2) & kTypeMask);
    if (length < kHeader || length > attributes.size()) break;  // what follows is not an attribute: ignored
    const ByteSpan payload = attributes.subspan(kHeader, length - kHeader);
    attributes = attributes.subspan(std::min(aligned(length), attributes.size()));
    const auto rule = std::ranges::find(policy, type, &Rule::type);
    if (rule == policy.end()) continue;
    TRY(validate(*rule, payload));
    table.entries_.push_back({type, rule->form, payload});
  }
  return table;
}

const AttributeTable::Entry* AttributeTable::entry(std::uint16_t type) const {
  const auto found = std::ranges::find(entries_ | std::views::reverse, type, &Entry::type);
  return found != entries_.rend() ? &*found : nullptr;
}

std::optional<ByteSpan> AttributeTable::find(std::uint16_t type) const {
  const Entry* const found = entry(type);
  if (found == nullptr) return std::nullopt;
  return found->payload;
}

std::optional<std::uint32_t> AttributeTable::number(std::uint16_t type) const {
  const Entry* const found = entry(type);
  if (found == nullptr) return std::nullopt;
  return number_in(found->payload, found->form);
}

std::optional<std::string_view> AttributeTable::text(std::uint16_t type) const {
  const std::optional<ByteSpan> payload = find(type);
  if (!payload) return std::nullopt;
  const std::string_view whole(reinterpret_cast<const char*>(payload->data()), payload->size());
  return whole.substr(0, whole.find('\0'));
}

}  // namespace netkit::control
