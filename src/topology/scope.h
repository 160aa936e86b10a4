// What the parts of the parser share: the topology so far, the tables of names in it, and the functions that
// read each section. Sections are read in this order, so that every reference looks back:
// namespaces, devices, objects, maps and attachments, classic filters, steps.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "topology/reader.h"
#include "topology/topology.h"

namespace netkit::topology {

class Scope {
 public:
  Scope(Topology& topology, Problems& problems) : topology_(&topology), problems_(&problems) {}

  [[nodiscard]] Topology& topology() { return *topology_; }
  [[nodiscard]] Problems& problems() { return *problems_; }

  // Namespaces and devices share one set of names, so that `to: pod1` says what it means. Each notes a
  // problem and yields nothing when the name is taken or is no name.
  std::optional<NamespaceIndex> add_namespace(Namespace added);
  std::optional<EndIndex> add_end(End added);
  bool add_object(Object added);
  bool add_step_name(const std::string& name, std::size_t step, Where where);

  // References; an unknown name is noted, with the nearest known one.
  [[nodiscard]] std::optional<NamespaceIndex> netns(const Value& value) const;
  [[nodiscard]] std::optional<EndIndex> end(const Value& value) const;
  [[nodiscard]] std::optional<ObjectMember> member(const Value& value) const;  // OBJECT.NAME
  [[nodiscard]] std::optional<ObjectMember> member(const std::string& text, const Value& at) const;
  [[nodiscard]] std::optional<std::size_t> step(const Value& value) const;

  // By name only, nothing noted.
  [[nodiscard]] std::optional<NamespaceIndex> find_namespace(std::string_view name) const;
  [[nodiscard]] std::optional<EndIndex> find_end(std::string_view label) const;
  // For a key that should name a device.
  void report_unknown_device(const Value& value) const;
  // For a name that is neither: all that could have been meant.
  void report_unknown_target(const Value& value, std::string_view written) const;

 private:
  using Names = std::map<std::string, std::size_t, std::less<>>;
  [[nodiscard]] std::optional<std::size_t> resolve(const Names& names, const Value& value,
                                                   std::string_view kind) const;

  void report_unknown(const Names& names, const Value& value, std::string_view written,
                      std::string_view kind) const;

  Topology* topology_;
  Problems* problems_;
  Names namespaces_, ends_, objects_, steps_;
};

// Letters, digits, '-' and '_', starting with a letter or digit, at most 64: what can be referred to.
[[nodiscard]] bool is_label(std::string_view text);
// Notes a problem when the text is no label.
bool check_label(std::string_view text, Where where, Problems& problems);

void read_namespaces(Scope& scope, const Mapping& root);
void read_devices(Scope& scope, const Mapping& root);
void read_objects(Scope& scope, const Mapping& root);
void read_clsact(Scope& scope, const Mapping& root);
void read_steps(Scope& scope, const Mapping& root);

// Shared by the top level and the steps.
[[nodiscard]] std::optional<Datum> read_datum(const Scope& scope, const Value& value);
[[nodiscard]] std::vector<MapContents> read_maps(const Scope& scope, const Value& value, bool may_delete);
[[nodiscard]] std::vector<Attachment> read_attachments(const Scope& scope, const Value& value);
[[nodiscard]] std::vector<Attachment> read_detachments(const Scope& scope, const Value& value);
[[nodiscard]] std::vector<Expectation> read_expectations(const Scope& scope, const Value& value,
                                                         std::size_t step, bool has_action);

inline constexpr std::uint32_t kMinMtu = 68;  // netkit.c: min_mtu, max_mtu
inline constexpr std::uint32_t kMaxMtu = 65535;
inline constexpr std::uint32_t kMinIpv6Mtu = 1280;  // RFC 8200 section 5

inline constexpr Word<Policy> kPolicyWords[] = {{"forward", Policy::kForward},
                                                {"blackhole", Policy::kBlackhole}};

}  // namespace netkit::topology
