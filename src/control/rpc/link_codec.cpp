#include "control/rpc/link_codec.h"

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "control/rpc/error.h"
#include "control/rpc/params.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

using control::AttributeWriter;
using control::Bytes;
using control::IfInfo;

constexpr std::string_view kHeader = "header";
constexpr std::string_view kHeaderKeys[] = {"family", "type", "index", "flags", "change"};
// struct nlattr has 16 bits for the length of header and payload; what a nest holds must fit as well.
constexpr std::size_t kLongestPayload = 0xffff - 8;

Failure must_be(std::string_view key, std::string_view what) {
  return refuse(kInvalidParams, "parameter '" + std::string(key) + "' must be " + std::string(what));
}

Result<const Json*> object_of(const Json& value, std::string_view key) {
  if (!value.is_object()) return must_be(key, "an object");
  return &value;
}

// Bytes as two hexadecimal digits each, apart by colons.
Result<Bytes> read_address(const Json& value, std::string_view key) {
  if (!value.is_string()) return must_be(key, "like \"02:00:00:00:00:01\"");
  Bytes bytes;
  const auto& text = value.get_ref<const std::string&>();
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at != end) {
    std::uint8_t byte = 0;
    const auto [rest, error] = std::from_chars(at, std::min(at + 2, end), byte, 16);
    if (error != std::errc() || (rest != end && (*rest != ':' || rest + 1 == end))) {
      return must_be(key, "like \"02:00:00:00:00:01\"");
    }
    bytes.push_back(byte);
    at = rest == end ? end : rest + 1;
  }
  return bytes;
}

Result<IfInfo> read_header(const Json& value) {
  const Json* const object = TRY(object_of(value, kHeader));
  TRY(check_keys(*object, kHeaderKeys));
  const Params header(*object);
  return IfInfo{.family = TRY(header.number_or<std::uint8_t>("family", 0)),
                .type = TRY(header.number_or<std::uint16_t>("type", 0)),
                .index = TRY(header.number_or<std::int32_t>("index", 0)),
                .flags = TRY(header.number_or<std::uint32_t>("flags", 0, kDeviceFlags)),
                .change = TRY(header.number_or<std::uint32_t>("change", 0, kDeviceFlags))};
}

// What the description of another end may hold.
std::vector<std::string_view> link_keys() {
  std::vector<std::string_view> keys{kHeader};
  for (const Field& field : link_fields()) {
    if (field.request != Field::kReadOnly) keys.push_back(field.key);
  }
  return keys;
}

class Writer {
 public:
  explicit Writer(Session& session) : session_(session) {}

  // The attributes among the keys of an object; other keys are not looked at.
  Result<AttributeWriter> attributes(const Json& object, std::span<const Field> fields) {
    AttributeWriter writer;
    for (const Field& field : fields) {
      if (field.request == Field::kReadOnly) continue;
      if (const auto value = object.find(field.key); value != object.end()) TRY(write(writer, field, *value));
    }
    if (writer.all().size() > kLongestPayload) return refuse(kInvalidParams, "the attributes are too long");
    return writer;
  }

 private:
  Result<> write(AttributeWriter& writer, const Field& field, const Json& value) {
    switch (field.request) {
      case Field::kReadOnly:
        break;
      case Field::kU16:
        writer.u16(field.type,
                   static_cast<std::uint16_t>(TRY(to_number(value, field.key, 0, 0xffff, field.words))));
        break;
      case Field::kU32:
        writer.u32(field.type,
                   static_cast<std::uint32_t>(TRY(to_number(value, field.key, 0, 0xffff'ffff, field.words))));
        break;
      case Field::kText:
        if (!value.is_string()) return must_be(field.key, "a text");
        if (value.get_ref<const std::string&>().size() >= kLongestPayload)
          return must_be(field.key, "shorter");
        writer.text(field.type, value.get_ref<const std::string&>());
        break;
      case Field::kAddress: {
        const Bytes bytes = TRY(read_address(value, field.key));
        if (bytes.size() > kLongestPayload) return must_be(field.key, "shorter");
        writer.bytes(field.type, bytes);
        break;
      }
      case Field::kNamespace:
        writer.u32(field.type, TRY(read_namespace(value, field.key)));
        break;
      case Field::kLinkInfo:
        writer.nest(field.type, TRY(link_info(value)));
        break;
      case Field::kLink: {
        const Json* const object = TRY(object_of(value, field.key));
        TRY(check_keys(*object, link_keys()));
        const control::LinkRequest link = TRY(read_link(session_, *object));
        writer.nest(field.type, link.header, link.attributes);
        break;
      }
      case Field::kNested:
        writer.nest(field.type, TRY(nested(value, field)));
        break;
      case Field::kEmpty:
        TRY(object_of(value, field.key));
        writer.nest(field.type, AttributeWriter());
        break;
    }
    return {};
  }

  Result<std::uint32_t> read_namespace(const Json& value, std::string_view key) {
    if (!value.is_object())
      return static_cast<std::uint32_t>(TRY(to_number(value, key, INT32_MIN, INT32_MAX)));
    return static_cast<std::uint32_t>(session_.lend(TRY(session_.netns_from(value))));
  }

  Result<AttributeWriter> nested(const Json& value, const Field& field) {
    const Json* const object = TRY(object_of(value, field.key));
    std::vector<std::string_view> known;
    for (const Field& one : field.nested) known.push_back(one.key);
    TRY(check_keys(*object, known));
    return attributes(*object, field.nested);
  }

  Result<AttributeWriter> link_info(const Json& value) {
    constexpr std::string_view kKeys[] = {"kind", "data"};
    const Json* const object = TRY(object_of(value, "linkinfo"));
    TRY(check_keys(*object, kKeys));
    const Params params(*object);
    const std::string kind = TRY(params.text_or("kind", ""));
    AttributeWriter info;
    if (kind.size() > kLongestPayload / 2) return must_be("kind", "shorter");
    if (params.find("kind") != nullptr) info.text(control::kInfoKind, kind);
    if (const Json* const data = params.find("data")) {
      info.nest(control::kInfoData, TRY(nested(*data, {.key = "data", .nested = data_fields(kind)})));
    }
    if (info.all().size() > kLongestPayload) return must_be("linkinfo", "shorter");
    return info;
  }

  Session& session_;
};

}  // namespace

Result<AttributeWriter> read_attributes(Session& session, const Json& object, std::span<const Field> fields) {
  if (object.is_null()) return AttributeWriter();
  return Writer(session).attributes(object, fields);
}

Result<control::LinkRequest> read_link(Session& session, const Json& object) {
  control::LinkRequest request;
  if (object.is_null()) return request;
  if (const auto header = object.find(kHeader); header != object.end())
    request.header = TRY(read_header(*header));
  request.attributes = TRY(read_attributes(session, object, link_fields()));
  return request;
}

Json report_fields(std::span<const Field> fields, const control::LinkReport& link) {
  Json object = Json::object();
  for (const Field& field : fields) {
    if (field.report == nullptr) continue;
    if (Json value = field.report(link); !value.is_null()) object[std::string(field.key)] = std::move(value);
  }
  return object;
}

}  // namespace netkit::rpc
