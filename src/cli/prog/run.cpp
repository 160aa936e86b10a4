#include "cli/prog/run.h"

#include <fmt/format.h>

#include <cstdio>
#include <deque>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "bpf/trace/tracer.h"
#include "cli/errors.h"
#include "cli/print.h"
#include "cli/prog/arguments.h"
#include "cli/prog/files.h"
#include "cli/prog/replay.h"
#include "cli/prog/report.h"
#include "cli/prog/session.h"
#include "cli/prog/verdict.h"

namespace netkit::cli {
namespace {

// The trace of one run: printed as it comes, or gathered for JSON; its end is kept for a fault.
class TraceOutput {
 public:
  enum class Mode : std::uint8_t { kPrint, kGather };
  TraceOutput(Mode mode, bpf::TraceGrain grain)
      : mode_(mode), tracer_(grain, [this](const bpf::TraceRecord& record) { take(record); }) {}

  [[nodiscard]] bpf::Tracer& tracer() { return tracer_; }
  void printk(std::string_view line) {
    if (mode_ == Mode::kPrint) print(fmt::format("bpf_trace_printk: {}\n", line));
    if (mode_ == Mode::kGather) gathered_.push_back(OrderedJson{{"printk", line}});
  }
  [[nodiscard]] OrderedJson take_gathered() { return std::exchange(gathered_, OrderedJson::array()); }
  [[nodiscard]] const std::deque<bpf::TraceRecord>& last() const { return last_; }

 private:
  void take(const bpf::TraceRecord& record) {
    if (mode_ == Mode::kPrint) print(to_text(record) + "\n");
    if (mode_ == Mode::kGather) gathered_.push_back(trace_json(record));
    last_.push_back(record);
    if (last_.size() > kShownBeforeFault) last_.pop_front();
  }

  Mode mode_;
  OrderedJson gathered_ = OrderedJson::array();
  std::deque<bpf::TraceRecord> last_;
  bpf::Tracer tracer_;
};

class Command {
 public:
  Command(const Options& options, RunArguments arguments)
      : options_(&options), arguments_(std::move(arguments)) {}

  Result<> run() {
    TRY(read_input());
    if (arguments_.trace) {
      trace_.emplace(options_->json ? TraceOutput::Mode::kGather : TraceOutput::Mode::kPrint,
                     *arguments_.trace);
    }
    RunSession session = TRY(RunSession::open(arguments_, [this](std::string_view line) { printk(line); }));
    if (trace_) session.observe(&trace_->tracer());
    for (std::size_t number = 0; number < packets_.size(); ++number) {
      const auto output = session.run(arguments_, packets_[number].bytes, context_);
      if (!output) return failed(output.error(), number);
      TRY(tell(*output, number));
    }
    return finish(session);
  }

 private:
  [[nodiscard]] bool many() const { return is_capture(arguments_.data_in); }

  Result<> read_input() {
    if (!arguments_.ctx_in.empty()) {
      const auto bytes = TRY(read_whole(arguments_.ctx_in));
      const auto raw = std::as_bytes(std::span(bytes));
      context_.assign(raw.begin(), raw.end());
      if (context_.empty()) return fail(EINVAL, arguments_.ctx_in + ": the context is empty");
    }
    if (many()) {
      packets_ = TRY(read_capture(arguments_.data_in));
    } else {
      packets_.push_back({.when = realtime_ns(), .bytes = TRY(read_whole(arguments_.data_in))});
    }
    if (is_capture(arguments_.data_out)) capture_ = TRY(CaptureWriter::create(arguments_.data_out));
    return {};
  }

  void printk(std::string_view line) {
    if (trace_) return trace_->printk(line);
    std::fprintf(stderr, "bpf_trace_printk: %.*s\n", static_cast<int>(line.size()), line.data());
  }

