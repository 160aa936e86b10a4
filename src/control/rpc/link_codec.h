// Links between JSON and requests and reports of src/control, by the tables of link_fields.h.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <span>

#include "base/result.h"
#include "control/link.h"
#include "control/rpc/link_fields.h"

namespace netkit::rpc {

class Session;

// Reads "header" and the attributes out of an object; namespaces that it names are lent to the client for the
// time of the call. kInvalidParams.
[[nodiscard]] Result<control::LinkRequest> read_link(Session& session, const Json& object);

// The attributes among the keys of an object; other keys are not looked at.
[[nodiscard]] Result<control::AttributeWriter> read_attributes(Session& session, const Json& object,
                                                               std::span<const Field> fields);

// The fields of a link that the tables know.
[[nodiscard]] Json report_fields(std::span<const Field> fields, const control::LinkReport& link);

}  // namespace netkit::rpc
