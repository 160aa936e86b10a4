#include "control/rpc/protocol.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "control/rpc/error.h"

namespace netkit::rpc {
namespace {

// The deepest nesting of brackets outside of strings.
std::size_t nesting(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"') in_string = !in_string;
    if (in_string) {
      if (c == '\\') ++i;
      continue;
    }
    if (c == '[' || c == '{') deepest = std::max(deepest, ++depth);
    if ((c == ']' || c == '}') && depth > 0) --depth;
  }
  return deepest;
}

bool is_id(const Json& value) {
  return value.is_string() || value.is_number() || value.is_null();
}

}  // namespace

Result<Json> parse_message(std::string_view text) {
  if (nesting(text) > kMaxNesting) {
    return refuse(kParseError, "nested more than " + std::to_string(kMaxNesting) + " levels deep");
  }
  Json message = Json::parse(text, nullptr, false);
  if (message.is_discarded()) return refuse(kParseError, "not JSON: " + quote(text));
  return message;
}

Result<Request> read_request(const Json& value) {
  if (!value.is_object()) return refuse(kInvalidRequest, "a request is an object");
  const auto version = value.find("jsonrpc");
  if (version == value.end() || *version != "2.0") {
    return refuse(kInvalidRequest, R"(a request has "jsonrpc": "2.0")");
  }
  const auto method = value.find("method");
  if (method == value.end() || !method->is_string()) {
    return refuse(kInvalidRequest, R"(a request has a "method", which is a text)");
  }
  const auto id = value.find("id");
  if (id != value.end() && !is_id(*id)) return refuse(kInvalidRequest, R"("id" is a text, a number or null)");
  static const Json kNoParams;
  const auto params = value.find("params");
  if (params != value.end() && params->is_array()) return refuse(kInvalidParams, "parameters go by name");
  if (params != value.end() && !params->is_object())
    return refuse(kInvalidRequest, R"("params" is an object)");
  return Request{.method = method->get_ref<const std::string&>(),
                 .params = params != value.end() ? &*params : &kNoParams,
                 .id = id != value.end() ? &*id : nullptr};
}

Json id_of(const Json& value) {
  if (!value.is_object()) return nullptr;
  const auto id = value.find("id");
  return id != value.end() && is_id(*id) ? *id : Json(nullptr);
}

Json result_object(const Json& id, Json result) {
  return {{"jsonrpc", "2.0"}, {"id", id}, {"result", std::move(result)}};
}

Json error_object(const Json& id, const Error& error, Json answer) {
  Json told;
  if (error.code < 0) {
    told = {{"code", error.code}, {"message", error.text}};
  } else {
    const std::string text = error.text.empty() ? errno_text(error.code) : error.text;
    told = {{"code", static_cast<int>(kKernelError)},
            {"message", errno_name(error.code) + ": " + text},
            {"data", {{"errno", error.code}, {"name", errno_name(error.code)}, {"text", error.text}}}};
    if (!error.details.empty()) told["data"]["details"] = error.details;
    if (!answer.is_null()) told["data"]["answer"] = std::move(answer);
  }
  return {{"jsonrpc", "2.0"}, {"id", id}, {"error", std::move(told)}};
}

std::string encode(const Json& message) {
  return message.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::string encode_notification(std::string_view method, Json params) {
  return encode({{"jsonrpc", "2.0"}, {"method", method}, {"params", std::move(params)}});
}

std::string encode_error(const Error& error) {
  return encode(error_object(nullptr, error, nullptr));
}

}  // namespace netkit::rpc
