// The steps of a topology: a script of actions, each with what must come of it. Every step is one or more
// facts; a fact that does not hold makes the run fail.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/address.h"
#include "packet/drop_reason.h"
#include "topology/datum.h"
#include "topology/reference.h"

namespace netkit::topology {

// Where a program goes in a list of programs, in the words of `netkit net attach`.
enum class Anchor : std::uint8_t { kTail, kHead, kBefore, kAfter, kReplace };

struct Placement {
  ObjectMember program;
  Anchor anchor = Anchor::kTail;
  std::optional<ObjectMember> relative;  // kBefore, kAfter, kReplace
};

// The programs of one end, in the order in which they are to be attached. On a netkit end they run for what
// that end transmits.
struct Attachment {
  EndIndex end = 0;
  std::vector<Placement> programs;
  Where where;
};

struct MapEntry {
  Datum key;
  std::optional<Datum> value;  // absent: the entry is deleted
  Where where;
};
struct MapContents {
  ObjectMember map;
  std::vector<MapEntry> entries;
};

// What traffic must come to.
enum class Outcome : std::uint8_t {
  kOk,    // all of it arrives (and is answered)
  kLost,  // nothing of it arrives
};

// Traffic goes from a namespace to addresses: one fact per address.
struct Endpoints {
  NamespaceIndex from = kHostNamespace;
  std::vector<IpAddress> to;
  // Who holds `to`; absent when no end of the topology has these addresses.
  std::optional<EndIndex> to_end;
};

struct Attach {
  std::vector<Attachment> attachments;
};
struct Detach {
  std::vector<Attachment> attachments;  // placements name programs only
};
struct UpdateMaps {
  std::vector<MapContents> maps;
};
struct Ping {
  Endpoints path;
  std::uint32_t count = 1;
  std::uint32_t size = 56;  // bytes of payload, as `ping -s`
  std::chrono::milliseconds timeout{1000};
  Outcome expect = Outcome::kOk;
};
struct Udp {
  Endpoints path;
  std::uint16_t port = 7;
  std::uint32_t count = 1;
  std::uint32_t size = 64;  // bytes of payload; above the MTU the sender's stack makes fragments
  std::chrono::milliseconds timeout{1000};
  Outcome expect = Outcome::kOk;
};
// What the same stream is measured against.
enum class Baseline : std::uint8_t { kNone, kVeth };
struct Tcp {
  Endpoints path;
  std::uint16_t port = 5201;
  // How long, or how much; exactly one is set.
  std::optional<std::chrono::milliseconds> duration;
  std::optional<std::uint64_t> bytes;
  std::uint32_t streams = 1;
  Outcome expect = Outcome::kOk;
  Baseline baseline = Baseline::kNone;
  std::optional<double> min_ratio;  // ours divided by the baseline's, at least this
  // What an in-process run plays in the stream's place: a capture file (find_file).
  std::string recording = "tcp-exchange.pcap";
};
// The neighbour table of `from` resolves the address (ARP or ND), to this MAC when one is given.
struct Neighbour {
  Endpoints path;
  std::optional<std::variant<MacAddress, EndIndex>> lladdr;
  std::chrono::milliseconds timeout{1000};
  Outcome expect = Outcome::kOk;
};
struct Exec {
  NamespaceIndex in = kHostNamespace;
  std::vector<std::string> command;  // argv; a command written as one string is {"/bin/sh", "-c", string}
  int expect_exit = 0;
  std::chrono::milliseconds timeout{60'000};
};
// netkit policies in iproute2's words.
enum class Policy : std::uint8_t { kForward, kBlackhole };
struct SetLink {
  EndIndex end = 0;
  std::optional<bool> up;
  std::optional<std::uint32_t> mtu;
  std::optional<MacAddress> mac;
  std::optional<Policy> policy;
};
struct Wait {
  std::chrono::milliseconds time{0};
};

// std::monostate: a step that only looks at counters, or only says something.
using Action =
    std::variant<std::monostate, Attach, Detach, UpdateMaps, Ping, Udp, Tcp, Neighbour, Exec, SetLink, Wait>;

enum class Relation : std::uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual };
struct Comparison {
  Relation relation = Relation::kEqual;
  std::uint64_t value = 0;

  [[nodiscard]] bool holds(std::uint64_t counted) const;
};
[[nodiscard]] std::string to_string(const Comparison& comparison);  // ">= 1"

enum class DeviceCounter : std::uint8_t {
  kRxPackets,
  kTxPackets,
  kRxBytes,
  kTxBytes,
  kRxDropped,
  kTxDropped
};
enum class ProgramCounter : std::uint8_t { kRuns, kNext, kPass, kDrop, kRedirect, kFaults };
[[nodiscard]] std::string_view name_of(DeviceCounter counter);   // "rx_packets"
[[nodiscard]] std::string_view name_of(ProgramCounter counter);  // "runs"

struct DeviceCount {
  EndIndex end = 0;
  std::variant<DeviceCounter, DropReason> counter;
};
struct ProgramCount {
  ObjectMember program;
  ProgramCounter counter = ProgramCounter::kRuns;
};
// The value of a map entry as a number (1, 2, 4 or 8 bytes from `offset`); per-CPU values are summed.
struct MapCount {
  ObjectMember map;
  Datum key;
  std::uint32_t offset = 0;
  std::uint32_t size = 8;
};
// One counter, by how much it rose, and what that must be.
struct Expectation {
  std::variant<DeviceCount, ProgramCount, MapCount> counter;
  Comparison comparison;
  // Counted from the start of this step (an index into Topology::steps), or since the run began.
  std::optional<std::size_t> since;
  Where where;
};

struct Step {
  std::string name;  // for `since`; may be empty
  std::string say;   // one line for people; never empty (made from the action where the file has none)
  Action action;
  std::vector<Expectation> expectations;  // looked at when the action has ended
  Where where;
};

// How a fact was, or can be, shown.
enum class Showing : std::uint8_t { kLive, kRecordedPackets, kNotHere };
[[nodiscard]] std::string_view text_of(Showing showing);  // "shown live"

// How a step can be shown at best in an in-process run, where the pods are responders.
[[nodiscard]] Showing showing_in_process(const Step& step);

}  // namespace netkit::topology
