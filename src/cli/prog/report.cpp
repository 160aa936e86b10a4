#include "cli/prog/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "bpf/object/image.h"
#include "cli/map_data.h"
#include "cli/prog/verdict.h"

namespace netkit::cli {
namespace {

constexpr std::size_t kRow = 16;

std::string hex_of(std::span<const std::byte> bytes) {
  std::string digits;
  for (const std::byte byte : bytes)
    fmt::format_to(std::back_inserter(digits), "{:02x}", std::to_integer<unsigned>(byte));
  return digits;
}

std::string verdict_text(const RunArguments& arguments, const bpf::TestOutput& output) {
  const std::string_view name = verdict_name(output.retval());
  std::string text(name);
  if (name != "redirect") return text;
  const std::string where = redirect_text(output.redirect, arguments.devices);
  if (!where.empty()) return text + " " + where;
  return text +
         (arguments.engine == RunEngine::kKernel ? "; the kernel does not tell where" : " without a target");
}

std::string_view access_name(bpf::TraceAccess kind) {
  switch (kind) {
    case bpf::TraceAccess::kRead:
      return "read";
    case bpf::TraceAccess::kWrite:
      return "write";
    case bpf::TraceAccess::kAtomic:
      return "atomic";
  }
  return "";
}

OrderedJson event_json(const bpf::TracedAccess& access) {
  return {{"access", access_name(access.kind)},
          {"size", access.size},
          {"place", access.place},
          {"value", access.value}};
}

OrderedJson event_json(const bpf::TracedCall& call) {
  OrderedJson json{{"call", call.name}, {"args", call.arguments}};
  if (call.result) json["result"] = *call.result;
  return json;
}

MapShape shape_of(const bpf::MapSpec& map) {
  return MapShape(Json{{"type", static_cast<std::uint32_t>(map.type)},
                       {"key_size", map.key_size},
                       {"value_size", map.value_size}});
}

Result<std::vector<bpf::MapSpec>> dumped_maps(const RunArguments& arguments, const bpf::TestEngine& engine) {
  std::vector<bpf::MapSpec> maps = engine.maps();
  if (arguments.dumped.empty()) return maps;
  std::vector<bpf::MapSpec> wanted;
  for (const std::string& name : arguments.dumped) {
    const auto map = std::ranges::find(maps, name, &bpf::MapSpec::name);
    if (map == maps.end()) return fail(ENOENT, fmt::format("{}: no map {}", arguments.object, quote(name)));
    wanted.push_back(*map);
  }
  return wanted;
}

}  // namespace

std::string hex_dump(std::span<const std::uint8_t> bytes) {
  std::string text;
  const auto out = std::back_inserter(text);
  for (std::size_t at = 0; at < bytes.size(); at += kRow) {
    const auto row = bytes.subspan(at, std::min(kRow, bytes.size() - at));
    fmt::format_to(out, "{:07x}\t", at);
    for (std::size_t i = 0; i < kRow; ++i) {
      text += i < row.size() ? fmt::format("{:02x}", row[i]) : "  ";
      if (i % 2 == 1) text += ' ';
    }
    text += "| ";
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i] >= ' ' && row[i] <= '~' ? static_cast<char>(row[i]) : '.';
      if (i == kRow / 2 - 1) text += ' ';
    }
    text += '\n';
  }
  return text;
}

std::string result_text(const RunArguments& arguments, const bpf::TestOutput& output) {
  std::string text;
  const auto out = std::back_inserter(text);
  if (output.runs.size() > 1) {
    for (const bpf::ProgramRun& run : output.runs)
      fmt::format_to(out, "{}: {} ({})\n", run.program, run.retval, verdict_name(run.retval));
  }
  fmt::format_to(out, "Return value: {}, duration{}: {}ns\n", output.retval(),
                 arguments.repeat > 1 ? " (average)" : "", output.duration);
  fmt::format_to(out, "Verdict: {}\n", verdict_text(arguments, output));
  for (const bpf::SentClone& clone : output.clones)
    fmt::format_to(out, "Clone of {} bytes sent to {}{}\n", clone.length,
                   device_text(clone.ifindex, arguments.devices), clone.flags != 0 ? ", ingress" : "");
  return text;
}