  Result<> write_output(const bpf::TestOutput& output, Nanoseconds when) {
    if (capture_) {
      capture_->write(output.data, when);
    } else if (arguments_.data_out == "-") {
      if (!options_->json) print(hex_dump(output.data));
    } else if (!arguments_.data_out.empty()) {
      TRY(write_whole(arguments_.data_out, output.data));
    }
    const std::span context(reinterpret_cast<const std::uint8_t*>(output.context.data()),
                            output.context.size());
    if (arguments_.ctx_out == "-") {
      if (!options_->json) print(hex_dump(context));
    } else if (!arguments_.ctx_out.empty()) {
      TRY(write_whole(arguments_.ctx_out, context));
    }
    return {};
  }

  Result<> tell(const bpf::TestOutput& output, std::size_t number) {
    TRY(write_output(output, packets_[number].when));
    ++verdicts_[std::string(verdict_name(output.retval()))];
    if (options_->json) {
      OrderedJson json = result_json(arguments_, output);
      if (trace_) json["trace"] = trace_->take_gathered();
      results_.push_back(std::move(json));
    } else {
      print(many() ? packet_line(arguments_, output, number + 1) : result_text(arguments_, output));
    }
    return {};
  }

  Result<> finish(RunSession& session) {
    if (capture_) TRY(capture_->finish());
    if (!options_->json) {
      if (many()) print(summary());
      if (arguments_.dump_maps) print(TRY(maps_text(arguments_, session.engine())));
      return {};
    }
    OrderedJson json;
    if (many()) {
      json["packets"] = std::move(results_);
    } else {
      json = std::move(results_.front());
    }
    if (arguments_.dump_maps) json["maps"] = TRY(maps_json(arguments_, session.engine()));
    print(json, *options_);
    return {};
  }

  // "tcp.pcap: 12 packets: 10 pass, 2 drop"
  [[nodiscard]] std::string summary() const {
    std::string text =
        fmt::format("{}: {} packet{}", arguments_.data_in, packets_.size(), packets_.size() == 1 ? "" : "s");
    std::string_view separator = ": ";
    for (const auto& [name, count] : verdicts_) {
      text += fmt::format("{}{} {}", separator, count, name);
      separator = ", ";
    }
    return text + "\n";
  }

  // The error, with the way to it if it is a program's fault.
  Failure failed(Error error, std::size_t number) {
    if (many()) error.text = fmt::format("packet {}: {}", number + 1, error.text);
    if (error.code == EFAULT && arguments_.engine == RunEngine::kInterpreter) explain(error, number);
    return Failure(std::move(error));
  }

  void explain(const Error& error, std::size_t number) {
    if (trace_) return show_fault(error, trace_->last(), trace_->tracer().registers());
    const auto story = replay_fault(arguments_, std::span(packets_).first(number + 1), context_);
    if (story) show_fault(error, story->last, story->registers);
  }

  void show_fault(const Error& error, const std::deque<bpf::TraceRecord>& last,
                  std::span<const bpf::NamedRegister> registers) {
    if (options_->json) {
      OrderedJson json{{"error", error.text}, {"trace", OrderedJson::array()}};
      for (const bpf::TraceRecord& record : last) json["trace"].push_back(trace_json(record));
      json["registers"] = registers_json(registers);
      print(json, *options_);
      return;
    }
    // What was traced has been printed.
    if (!trace_) {
      for (const bpf::TraceRecord& record : last) std::fprintf(stderr, "%s\n", to_text(record).c_str());
    }
    std::fprintf(stderr, "registers:%s\n", registers_text(registers).c_str());
  }

  const Options* options_;
  RunArguments arguments_;
  std::vector<CapturedPacket> packets_;
  std::vector<std::byte> context_;
  std::optional<CaptureWriter> capture_;
  std::optional<TraceOutput> trace_;
  OrderedJson results_ = OrderedJson::array();
  std::map<std::string, std::size_t> verdicts_;
};

}  // namespace

Result<> run_programs(const Options& options, Words words) {
  return Command(options, TRY(read_run_arguments(words))).run();
}

}  // namespace netkit::cli
