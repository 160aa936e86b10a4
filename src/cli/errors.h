// How a command ends that did not do what it was asked for: one line on standard error, and an exit status.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace netkit::cli {

// Exit statuses (docs/commands.md).
enum ExitStatus : int {
  kDone = 0,
  kFailed = 1,    // refused, or it went wrong
  kUsage = 2,     // the words make no command
  kNoEngine = 3,  // nobody to ask
};

// Errors of the command line itself carry their exit status, negated, in place of an errno.
[[nodiscard]] Failure usage_error(std::string text);
[[nodiscard]] Failure no_engine(std::string text);

// The same error about `what` ("link add nk0"), with a remedy where the kernel had no message. Details of one
// line are the remedy and stand behind the text.
[[nodiscard]] Error about(std::string_view what, Error error);

// Prints the error as one line, with its errno's name, text and remedy, and yields the exit status for it.
[[nodiscard]] int report(const Error& error);

}  // namespace netkit::cli
