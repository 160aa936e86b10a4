// What a trace tells of executed instructions, ready to be shown.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace netkit::bpf {

struct SourceLine;  // bpf/object/image.h

enum class TraceAccess : std::uint8_t { kRead, kWrite, kAtomic };

// Memory that an instruction touched.
struct TracedAccess {
  TraceAccess kind = TraceAccess::kRead;
  std::uint32_t size = 0;  // bytes
  std::string place;       // "packet+12", "counts[00000000]+0", "fp-8", "skb->mark"
  std::string value;       // what was read or written; of an atomic operation the operand; empty: it
                           // was not to be
};

struct TracedCall {
  std::string name;                    // "bpf_map_lookup_elem", or a function of the program
  std::vector<std::string> arguments;  // of a helper
  std::optional<std::string> result;   // none: nothing is returned, or the run ended inside
};

using TracedEvent = std::variant<TracedAccess, TracedCall>;

// What a register holds: its number and the value in words.
using NamedRegister = std::pair<std::uint8_t, std::string>;

// Consecutive instructions of one source line, or a single instruction.
struct TraceRecord {
  std::string program;
  std::uint32_t insn = 0;             // the first
  std::uint32_t depth = 0;            // open frames below this one
  const SourceLine* line = nullptr;   // none: the object has no line information; lives as the program does
  std::string disasm{};               // of a single instruction: "(61) r2 = *(u32 *)(r1 +8)"
  std::vector<TracedEvent> events{};  // in order
  std::vector<NamedRegister> registers{};  // that have changed, with what they hold in the end
};

// One line: "nat.c:31: skb->mark += 1;  | u32 skb->mark -> 5, u32 skb->mark <- 6 | r2=6".
[[nodiscard]] std::string to_text(const TraceRecord& record);

}  // namespace netkit::bpf
