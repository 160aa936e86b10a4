// How a run came to its fault, found out afterwards: nobody watches a run that is not traced, so it is made
// again, from the beginning and twice. The first time its instructions are counted, the second time the last
// of them are followed.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <vector>

#include "bpf/trace/record.h"
#include "cli/prog/files.h"
#include "cli/prog/session.h"

namespace netkit::cli {

inline constexpr std::size_t kShownBeforeFault = 20;  // instructions, or lines of a trace

struct FaultStory {
  RunSession session;                           // whose source lines the records name
  std::deque<bpf::TraceRecord> last{};          // at most kShownBeforeFault
  std::vector<bpf::NamedRegister> registers{};  // before the last instruction
};

// The last of the packets is the one with the fault. An error where it does not happen again.
[[nodiscard]] Result<FaultStory> replay_fault(const RunArguments& arguments,
                                              std::span<const CapturedPacket> packets,
                                              const std::vector<std::byte>& context);

}  // namespace netkit::cli
