#include "base/result.h"

#include <cstring>

namespace netkit {

Failure fail(int code, std::string text, std::string details) {
  return Failure(Error{code, std::move(text), std::move(details)});
}

Failure fail_errno(std::string_view what) {
  const int code = errno;
  return fail(code, std::string(what) + ": " + std::strerror(code));
}

std::string errno_name(int code) {
  // The kernel's internal number that BPF programs do see; libc has no name for it.
  constexpr int kENOTSUPP = 524;
  if (code == 0) return "OK";
  if (code == kENOTSUPP) return "ENOTSUPP";
  const char* name = strerrorname_np(code);
  return name != nullptr ? name : "E" + std::to_string(code);
}

std::string errno_text(int code) {
  const char* const text = strerrordesc_np(code);
  return text != nullptr ? text : "error " + std::to_string(code);
}

std::string describe(const Error& error) {
  if (error.text.empty()) return errno_name(error.code);
  return error.text + " (" + errno_name(error.code) + ")";
}

}  // namespace netkit
