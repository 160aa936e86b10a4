#include "cli/errors.h"

#include <cstdio>

namespace netkit::cli {
namespace {

// What to do about an errno that came without a text.
struct Remedy {
  int code;
  std::string_view text;
};
constexpr Remedy kRemedies[] = {
    {EPERM, "ask as root or as the engine's owner"},
    {EACCES, "a netkit's lists are reached through its primary device alone"},
    {EEXIST, "it is there already: choose another, or remove that one first"},
    {ENODEV, "`netkit link show` lists the devices"},
    {EBUSY, "somebody uses it: detach it first"},
    {ESTALE, "somebody changed it meanwhile: look at it anew and try again"},
    {ENOLINK, "the link's device has gone: create another link"},
    {EOPNOTSUPP, "the device or the engine cannot do that"},
};

std::string_view remedy_for(int code) {
  for (const Remedy& remedy : kRemedies) {
    if (remedy.code == code) return remedy.text;
  }
  return {};
}

}  // namespace

Failure usage_error(std::string text) {
  return fail(-kUsage, std::move(text));
}

Failure no_engine(std::string text) {
  return fail(-kNoEngine, std::move(text));
}

Error about(std::string_view what, Error error) {
  if (error.code < 0) return error;
  const std::string lead = std::string(what) + ": ";
  if (!error.text.empty()) return {error.code, lead + error.text, std::move(error.details)};
  return {error.code, lead + errno_text(error.code), std::string(remedy_for(error.code))};
}

int report(const Error& error) {
  if (error.code < 0) {
    std::fprintf(stderr, "netkit: %s\n", error.text.c_str());
    return -error.code;
  }
  const bool fits_in_line = error.details.find('\n') == std::string::npos;
  const std::string more = error.details.empty() ? "" : (fits_in_line ? "; " : "\n") + error.details;
  std::fprintf(stderr, "netkit: %s%s\n", describe(error).c_str(), more.c_str());
  return kFailed;
}

}  // namespace netkit::cli
