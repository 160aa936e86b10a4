// Error codes of the protocol (JSON-RPC 2.0 section 5.1, and ours of its range for implementations). Inside
// this library an Error with a negative code is one of these; a positive one is the kernel's errno and goes
// out as kKernelError with the errno in its data.
#pragma once

#include <string>

#include "base/result.h"

namespace netkit::rpc {

enum ErrorCode : int {
  kParseError = -32700,
  kInvalidRequest = -32600,
  kMethodNotFound = -32601,
  kInvalidParams = -32602,
  kKernelError = -32000,
  kWrongVersion = -32001,
};

[[nodiscard]] inline Failure refuse(ErrorCode code, std::string text) {
  return fail(code, std::move(text));
}

}  // namespace netkit::rpc
