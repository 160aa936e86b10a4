#include "cli/tc/print.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "cli/tc/names.h"

namespace netkit::cli::tc {
namespace {

using control::FilterOptions;
using control::FilterReport;
using control::QdiscReport;
using Json = nlohmann::ordered_json;

// ---- qdiscs ----

bool asked_for(const QdiscCommand& command, const QdiscReport& report) {
  if (!command.dev.empty() && report.dev != command.dev) return false;
  if (command.parent != 0 && report.parent != command.parent) return false;
  return command.handle == 0 || report.handle == command.handle;
}

// tc writes the handle of a qdisc as its major number.
std::string qdisc_handle(std::uint32_t handle) {
  return fmt::format("{:x}:", handle >> 16U);
}

std::string text_of(const QdiscCommand& command, const QdiscReport& report, const PrintOptions& options) {
  std::string line = fmt::format("qdisc {} {} ", report.kind, qdisc_handle(report.handle));
  if (command.dev.empty()) line += fmt::format("dev {} ", report.dev);
  line += report.parent == control::kRootParent ? "root " : "parent " + handle_name(report.parent) + " ";
  if (report.refcount != 1) line += fmt::format("refcnt {} ", report.refcount);
  if (report.ingress_block != 0) line += fmt::format("ingress_block {} ", report.ingress_block);
  if (report.egress_block != 0) line += fmt::format("egress_block {} ", report.egress_block);
  if (report.kind == "ingress") line += "---------------- ";
  line += '\n';
  if (!options.statistics) return line;
  const device::QdiscStats& stats = report.stats;
  return line +
         fmt::format(" Sent {} bytes {} pkt (dropped {}, overlimits 0 requeues 0) \n", stats.bytes,
                     stats.packets, stats.drops) +
         " backlog 0b 0p requeues 0\n";
}

Json json_of(const QdiscCommand& command, const QdiscReport& report, const PrintOptions& options) {
  Json json{{"kind", report.kind}, {"handle", qdisc_handle(report.handle)}};
  if (command.dev.empty()) json["dev"] = report.dev;
  if (report.parent == control::kRootParent) {
    json["root"] = true;
  } else {
    json["parent"] = handle_name(report.parent);
  }
  if (report.refcount != 1) json["refcnt"] = report.refcount;
  if (report.ingress_block != 0) json["ingress_block"] = report.ingress_block;
  if (report.egress_block != 0) json["egress_block"] = report.egress_block;
  json["options"] = Json::object();
  if (!options.statistics) return json;
  json["bytes"] = report.stats.bytes;
  json["packets"] = report.stats.packets;
  json["drops"] = report.stats.drops;
  for (const char* const none : {"overlimits", "requeues", "backlog", "qlen"}) json[none] = 0;
  return json;
}

// ---- filters ----

// Which of the columns are left out, since the command says them.
struct Columns {
  bool dev, block, parent, protocol, priority, chain;

