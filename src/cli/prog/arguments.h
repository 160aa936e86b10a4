// The words behind `netkit prog run OBJECT`: those of `bpftool prog run`, in any order, and our options.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bpf/test_run/runner.h"
#include "bpf/trace/tracer.h"
#include "cli/words.h"

namespace netkit::cli {

enum class RunEngine : std::uint8_t { kInterpreter, kKernel };

struct RunArguments {
  std::string object;
  std::vector<std::string>
      chain;            // --prog, then each --then; without --prog the first is empty: the only one
  std::string data_in;  // file names; "-": standard input or output; empty: none
  std::string data_out;
  std::string ctx_in;
  std::string ctx_out;
  std::uint32_t data_size_out = 0;  // 0: as much as there is
  std::optional<std::uint32_t> ctx_size_out{};
  std::uint32_t repeat = 1;
  std::vector<std::pair<std::string, std::string>> maps;       // --map NAME=FILE
  std::vector<std::pair<std::string, std::string>> variables;  // --var NAME=VALUE
  bool dump_maps = false;
  std::vector<std::string> dumped{};  // --map-dump NAME; none: all
  std::vector<bpf::TestDevice> devices{};
  RunEngine engine = RunEngine::kInterpreter;
  std::string btf;  // --btf: types of the kernel in place of ours, "kernel" or a file
  std::optional<bpf::TraceGrain> trace{};
};

inline constexpr std::string_view kRunUsage =
    R"(netkit prog run OBJECT [ --prog NAME ] [ --then NAME ]... data_in FILE [ data_out FILE [ data_size_out L ] ]
         [ ctx_in FILE [ ctx_out FILE [ ctx_size_out M ] ] ] [ repeat N ] [ --trace[=line|insn] ]
         [ --map NAME=FILE ]... [ --map-dump[=NAME] ]... [ --var NAME=VALUE ]... [ --dev IFINDEX[=NAME[,MTU]] ]...
         [ --engine interp|kernel ] [ --btf kernel|FILE ]
         FILE := bytes, `-`, or packets in a .pcap or .pcapng)";

[[nodiscard]] Result<RunArguments> read_run_arguments(Words words);

// Whether packets stand in that file by its name: ".pcap", ".pcapng", ".cap".
[[nodiscard]] bool is_capture(std::string_view file);

}  // namespace netkit::cli