std::string packet_line(const RunArguments& arguments, const bpf::TestOutput& output, std::size_t number) {
  std::string text = fmt::format("{}: ", number);
  if (output.runs.size() > 1) {
    for (const bpf::ProgramRun& run : output.runs) text += fmt::format("{} {}, ", run.program, run.retval);
  }
  text += fmt::format("return value {}, {} bytes, {}", output.retval(), output.data_size,
                      verdict_text(arguments, output));
  for (const bpf::SentClone& clone : output.clones)
    text += fmt::format(", clone to {}", device_text(clone.ifindex, arguments.devices));
  return text + "\n";
}

OrderedJson result_json(const RunArguments& arguments, const bpf::TestOutput& output) {
  OrderedJson json;
  if (arguments.data_out == "-") json["data_out"] = output.data;
  if (arguments.ctx_out == "-") {
    json["ctx_out"] = OrderedJson::array();
    for (const std::byte byte : output.context) json["ctx_out"].push_back(std::to_integer<unsigned>(byte));
  }
  json["retval"] = output.retval();
  json["duration"] = output.duration;
  json["verdict"] = verdict_name(output.retval());
  json["length"] = output.data_size;
  if (verdict_name(output.retval()) == "redirect")
    json["redirect"] = redirect_json(output.redirect, arguments.devices);
  if (output.runs.size() > 1) {
    for (const bpf::ProgramRun& run : output.runs)
      json["programs"].push_back(
          {{"name", run.program}, {"retval", run.retval}, {"verdict", verdict_name(run.retval)}});
  }
  for (const bpf::SentClone& clone : output.clones)
    json["clones"].push_back({{"ifindex", clone.ifindex}, {"flags", clone.flags}, {"length", clone.length}});
  return json;
}

OrderedJson trace_json(const bpf::TraceRecord& record) {
  OrderedJson json{{"program", record.program}, {"insn", record.insn}, {"depth", record.depth}};
  if (!record.disasm.empty()) json["disasm"] = record.disasm;
  if (record.line != nullptr) {
    json["file"] = record.line->file;
    json["line"] = record.line->line;
    json["src"] = record.line->text;
  }
  for (const bpf::TracedEvent& event : record.events)
    json["events"].push_back(std::visit([](const auto& one) { return event_json(one); }, event));
  if (!record.registers.empty()) json["registers"] = registers_json(record.registers);
  return json;
}

std::string registers_text(std::span<const bpf::NamedRegister> registers) {
  std::string text;
  for (const auto& [number, value] : registers) text += fmt::format(" r{}={}", number, value);
  return text;
}

OrderedJson registers_json(std::span<const bpf::NamedRegister> registers) {
  OrderedJson json = OrderedJson::object();
  for (const auto& [number, value] : registers) json["r" + std::to_string(number)] = value;
  return json;
}

Result<std::string> maps_text(const RunArguments& arguments, bpf::TestEngine& engine) {
  std::string text;
  for (const bpf::MapSpec& map : TRY(dumped_maps(arguments, engine))) {
    const MapShape shape = shape_of(map);
    std::size_t count = 0;
    text += fmt::format("map {}\n", map.name);
    TRY(engine.visit_map(map.name, [&](auto key, auto value) {
      text += shape.to_text(hex_of(key), hex_of(value));
      ++count;
      return true;
    }));
    text += fmt::format("Found {} element{}\n", count, count == 1 ? "" : "s");
  }
  return text;
}

Result<OrderedJson> maps_json(const RunArguments& arguments, bpf::TestEngine& engine) {
  OrderedJson json = OrderedJson::object();
  for (const bpf::MapSpec& map : TRY(dumped_maps(arguments, engine))) {
    const MapShape shape = shape_of(map);
    OrderedJson& entries = json[map.name] = OrderedJson::array();
    TRY(engine.visit_map(map.name, [&](auto key, auto value) {
      entries.push_back(shape.to_json(hex_of(key), hex_of(value)));
      return true;
    }));
  }
  return json;
}

}  // namespace netkit::cli