  Columns(const FilterCommand& command, const FilterReport& report)
      : dev(command.dev != report.dev),
        block(command.block != report.parent),
        parent(command.verb == Verb::kGet || command.parent != report.parent),
        protocol(command.verb == Verb::kGet || command.protocol != report.protocol),
        priority(command.verb == Verb::kGet || command.priority != report.priority),
        chain(command.chain != report.chain) {}
};

// The word for a direction; empty: the parent is none of the two.
std::string_view direction_name(std::uint32_t parent) {
  if (parent == control::kIngressFilters) return "ingress";
  if (parent == control::kEgressFilters) return "egress";
  return {};
}

std::string tag_name(const std::array<std::uint8_t, 8>& tag) {
  return fmt::format("{:02x}", fmt::join(tag, ""));
}

constexpr struct {
  control::ClassifierFlag flag;
  std::string_view name;
} kClassifierFlags[] = {{control::kSkipHw, "skip_hw"},
                        {control::kSkipSw, "skip_sw"},
                        {control::kInHw, "in_hw"},
                        {control::kNotInHw, "not_in_hw"}};

std::string text_of(const FilterOptions& filter, const PrintOptions& options) {
  std::string text;
  if (filter.classid != 0) text += fmt::format("flowid {} ", handle_name(filter.classid));
  if (!filter.name.empty()) text += filter.name + " ";
  if ((filter.flags & control::kBpfDirectAction) != 0) text += "direct-action ";
  for (const auto& [flag, name] : kClassifierFlags)
    if ((filter.gen_flags & flag) != 0) text += fmt::format("{} ", name);
  const control::FilterProgram& program = filter.program;
  text += fmt::format("id {} name {} tag {} ", program.id, program.name, tag_name(program.tag));
  if (program.jited) text += "jited ";
  if (options.details) text += fmt::format("load_time {} created_by_uid {} ", program.load_time, program.uid);
  return text;
}

std::string text_of(const FilterCommand& command, const FilterReport& report, const PrintOptions& options) {
  const Columns columns(command, report);
  std::string line = "filter ";
  if (report.dev.empty()) {
    if (columns.block) line += fmt::format("block {} ", report.parent);
  } else {
    if (columns.dev) line += fmt::format("dev {} ", report.dev);
    if (columns.parent) {
      const std::string_view direction = direction_name(report.parent);
      line += direction.empty() ? fmt::format("parent {} ", handle_name(report.parent))
                                : fmt::format("{} ", direction);
    }
  }
  if (columns.protocol) line += fmt::format("protocol {} ", protocol_name(report.protocol));
  if (columns.priority) line += fmt::format("pref {} ", report.priority);
  line += "bpf ";
  if (columns.chain) line += fmt::format("chain {} ", report.chain);
  if (report.options)
    line += fmt::format("handle 0x{:x} {}", report.handle, text_of(*report.options, options));
  return line + "\n";
}

Json json_of(std::uint32_t handle, const FilterOptions& filter, const PrintOptions& options) {
  Json json{{"handle", fmt::format("0x{:x}", handle)}};
  if (filter.classid != 0) json["flowid"] = handle_name(filter.classid);
  if (!filter.name.empty()) json["bpf_name"] = filter.name;
  if ((filter.flags & control::kBpfDirectAction) != 0) json["direct-action"] = true;
  for (const auto& [flag, name] : kClassifierFlags)
    if ((filter.gen_flags & flag) != 0) json[name] = true;
  const control::FilterProgram& program = filter.program;
  Json& shown = json["prog"];
  shown = {{"id", program.id},
           {"name", program.name},
           {"tag", tag_name(program.tag)},
           {"jited", program.jited ? 1 : 0}};
  if (!options.details) return json;
  shown["load_time"] = program.load_time;
  shown["created_by_uid"] = program.uid;
  return json;
}

Json json_of(const FilterCommand& command, const FilterReport& report, const PrintOptions& options) {
  const Columns columns(command, report);
  Json json = Json::object();
  if (report.dev.empty()) {
    if (columns.block) json["block"] = report.parent;
  } else {
    if (columns.dev) json["dev"] = report.dev;
    if (columns.parent) {
      const std::string_view direction = direction_name(report.parent);
      if (direction.empty()) {
        json["parent"] = handle_name(report.parent);
      } else {
        json[direction] = true;
      }
    }
  }
  if (columns.protocol) json["protocol"] = protocol_name(report.protocol);
  if (columns.priority) json["pref"] = report.priority;
  json["kind"] = "bpf";
  if (columns.chain) json["chain"] = report.chain;
  if (report.options) json["options"] = json_of(report.handle, *report.options, options);
  return json;
}

}  // namespace

std::string to_text(const QdiscCommand& command, std::span<const QdiscReport> reports,
                    const PrintOptions& options) {
  std::string text;
  for (const QdiscReport& report : reports)
    if (asked_for(command, report)) text += text_of(command, report, options);
  return text;
}

Json to_json(const QdiscCommand& command, std::span<const QdiscReport> reports, const PrintOptions& options) {
  Json json = Json::array();
  for (const QdiscReport& report : reports)
    if (asked_for(command, report)) json.push_back(json_of(command, report, options));
  return json;
}

std::string to_text(const FilterCommand& command, std::span<const FilterReport> reports,
                    const PrintOptions& options) {
  std::string text;
  for (const FilterReport& report : reports) text += text_of(command, report, options);
  return text;
}

Json to_json(const FilterCommand& command, std::span<const FilterReport> reports,
             const PrintOptions& options) {
  Json json = Json::array();
  for (const FilterReport& report : reports) json.push_back(json_of(command, report, options));
  return json;
}

}  // namespace netkit::cli::tc
