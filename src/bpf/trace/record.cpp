#include "bpf/trace/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "bpf/object/image.h"

namespace netkit::bpf {
namespace {

constexpr std::size_t kIndent = 2;        // columns for each open frame
constexpr std::size_t kEventColumn = 64;  // where what happened begins

std::string where(const TraceRecord& record) {
  if (!record.disasm.empty()) return fmt::format("{:4}: {}", record.insn, record.disasm);
  const std::string& file = record.line->file;
  const std::string& text = record.line->text;
  return fmt::format("{}:{}: {}", file.substr(file.find_last_of('/') + 1), record.line->line,
                     text.substr(std::min(text.find_first_not_of(" \t"), text.size())));
}

std::string_view arrow(TraceAccess kind) {
  switch (kind) {
    case TraceAccess::kRead:
      return "->";
    case TraceAccess::kWrite:
      return "<-";
    case TraceAccess::kAtomic:
      return "<>";
  }
  return "?";
}

std::string text_of(const TracedAccess& access) {
  return fmt::format("u{} {} {} {}", access.size * 8, access.place, arrow(access.kind),
                     access.value.empty() ? "?" : access.value);
}

std::string text_of(const TracedCall& call) {
  return fmt::format("{}({}){}", call.name, fmt::join(call.arguments, ", "),
                     call.result ? " = " + *call.result : "");
}

}  // namespace

std::string to_text(const TraceRecord& record) {
  std::vector<std::string> events;
  for (const TracedEvent& event : record.events)
    events.push_back(std::visit([](const auto& one) { return text_of(one); }, event));
  std::string text = std::string(record.depth * kIndent, ' ') + where(record);
  if (events.empty() && record.registers.empty()) return text;
  text = fmt::format("{:<{}} |", text, kEventColumn);
  if (!events.empty()) text += fmt::format(" {}", fmt::join(events, ", "));
  if (record.registers.empty()) return text;
  if (!events.empty()) text += " |";
  for (const auto& [number, value] : record.registers) text += fmt::format(" r{}={}", number, value);
  return text;
}

}  // namespace netkit::bpf
