// Keys and values: scalars are recognised by their form, mappings of one key say what they are, lists are
// structs.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

struct IntegerForm {
  std::string_view key;
  std::uint8_t size;
  bool is_signed;
  bool big_endian;
};
constexpr IntegerForm kIntegerForms[] = {
    {"u8", 1, false, false},  {"u16", 2, false, false}, {"u32", 4, false, false}, {"u64", 8, false, false},
    {"i8", 1, true, false},   {"i16", 2, true, false},  {"i32", 4, true, false},  {"i64", 8, true, false},
    {"be16", 2, false, true}, {"be32", 4, false, true}, {"be64", 8, false, true},
};
constexpr std::string_view kOtherForms[] = {"hex", "text", "pad", "ifindex", "mac", "program"};
constexpr std::size_t kMaxBytes = 65536;

// Decimal or 0x..., with a sign.
std::optional<Integer> parse_integer(std::string_view text) {
  Integer integer;
  integer.negative = text.starts_with('-');
  if (integer.negative) text.remove_prefix(1);
  const int base = text.starts_with("0x") ? 16 : 10;
  if (base == 16) text.remove_prefix(2);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), integer.value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  if (integer.negative && integer.value > std::uint64_t{1} << 63U) return std::nullopt;
  if (integer.negative) integer.value = ~integer.value + 1;
  return integer;
}

bool fits(const Integer& integer, const IntegerForm& form) {
  const unsigned bits = form.size * 8U;
  if (integer.negative)
    return form.is_signed && static_cast<std::int64_t>(integer.value) >= -(std::int64_t{1} << (bits - 2)) * 2;
  const unsigned usable = form.is_signed ? bits - 1 : bits;
  return static_cast<unsigned>(std::bit_width(integer.value)) <= usable;
}

std::optional<Field> read_integer(const Value& value, const IntegerForm& form) {
  const auto text = value.text();
  if (!text) return std::nullopt;
  auto integer = parse_integer(*text);
  if (!integer || !fits(*integer, form)) {
    value.report(fmt::format("{} is no {}; give a number that fits", quote(*text), form.key));
    return std::nullopt;
  }
  integer->size = form.size;
  integer->big_endian = form.big_endian;
  return *integer;
}

std::optional<Field> read_hex(const Value& value) {
  auto text = value.text();
  if (!text) return std::nullopt;
  std::erase_if(*text, [](char c) { return c == ' ' || c == ':'; });
  Bytes bytes;
  for (std::size_t i = 0; i + 1 < text->size(); i += 2) {
    std::uint8_t byte = 0;
    const auto [end, error] = std::from_chars(text->data() + i, text->data() + i + 2, byte, 16);
    if (error != std::errc{} || end != text->data() + i + 2) break;
    bytes.bytes.push_back(byte);
  }
  if (bytes.bytes.size() * 2 == text->size()) return bytes;
  value.report("'hex' takes pairs of hexadecimal digits, as \"0a 00 01 02\"");
  return std::nullopt;
}

// {text: eth0, size: 16}: padded with zeros.
std::optional<Field> read_text(const Value& value, const Mapping& mapping) {
  const auto text = value.text();
  std::size_t size = text ? text->size() : 0;
  mapping.read("size", size, 1, kMaxBytes);
  if (!text) return std::nullopt;
  if (text->size() > size) {
    value.report(fmt::format("the text has {} bytes, its size is {}; raise 'size'", text->size(), size));
    return std::nullopt;
  }
  Bytes bytes{{text->begin(), text->end()}};
  bytes.bytes.resize(size);
  return bytes;
}

std::optional<Field> read_pad(const Value& value) {
  const auto count = value.number(1, kMaxBytes);
  if (!count) return std::nullopt;
  return Bytes{std::vector<std::uint8_t>(*count)};
}

template <class Reference>
std::optional<Field> read_reference(const Scope& scope, const Value& value) {
  const auto end = scope.end(value);
  if (!end) return std::nullopt;
  return Reference{*end};
}

std::optional<Field> read_form(const Scope& scope, const Value& value) {
  const Mapping mapping = value.mapping();
  for (const IntegerForm& form : kIntegerForms)
    if (const auto number = mapping.get(form.key))
      return mapping.allow({form.key}), read_integer(*number, form);
  if (const auto text = mapping.get("text"))
    return mapping.allow({"text", "size"}), read_text(*text, mapping);
  if (const auto hex = mapping.get("hex")) return mapping.allow({"hex"}), read_hex(*hex);
  if (const auto pad = mapping.get("pad")) return mapping.allow({"pad"}), read_pad(*pad);
  if (const auto device = mapping.get("ifindex"))
    return mapping.allow({"ifindex"}), read_reference<IfindexOf>(scope, *device);
  if (const auto device = mapping.get("mac"))
    return mapping.allow({"mac"}), read_reference<MacOf>(scope, *device);
  if (const auto program = mapping.get("program")) {
    mapping.allow({"program"});
    const auto member = scope.member(*program);
    return member ? std::optional<Field>(ProgramSlot{*member}) : std::nullopt;
  }
  std::vector<std::string_view> known(std::begin(kOtherForms), std::end(kOtherForms));
  for (const IntegerForm& form : kIntegerForms) known.push_back(form.key);
  const std::string written = value.node().entries.empty() ? "" : value.node().entries.front().key;
  const std::string hint = did_you_mean(written, known);
  value.report(fmt::format(
      "{} is no form of a value{}", quote(written),
      hint.empty() ? "; write for instance {u32: 5}, {hex: \"0a00\"} or {ifindex: DEVICE}" : hint));
  return std::nullopt;
}

std::optional<Field> read_scalar(const Value& value) {
  const auto text = value.text();
  if (!text) return std::nullopt;
  if (const auto integer = parse_integer(*text)) return *integer;
  if (const auto mac = parse_mac(*text)) return *mac;
  if (const auto ip = parse_ip(*text)) return *ip;
  if (const auto prefix = parse_prefix(*text)) return LpmKey{*prefix};
  value.report(
      fmt::format("{} is no number, address, prefix or MAC address; for text write {{text: ..., size: N}}",
                  quote(*text)));
  return std::nullopt;
}

bool read_fields(const Scope& scope, const Value& value, bool in_list, std::vector<Field>& fields) {
  if (value.is(NodeKind::kSequence)) {
    return std::ranges::all_of(value.list(),
                               [&](const Value& item) { return read_fields(scope, item, true, fields); });
  }
  const auto field = value.is(NodeKind::kMapping) ? read_form(scope, value) : read_scalar(value);
  if (!field) return false;
  if (const auto* integer = std::get_if<Integer>(&*field);
      in_list && integer != nullptr && integer->size == 0) {
    value.report("a number in a list needs its size; write for instance {u32: 5}");
    return false;
  }
  fields.push_back(*field);
  return true;
}

}  // namespace

std::optional<Datum> read_datum(const Scope& scope, const Value& value) {
  Datum datum{.fields = {}, .where = value.where()};
  if (!read_fields(scope, value, false, datum.fields)) return std::nullopt;
  if (!datum.fields.empty()) return datum;
  value.report(fmt::format("'{}' is an empty list; give it a value", value.name()));
  return std::nullopt;
}

}  // namespace netkit::topology
