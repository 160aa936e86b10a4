#include "cli/errors.h"

#include <cstdio>

namespace netkit::cli {
namespace {

// What to do about an errno, where its text alone does not say.
struct Remedy {
  int code;
  std::string_view text;
};
constexpr Remedy kRemedies[] = {
    {EPERM, "ask as root or as the engine's owner"},
    {EACCES, "ask as root, as the engine's owner or through the primary device"},
    {EEXIST, "it is there already: choose another, or remove that one first"},
    {ENODEV, "`netkit link show` lists the devices"},
    {ENOENT, "`netkit net show` and `netkit netns list` tell what is there"},
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
  const std::string text = error.text.empty() ? errno_text(error.code) : std::move(error.text);
  return {error.code, std::string(what) + ": " + text, std::move(error.details)};
}

int report(const Error& error) {
  if (error.code < 0) {
    std::fprintf(stderr, "netkit: %s\n", error.text.c_str());
    return -error.code;
  }
  std::string line = describe(error);
  const bool says_more = error.text.find(';') != std::string::npos;
  if (const std::string_view remedy = remedy_for(error.code); !says_more && !remedy.empty()) {
    line += "; " + std::string(remedy);
  }
  std::fprintf(stderr, "netkit: %s\n", line.c_str());
  if (!error.details.empty()) std::fprintf(stderr, "%s\n", error.details.c_str());
  return kFailed;
}

}  // namespace netkit::cli
