// What a command of the hand-made grammar is: a family of verbs, each a function of the options and the words
// that are left. A new family is a file that defines one, and a line in main.cpp.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/words.h"

namespace netkit::cli {

// As `ip` has them.
struct Options {
  std::string socket;  // empty: find one
  std::string netns;   // -n
  bool json = false;
  bool pretty = false;
  bool details = false;
  bool statistics = false;
  bool brief = false;
  bool oneline = false;
  bool pins = false;  // bpftool's -f: where objects are pinned
};

struct Verb {
  std::string_view names;  // apart by spaces, the first is the one in messages
  Result<> (*run)(const Options& options, Words words) = nullptr;
  std::string_view usage;  // lines behind "Usage: "
  bool raw = false;        // words that look like options are the verb's own
};

struct Family {
  std::string_view name;
  std::string_view summary;
  std::span<const Verb> verbs{};
  std::string_view usual{};  // the verb that is meant when none is given; empty: help
};

extern const Family kLinkFamily;     // netkit link add | set | del | show
extern const Family kNetnsFamily;    // netkit netns add | del | list | exec
extern const Family kNetFamily;      // netkit net attach | detach | show
extern const Family kQdiscFamily;    // netkit qdisc add | del | show
extern const Family kFilterFamily;   // netkit filter add | del | show
extern const Family kProgFamily;     // netkit prog load | show | dump | pin
extern const Family kMapFamily;      // netkit map show | dump | lookup | update | delete | create | pin
extern const Family kBpfLinkFamily;  // netkit bpf-link show | create | update | detach | pin
extern const Family kPinFamily;      // netkit pin show | del | mkdir | rmdir
extern const Family kStatsFamily;    // netkit stats

}  // namespace netkit::cli
