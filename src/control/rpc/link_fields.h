// The fields of requests shaped like rtnetlink's as JSON: one table of key, attribute and form, used for
// requests and, for links, for answers.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string_view>

#include "control/link_report.h"
#include "control/rpc/words.h"

namespace netkit::rpc {

using Json = nlohmann::json;

struct Field {
  // How a request's value becomes the attribute's payload.
  enum Request : std::uint8_t {
    kReadOnly,   // only in answers
    kU16,        // number or word
    kU32,        // number or word
    kText,       // with its terminating zero
    kAddress,    // "02:00:00:00:00:01": any number of bytes
    kNamespace,  // a descriptor of the client's table, {"passed": 0} or {"name": "pod1"}
    kLinkInfo,   // {"kind": ..., "data": {...}}
    kLink,       // a header, then attributes: the other end
    kNested,     // attributes of the table `nested`
    kEmpty,      // an empty nest
  };
  std::string_view key{};
  std::uint16_t type = 0;  // the attribute, where it can be asked for
  Request request = kReadOnly;
  Words words{};
  std::span<const Field> nested{};
  // The value in an answer; null (as JSON): left out. Null (as pointer): never in an answer.
  Json (*report)(const control::LinkReport& link) = nullptr;
};

// The attributes of a link (IFLA_*).
std::span<const Field> link_fields();
// Those of IFLA_INFO_DATA for a kind; for a kind that we don't know: netkit's.
std::span<const Field> data_fields(std::string_view kind);

}  // namespace netkit::rpc
