#include "runner/summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace netkit::runner {
namespace {

std::size_t count_facts(const Summary& summary, bool held) {
  std::size_t count = 0;
  for (const StepReport& step : summary.steps) {
    for (const Fact& fact : step.facts) {
      count += fact.showing != topology::Showing::kNotHere && fact.holds == held;
    }
  }
  return count;
}

std::size_t count_not_shown(const Summary& summary) {
  std::size_t count = 0;
  for (const StepReport& step : summary.steps) {
    count += static_cast<std::size_t>(std::ranges::count_if(
        step.facts, [](const Fact& fact) { return fact.showing == topology::Showing::kNotHere; }));
  }
  return count;
}

std::string_view mark(const Fact& fact) {
  if (fact.showing == topology::Showing::kNotHere) return "-";
  return fact.holds ? "ok" : "FAILED";
}

std::string reasons_of(const DeviceSummary& device) {
  std::string text;
  for (const DroppedCount& dropped : device.dropped) {
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", describe(dropped.reason).name, dropped.packets);
  }
  return text;
}

std::vector<DroppedCount> drops_of(const device::Device& device, const Port* port, std::uint64_t in_kernel) {
  DropCounts sum{};
  const auto add = [&](const DropCounts& counts) {
    for (std::size_t i = 0; i < counts.size(); ++i) sum[i] += counts[i];
  };
  add(device.transmit_totals().dropped);
  add(device.receive_totals().dropped);
  if (port != nullptr) {
    add(port->counters().dropped);
    add(port->counters().receive_dropped);
  }
  sum[static_cast<std::size_t>(DropReason::kKernelQueue)] += in_kernel;
  std::vector<DroppedCount> drops;
  for (std::size_t i = 0; i < sum.size(); ++i) {
    if (sum[i] != 0) drops.push_back({static_cast<DropReason>(i), sum[i]});
  }
  return drops;
}

}  // namespace

bool Summary::ok() const {
  return trouble.empty() && std::ranges::all_of(steps, [](const StepReport& step) { return step.holds(); });
}

std::vector<DeviceSummary> summarise_devices(const topology::Topology& topology, Stage& stage) {
  std::vector<DeviceSummary> summaries;
  for (topology::EndIndex end = 0; end < topology.ends.size(); ++end) {
    const topology::End& wanted = topology.ends[end];
    const auto device = stage.device(end);
    if (!device) continue;
    const std::shared_ptr<Port> port = stage.engine().port_of(**device);
    summaries.push_back({wanted.label, topology.namespaces[wanted.netns].name, (*device)->name(),
                         (*device)->stats(), drops_of(**device, port.get(), stage.kernel_drops(end))});
  }
  return summaries;
}

std::vector<ProgramSummary> summarise_programs(const Objects& objects) {
  std::vector<ProgramSummary> summaries;
  for (const Objects::Named& named : objects.programs()) {
    summaries.push_back({named.name, totals_of(*named.program)});
  }
  return summaries;
}

std::string to_text(const Summary& summary) {
  std::string text = fmt::format("{}: {}\n", summary.how, summary.topology);
  if (!summary.steps.empty()) text += "\n";
  for (const StepReport& step : summary.steps) {
    text += fmt::format("{}\n", step.say);
    for (const Fact& fact : step.facts) {
      text += fmt::format("  {:<6} {}", mark(fact), fact.text);
      if (fact.showing != topology::Showing::kLive)
        text += fmt::format(" [{}]", topology::text_of(fact.showing));
      text += "\n";
    }
  }
  text += fmt::format("\n{:<12} {:<10} {:<8} {:>10} {:>14} {:>10} {:>14}  {}\n", "device", "namespace",
                      "name", "tx packets", "tx bytes", "rx packets", "rx bytes", "dropped");
  for (const DeviceSummary& device : summary.devices) {
    text += fmt::format("{:<12} {:<10} {:<8} {:>10} {:>14} {:>10} {:>14}  {}\n", device.label, device.netns,
                        device.name, device.stats.tx_packets, device.stats.tx_bytes, device.stats.rx_packets,
                        device.stats.rx_bytes, reasons_of(device));
  }
  if (!summary.programs.empty()) {
    text += fmt::format("\n{:<24} {:>10} {:>8} {:>10} {:>10} {:>10} {:>7} {:>9}\n", "program", "runs", "next",
                        "pass", "drop", "redirect", "faults", "ns a run");
  }
  for (const ProgramSummary& program : summary.programs) {
    const ProgramTotals& totals = program.totals;
    text += fmt::format("{:<24} {:>10} {:>8} {:>10} {:>10} {:>10} {:>7} {:>9}\n", program.name, totals.runs,
                        totals.next, totals.pass, totals.drop, totals.redirect, totals.faults,
                        totals.runs == 0 ? 0 : totals.nanoseconds / totals.runs);
  }
  if (!summary.trouble.empty()) text += fmt::format("\n{}\n", summary.trouble);
  if (!summary.steps.empty()) {
    text += fmt::format("\n{} facts shown, {} failed, {} not shown here; {:.1f} s\n",
                        count_facts(summary, true) + count_facts(summary, false), count_facts(summary, false),
                        count_not_shown(summary), summary.seconds);
  }
  return text;
}

std::string to_json(const Summary& summary) {
  using nlohmann::json;
  json out = {{"how", summary.how},         {"topology", summary.topology}, {"socket", summary.socket},
              {"seconds", summary.seconds}, {"ok", summary.ok()},           {"trouble", summary.trouble}};
  out["steps"] = json::array();
  for (const StepReport& step : summary.steps) {
    json facts = json::array();
    for (const Fact& fact : step.facts) {
      facts.push_back(
          {{"text", fact.text}, {"holds", fact.holds}, {"showing", topology::text_of(fact.showing)}});
    }
    out["steps"].push_back({{"say", step.say}, {"holds", step.holds()}, {"facts", facts}});
  }
  out["devices"] = json::array();
  for (const DeviceSummary& device : summary.devices) {
    json dropped = json::object();
    for (const DroppedCount& count : device.dropped)
      dropped[std::string(describe(count.reason).name)] = count.packets;
    out["devices"].push_back({{"label", device.label},
                              {"netns", device.netns},
                              {"ifname", device.name},
                              {"tx_packets", device.stats.tx_packets},
                              {"tx_bytes", device.stats.tx_bytes},
                              {"rx_packets", device.stats.rx_packets},
                              {"rx_bytes", device.stats.rx_bytes},
                              {"tx_dropped", device.stats.tx_dropped},
                              {"rx_dropped", device.stats.rx_dropped},
                              {"dropped", dropped}});
  }
  out["programs"] = json::array();
  for (const ProgramSummary& program : summary.programs) {
    const ProgramTotals& totals = program.totals;
    out["programs"].push_back({{"name", program.name},
                               {"runs", totals.runs},
                               {"next", totals.next},
                               {"pass", totals.pass},
                               {"drop", totals.drop},
                               {"redirect", totals.redirect},
                               {"faults", totals.faults},
                               {"run_time_ns", totals.nanoseconds}});
  }
  return out.dump(2) + "\n";
}

}  // namespace netkit::runner
