#include "topology/step.h"

#include <fmt/format.h>

#include <utility>

namespace netkit::topology {

bool Comparison::holds(std::uint64_t counted) const {
  switch (relation) {
    case Relation::kEqual:
      return counted == value;
    case Relation::kNotEqual:
      return counted != value;
    case Relation::kLess:
      return counted < value;
    case Relation::kLessEqual:
      return counted <= value;
    case Relation::kGreater:
      return counted > value;
    case Relation::kGreaterEqual:
      return counted >= value;
  }
  std::unreachable();
}

std::string to_string(const Comparison& comparison) {
  constexpr std::string_view kSigns[] = {"==", "!=", "<", "<=", ">", ">="};
  return fmt::format("{} {}", kSigns[std::to_underlying(comparison.relation)], comparison.value);
}

std::string_view name_of(DeviceCounter counter) {
  constexpr std::string_view kNames[] = {"rx_packets", "tx_packets", "rx_bytes",
                                         "tx_bytes",   "rx_dropped", "tx_dropped"};
  return kNames[std::to_underlying(counter)];
}

std::string_view name_of(ProgramCounter counter) {
  constexpr std::string_view kNames[] = {"runs", "next", "pass", "drop", "redirect", "faults"};
  return kNames[std::to_underlying(counter)];
}

std::string_view text_of(Showing showing) {
  constexpr std::string_view kTexts[] = {"shown live", "shown on recorded packets", "not shown here"};
  return kTexts[std::to_underlying(showing)];
}

Showing showing_in_process(const Step& step) {
  // A command needs a namespace to run in; a rate and a comparison with veth need real stacks.
  if (std::holds_alternative<Exec>(step.action)) return Showing::kNotHere;
  if (const auto* tcp = std::get_if<Tcp>(&step.action); tcp != nullptr && tcp->baseline != Baseline::kNone)
    return Showing::kNotHere;
  return Showing::kRecordedPackets;
}

}  // namespace netkit::topology
