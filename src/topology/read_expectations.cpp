// `expect` of a step: counters of devices, programs and map entries, and what they must be.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "topology/scope.h"

namespace netkit::topology {
namespace {

constexpr DeviceCounter kDeviceCounters[] = {DeviceCounter::kRxPackets, DeviceCounter::kTxPackets,
                                             DeviceCounter::kRxBytes,   DeviceCounter::kTxBytes,
                                             DeviceCounter::kRxDropped, DeviceCounter::kTxDropped};
constexpr ProgramCounter kProgramCounters[] = {ProgramCounter::kRuns,     ProgramCounter::kNext,
                                               ProgramCounter::kPass,     ProgramCounter::kDrop,
                                               ProgramCounter::kRedirect, ProgramCounter::kFaults};
constexpr Word<Relation> kRelations[] = {  // the longer ones first
    {">=", Relation::kGreaterEqual}, {"<=", Relation::kLessEqual}, {"==", Relation::kEqual},
    {"!=", Relation::kNotEqual},     {">", Relation::kGreater},    {"<", Relation::kLess}};

// ">= 1"; a number alone means "==".
std::optional<Comparison> read_comparison(const Value& value) {
  const auto text = value.text();
  if (!text) return std::nullopt;
  Comparison comparison;
  std::string_view rest = *text;
  for (const auto& [word, relation] : kRelations) {
    if (!rest.starts_with(word)) continue;
    comparison.relation = relation;
    rest.remove_prefix(word.size());
    break;
  }
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), comparison.value);
  if (!rest.empty() && error == std::errc{} && end == rest.data() + rest.size()) return comparison;
  value.report(
      fmt::format("'{}' is {}; write a comparison, as \">= 1\" or \"== 0\"", value.name(), quote(*text)));
  return std::nullopt;
}

std::optional<DropReason> read_reason(const Value& value) {
  std::vector<std::string_view> known;
  for (std::size_t i = 1; i < kDropReasons; ++i) {
    const auto reason = static_cast<DropReason>(i);
    if (describe(reason).name == value.name()) return reason;
    known.push_back(describe(reason).name);
  }
  const std::string hint = did_you_mean(value.name(), known);
  value.report(fmt::format("no drop reason is called {}{}", quote(value.name()),
                           hint.empty() ? "; docs/topology.md lists them" : hint));
  return std::nullopt;
}

class ExpectationReader {
 public:
  ExpectationReader(const Scope& scope, const Mapping& mapping, std::optional<std::size_t> since)
      : scope_(scope), mapping_(mapping), since_(since) {}

  std::vector<Expectation> read() {
    if (const auto device = mapping_.get("device"))
      read_device(*device);
    else if (const auto program = mapping_.get("program"))
      read_program(*program);
    else if (const auto map = mapping_.get("map"))
      read_map(*map);
    else
      mapping_.problems().report(mapping_.where(), "'expect' needs 'device', 'program' or 'map'; add one");
    return std::move(expectations_);
  }

 private:
  void add(const Value& value, std::variant<DeviceCount, ProgramCount, MapCount> counter) {
    if (const auto comparison = read_comparison(value))
      expectations_.push_back({std::move(counter), *comparison, since_, value.where()});
  }

  void read_device(const Value& device) {
    mapping_.allow({"device", "since", "rx_packets", "tx_packets", "rx_bytes", "tx_bytes", "rx_dropped",
                    "tx_dropped", "drops"});
    const auto end = scope_.end(device);
    if (!end) return;
    for (const DeviceCounter counter : kDeviceCounters)
      if (const auto value = mapping_.get(name_of(counter))) add(*value, DeviceCount{*end, counter});
    if (const auto drops = mapping_.get("drops"))
      for (const Value& drop : drops->mapping().values())
        if (const auto reason = read_reason(drop)) add(drop, DeviceCount{*end, *reason});
  }

  void read_program(const Value& program) {
    mapping_.allow({"program", "since", "runs", "next", "pass", "drop", "redirect", "faults"});
    const auto member = scope_.member(program);
    if (!member) return;
    for (const ProgramCounter counter : kProgramCounters)
      if (const auto value = mapping_.get(name_of(counter))) add(*value, ProgramCount{*member, counter});
  }

  void read_map(const Value& map) {
    mapping_.allow({"map", "since", "key", "offset", "size", "value"});
    const auto member = scope_.member(map);
    const auto key = mapping_.require("key");
    const auto value = mapping_.require("value");
    if (!member || !key || !value) return;
    auto datum = read_datum(scope_, *key);
    if (!datum) return;
    MapCount count{.map = *member, .key = *std::move(datum)};
    mapping_.read("offset", count.offset, 0, 1U << 20U);
    constexpr Word<std::uint32_t> kSizes[] = {{"1", 1}, {"2", 2}, {"4", 4}, {"8", 8}};
    mapping_.read("size", count.size, kSizes);
    add(*value, std::move(count));
  }

  const Scope& scope_;
  const Mapping& mapping_;
  std::optional<std::size_t> since_;
  std::vector<Expectation> expectations_;
};

}  // namespace

std::vector<Expectation> read_expectations(const Scope& scope, const Value& value, std::size_t step,
                                           bool has_action) {
  std::vector<Expectation> expectations;
  for (const Value& item : value.list()) {
    const Mapping mapping = item.mapping();
    std::optional<std::size_t> since = step;
    if (const auto start = mapping.get("since")) {
      const bool of_run = start->is(NodeKind::kScalar) && start->node().text == "start";
      since = of_run ? std::nullopt : scope.step(*start);
    } else if (!has_action) {
      item.report(
          "nothing happens in this step; say since when to count with 'since: STEP' or 'since: start'");
    }
    std::ranges::move(ExpectationReader(scope, mapping, since).read(), std::back_inserter(expectations));
  }
  return expectations;
}

}  // namespace netkit::topology
