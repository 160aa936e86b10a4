// bpf_trace_printk, bpf_trace_vprintk, bpf_snprintf, and the kfunc bpf_stream_vprintk.
#include <array>
#include <cerrno>
#include <cstring>

#include "bpf/helper/bprintf.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/kfunc.h"
#include "bpf/run/trace_log.h"

namespace netkit::bpf {
namespace {

constexpr std::size_t kMaxLine = 1024;  // MAX_BPRINTF_BUF, terminating zero included

// Formats and hands one line to the outside. Returns the length of the text as it would be uncut.
std::int64_t trace(RunContext& run, const char* format, std::uint32_t format_size,
                   std::span<const std::uint64_t> arguments) {
  const std::size_t length = ::strnlen(format, format_size);
  if (length == format_size) return -EINVAL;
  std::array<char, kMaxLine> line;
  const std::int64_t result = bprintf(line, {format, length}, arguments, run.regions);
  if (result < 0) return result;
  std::string_view text(line.data());
  if (text.ends_with('\n')) text.remove_suffix(1);
  const Outside& outside = *run.outside;
  if (outside.trace != nullptr) outside.trace(outside.trace_self, text);
  TraceLog::instance().publish(run.cpu, text);
  return result;
}

std::int64_t trace_printk(RunContext& run, const char* format, std::uint32_t format_size, std::uint64_t a1,
                          std::uint64_t a2, std::uint64_t a3) {
  return trace(run, format, format_size, std::array{a1, a2, a3});
}

// An array of 64-bit arguments in the program's memory.
[[nodiscard]] bool valid_arguments(const std::uint64_t* arguments, std::uint32_t bytes) {
  return bytes % 8 == 0 && bytes <= kMaxPrintArguments * 8 && (bytes == 0 || arguments != nullptr);
}

// The array may stand at any address, so it is copied.
class Arguments {
 public:
  Arguments(const std::uint64_t* from, std::uint32_t bytes) : count_(bytes / 8) {
    if (bytes != 0) std::memcpy(values_.data(), from, bytes);
  }
  [[nodiscard]] std::span<const std::uint64_t> values() const { return {values_.data(), count_}; }

 private:
  std::size_t count_;
  std::array<std::uint64_t, kMaxPrintArguments> values_;
};

std::int64_t trace_vprintk(RunContext& run, const char* format, std::uint32_t format_size,
                           const std::uint64_t* arguments, std::uint32_t arguments_size) {
  if (!valid_arguments(arguments, arguments_size)) return -EINVAL;
  return trace(run, format, format_size, Arguments(arguments, arguments_size).values());
}

// Returns the length of the whole text, its zero included.
std::int64_t snprintf(RunContext& run, char* text, std::uint32_t text_size, const char* format,
                      const std::uint64_t* arguments, std::uint32_t arguments_size) {
  if (!valid_arguments(arguments, arguments_size)) return -EINVAL;
  const std::int64_t result =
      bprintf({text, text_size}, format, Arguments(arguments, arguments_size).values(), run.regions);
  return result < 0 ? result : result + 1;
}

// The streams of a program, of which standard output and standard error are two.
enum Stream : std::int32_t { kStdout = 1, kStderr = 2 };

std::int32_t stream_vprintk(RunContext& run, std::int32_t stream, const char* format,
                            const std::uint64_t* arguments, std::uint32_t arguments_size) {
  if (stream != kStdout && stream != kStderr) return -ENOENT;
  if (!valid_arguments(arguments, arguments_size)) return -EINVAL;
  std::array<char, kMaxLine> text;
  const std::int64_t result =
      bprintf(text, format, Arguments(arguments, arguments_size).values(), run.regions);
  if (result < 0) return static_cast<std::int32_t>(result);
  const Outside& outside = *run.outside;
  if (outside.stream != nullptr) outside.stream(outside.trace_self, run, stream, text.data());
  return 0;
}

constexpr Helper kHelpers[] = {
    {.number = 6,
     .name = "trace_printk",
     // R3 to R5 may hold anything, even nothing (ARG_DONTCARE): the format says which of them count.
     .contract = {.arguments = {Arg::kMem, Arg::kSize}, .effects = kGplOnly | kNeedsPerfmon},
     .function = helper_call<trace_printk>},
    {.number = 165,
     .name = "snprintf",
     .contract = {.arguments = {Arg::kOutMemOrNull, Arg::kSizeOrZero, Arg::kConstString, Arg::kMemOrNull,
                                Arg::kSizeOrZero},
                  .effects = kGplOnly | kNeedsPerfmon},
     .function = helper_call<snprintf>},
    {.number = 177,
     .name = "trace_vprintk",
     .contract = {.arguments = {Arg::kMem, Arg::kSize, Arg::kMemOrNull, Arg::kSizeOrZero},
                  .effects = kGplOnly | kNeedsPerfmon},
     .function = helper_call<trace_vprintk>},
};

// With the program's own description behind them, which no program passes itself, as in 6.18, and without.
constexpr Contract kStream = {
    .arguments = {Arg::kAnything, Arg::kConstString, Arg::kMemOrNull, Arg::kSizeOrZero, Arg::kAnything}};
constexpr Helper kKfuncs[] = {
    {.name = "bpf_stream_vprintk", .contract = kStream, .function = helper_call<stream_vprintk>},
    {.name = "bpf_stream_vprintk_impl", .contract = kStream, .function = helper_call<stream_vprintk>},
};

}  // namespace

std::span<const Helper> print_helpers() {
  return kHelpers;
}

std::span<const Helper> stream_kfuncs() {
  return kKfuncs;
}

}  // namespace netkit::bpf
