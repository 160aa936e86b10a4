// A topology as plain data: what `netkit run TOPOLOGY.yaml` is to bring up. docs/topology.md describes the
// file.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/endian.h"
#include "base/result.h"
#include "topology/datum.h"
#include "topology/reference.h"
#include "topology/step.h"

namespace netkit::topology {

// Whose namespace it is. Only kMade is made and removed by the run.
struct MadeNamespace {};
struct SelfNamespace {};  // the one netkit was started in; `host` only
struct NamedNamespace {
  std::string name;  // /run/netns/NAME
};
struct NamespacePath {
  std::filesystem::path path;
};
struct NamespaceOfProcess {
  pid_t pid = 0;
};
using NamespaceOrigin =
    std::variant<MadeNamespace, SelfNamespace, NamedNamespace, NamespacePath, NamespaceOfProcess>;

struct Sysctl {
  std::string name;  // "net.ipv4.ip_forward", with dots; interface names between slashes are not accepted
  std::string value;
  Where where;
};

struct Namespace {
  std::string name;  // "host" for the host namespace
  NamespaceOrigin origin;
  std::vector<Sysctl> sysctls;  // kMade only
  Where where;
};

enum class Mode : std::uint8_t { kL2, kL3 };
enum class Scrub : std::uint8_t { kNone, kDefault };

struct Route {
  IpPrefix to;
  std::optional<IpAddress> via;
  std::optional<IpAddress> source;  // `src` of ip route
  std::optional<std::uint32_t> mtu;
  std::optional<std::uint32_t> metric;
  bool onlink = false;
  Where where;
};
struct StaticNeighbour {
  IpAddress address;
  MacAddress lladdr;
  Where where;
};

// One end of a netkit pair, or a single device: what the namespace sees.
struct End {
  std::string label;  // how the file refers to it: "nk1", "nk1.peer"
  std::string ifname;
  NamespaceIndex netns = kHostNamespace;
  Policy policy = Policy::kForward;
  Scrub scrub = Scrub::kDefault;
  std::uint32_t mtu = 1500;
  std::optional<MacAddress> mac;  // L2 only; absent: random
  std::uint32_t queues = 1;       // receive queues
  bool up = true;
  std::vector<IpPrefix> addresses;
  std::vector<Route> routes;  // through this end
  std::vector<StaticNeighbour> neighbours;
  std::optional<std::filesystem::path> capture;  // pcap file, relative to the working directory
  Where where;
};

// A netkit device: a pair, or a single one (then it has no peer).
struct Netkit {
  std::string label;
  Mode mode = Mode::kL3;
  std::uint16_t headroom = 0;
  std::uint16_t tailroom = 0;
  EndIndex primary = 0;
  std::optional<EndIndex> peer;
  Where where;
};

// A value for a `volatile const` or other global variable, set before the object is loaded.
struct VariableValue {
  std::string name;
  Datum value;
};
struct MapSize {
  std::string map;
  std::uint32_t max_entries = 0;
  Where where;
};
struct Object {
  std::string name;
  std::filesystem::path file;  // as written; find_file looks it up
  std::vector<VariableValue> variables;
  std::vector<MapSize> map_sizes;
  Where where;
};

// A program at one of an end's clsact hooks: `tc filter add ... bpf direct-action`.
enum class Hook : std::uint8_t { kIngress, kEgress };
struct ClassicFilter {
  EndIndex end = 0;
  Hook hook = Hook::kIngress;
  ObjectMember program{};
  std::uint16_t priority = 1;
  Be16 protocol;  // EtherType, or 0x0003 (ETH_P_ALL)
};

struct Topology {
  std::filesystem::path file;
  std::string name;  // of the topology; made namespaces are called NAME-<namespace>
  std::string description;

  std::vector<Namespace> namespaces;  // [0] is the host namespace
  std::vector<End> ends;
  std::vector<Netkit> netkits;
  std::vector<Object> objects;
  std::vector<MapContents> maps;        // put in before anything is attached
  std::vector<Attachment> attachments;  // before the devices go up
  std::vector<ClassicFilter> filters;   // likewise
  std::vector<Step> steps;

  std::optional<std::uint32_t> workers;           // absent: one for every two CPUs
  std::uint64_t instruction_budget = 1ULL << 28;  // per program run
};

// Reads and checks a topology file; `text` is the contents of `file`, which is named in messages and is the
// place that relative object paths start from. EINVAL with "FILE:LINE: what; remedy" for the first problem
// and the further ones, a line each, in the details; ENOENT and the like when the file cannot be read.
[[nodiscard]] Result<Topology> load(const std::filesystem::path& file);
[[nodiscard]] Result<Topology> parse(std::string_view text, const std::filesystem::path& file);

// "FILE:LINE: text": the form of every message about a topology, also those that only appear while running.
[[nodiscard]] Error locate(const Topology& topology, Where where, Error error);

// The path of a file that the topology names at `where`: beside the topology file, else in the share
// directory. ENOENT, located, names both.
[[nodiscard]] Result<std::filesystem::path> find_file(const Topology& topology,
                                                      const std::filesystem::path& file, Where where,
                                                      const std::filesystem::path& share_directory);

// What an opened object file holds.
struct ObjectNames {
  std::vector<std::string> programs;
  std::vector<std::string> maps;
  std::vector<std::string> variables;
};
// Holds all references of the topology to this object against it: EINVAL, located, with the nearest name.
[[nodiscard]] Result<> check_object(const Topology& topology, std::size_t object, const ObjectNames& names);

}  // namespace netkit::topology
