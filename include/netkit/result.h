// What can go wrong, as a value.
#pragma once

#include <expected>
#include <string>

#include <netkit/visibility.h>

namespace netkit::v1 {

// `code` is a positive errno, for the same reason as in the kernel; `text` one line for people: the kernel's
// extended message word for word, or ours; empty where there is no more to say than the errno's name.
struct Error {
  int code = 0;
  std::string text;
};

template <class T = void>
using Result = std::expected<T, Error>;

// "text (EINVAL)", or the errno's name alone when there is no text.
[[nodiscard]] NETKIT_API std::string describe(const Error& error);

}  // namespace netkit::v1
