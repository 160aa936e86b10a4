// JSON-RPC 2.0 as text: what a message may be, and how answers are written. Knows no method.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace netkit::rpc {

using Json = nlohmann::json;

inline constexpr std::size_t kMaxMessage = std::size_t{16} << 20;  // bytes, without the newline
inline constexpr std::size_t kMaxNesting = 32;                     // arrays and objects in each other
inline constexpr std::size_t kMaxBatch = 1024;                     // requests in one message
inline constexpr std::size_t kMaxDescriptors = 16;                 // passed along with one message

// kParseError: no JSON, or nested too deeply.
[[nodiscard]] Result<Json> parse_message(std::string_view text);

// One request of a message. The value that it was read from must outlive it.
struct Request {
  std::string_view method;
  const Json* params;
  const Json* id;  // null: a notification, which is not answered
};
// kInvalidRequest
[[nodiscard]] Result<Request> read_request(const Json& value);
// The id of what may be no request at all; null where there is none.
[[nodiscard]] Json id_of(const Json& value);

[[nodiscard]] Json result_object(const Json& id, Json result);
// `answer`: what is known in spite of the error; null: nothing.
[[nodiscard]] Json error_object(const Json& id, const Error& error, Json answer);

// A line with its newline. Text that is no UTF-8 (a name given by the kernel) is mended.
[[nodiscard]] std::string encode(const Json& message);
[[nodiscard]] std::string encode_notification(std::string_view method, Json params);
// An error that belongs to no request.
[[nodiscard]] std::string encode_error(const Error& error);

}  // namespace netkit::rpc
