#include "cli/prog/arguments.h"

#include <algorithm>
#include <array>
#include <span>

#include "base/text.h"
#include "cli/errors.h"

namespace netkit::cli {
namespace {

constexpr std::uint32_t kLoopback = 1;

// An option in one word or two: "--map=NAME=FILE", "--map NAME=FILE".
class Option {
 public:
  Option(std::string_view word, Words& words) : words_(&words) {
    const std::size_t equals = word.find('=');
    name_ = word.substr(0, equals);
    if (equals != std::string_view::npos) attached_ = word.substr(equals + 1);
  }

  [[nodiscard]] std::string_view name() const { return name_; }
  // What stands behind "=" in the same word, if anything.
  [[nodiscard]] std::optional<std::string_view> attached() const { return attached_; }
  [[nodiscard]] Result<std::string_view> value() {
    if (attached_) return *attached_;
    return words_->value(name_);
  }
  // NAME=VALUE.
  [[nodiscard]] Result<std::pair<std::string, std::string>> pair(std::string_view form) {
    const std::string_view both = TRY(value());
    const std::size_t equals = both.find('=');
    if (equals == 0 || equals == std::string_view::npos)
      return usage_error("'" + std::string(name_) + "' takes " + std::string(form) + ", not " + quote(both));
    return std::pair(std::string(both.substr(0, equals)), std::string(both.substr(equals + 1)));
  }

 private:
  Words* words_;
  std::string_view name_;
  std::optional<std::string_view> attached_;
};

using Take = Result<> (*)(RunArguments& run, Option& option);

Result<> take_prog(RunArguments& run, Option& option) {
  if (!run.chain.front().empty())
    return usage_error("'--prog' is there twice: say `--then` for the next one");
  run.chain.front() = TRY(option.value());
  return {};
}
Result<> take_then(RunArguments& run, Option& option) {
  run.chain.emplace_back(TRY(option.value()));
  return {};
}
Result<> take_map(RunArguments& run, Option& option) {
  run.maps.push_back(TRY(option.pair("NAME=FILE")));
  return {};
}
Result<> take_variable(RunArguments& run, Option& option) {
  run.variables.push_back(TRY(option.pair("NAME=VALUE")));
  return {};
}
Result<> take_map_dump(RunArguments& run, Option& option) {
  run.dump_maps = true;
  if (option.attached()) run.dumped.emplace_back(*option.attached());
  return {};
}
Result<> take_engine(RunArguments& run, Option& option) {
  constexpr std::string_view kEngines[] = {"interp", "kernel"};
  const bool kernel = TRY(choose(TRY(option.value()), kEngines, "engine")) == "kernel";
  run.engine = kernel ? RunEngine::kKernel : RunEngine::kInterpreter;
  return {};
}
Result<> take_btf(RunArguments& run, Option& option) {
  run.btf = TRY(option.value());
  return {};
}
Result<> take_trace(RunArguments& run, Option& option) {
  constexpr std::string_view kGrains[] = {"line", "insn"};
  const std::string_view grain = TRY(choose(option.attached().value_or("line"), kGrains, "kind of trace"));
  run.trace = grain == "insn" ? bpf::TraceGrain::kInsn : bpf::TraceGrain::kLine;
  return {};
}
// IFINDEX[=NAME[,MTU]]
Result<> take_device(RunArguments& run, Option& option) {
  const std::string_view text = TRY(option.value());
  const std::size_t equals = std::min(text.find('='), text.size());
  const std::string_view rest = text.substr(std::min(equals + 1, text.size()));
  const std::size_t comma = std::min(rest.find(','), rest.size());
  bpf::TestDevice device{
      .ifindex = static_cast<std::uint32_t>(TRY(parse_number(text.substr(0, equals), option.name()))),
      .name = std::string(rest.substr(0, comma))};
  if (device.ifindex <= kLoopback)
    return usage_error("'--dev' takes an ifindex from 2 on: 1 is the loopback device");
  if (comma < rest.size())
    device.mtu = static_cast<std::uint32_t>(TRY(parse_number(rest.substr(comma + 1), option.name())));
  run.devices.push_back(std::move(device));
  return {};
}

struct OptionWord {
  std::string_view name;
  Take take;
};
constexpr OptionWord kOptions[] = {
    {"--prog", take_prog},         {"--then", take_then},    {"--map", take_map},
    {"--map-dump", take_map_dump}, {"--var", take_variable}, {"--engine", take_engine},
    {"--trace", take_trace},       {"--dev", take_device},   {"--btf", take_btf},
};

Result<> take_option(RunArguments& run, std::string_view word, Words& words) {
  Option option(word, words);
  std::vector<std::string_view> known;
  for (const OptionWord& one : kOptions) known.push_back(one.name);
  const std::string_view name = TRY(choose(option.name(), known, "option"));
  return std::ranges::find(kOptions, name, &OptionWord::name)->take(run, option);
}

// bpftool's keywords.
Result<> take_keyword(RunArguments& run, std::string_view word, Words& words) {
  constexpr std::string_view kKnown[] = {"data_in", "data_out",     "data_size_out", "ctx_in",
                                         "ctx_out", "ctx_size_out", "repeat"};
  const std::string_view keyword = TRY(choose(word, kKnown, "word"));
  if (keyword == "data_in") {
    run.data_in = TRY(words.value(keyword));
  } else if (keyword == "data_out") {
    run.data_out = TRY(words.value(keyword));
  } else if (keyword == "ctx_in") {
    run.ctx_in = TRY(words.value(keyword));
  } else if (keyword == "ctx_out") {
    run.ctx_out = TRY(words.value(keyword));
  } else if (keyword == "data_size_out") {
    run.data_size_out = TRY(words.number(keyword));
  } else if (keyword == "ctx_size_out") {
    run.ctx_size_out = TRY(words.number(keyword));
  } else {
    run.repeat = TRY(words.number(keyword));
  }
  return {};
}

// How bpftool names a program that is loaded.
bool names_loaded_program(std::string_view word) {
  return word == "id" || word == "pinned" || word == "name" || word == "tag";
}

// What makes no sense together.
Result<> check(const RunArguments& run) {
  if (run.data_in.empty())
    return usage_error("which packet? Say `data_in FILE`, or `data_in -` for standard input");
  if (run.data_in == "-" && run.ctx_in == "-")
    return usage_error("cannot use standard input for both data_in and ctx_in");
  if (is_capture(run.data_out) && !is_capture(run.data_in))
    return usage_error("data_out " + quote(run.data_out) + " is a capture file, data_in " +
                       quote(run.data_in) + " is not: say both as captures or none");
  if (run.engine == RunEngine::kKernel && run.trace)
    return usage_error("the kernel's engine cannot be traced: leave `--trace` or `--engine kernel` out");
  if (run.engine == RunEngine::kKernel && !run.btf.empty())
    return usage_error("the kernel's engine has types of its own: leave `--btf` out");
  if (run.engine == RunEngine::kKernel && !run.devices.empty())
    return usage_error("the kernel's engine has the devices of this network namespace: leave `--dev` out");
  return {};
}

}  // namespace

bool is_capture(std::string_view file) {
  return file.ends_with(".pcap") || file.ends_with(".pcapng") || file.ends_with(".cap");
}

Result<RunArguments> read_run_arguments(Words words) {
  RunArguments run;
  run.chain.emplace_back();
  if (words.empty()) return usage_error("which object file? Say `netkit prog run OBJECT data_in FILE`");
  while (!words.empty()) {
    const std::string_view word = words.take();
    if (word.starts_with("--")) {
      TRY(take_option(run, word, words));
    } else if (run.object.empty()) {
      if (names_loaded_program(word))
        return usage_error("programs of an engine run on its devices: say an object file in place of `" +
                           std::string(word) + " ...`");
      run.object = word;
    } else {
      TRY(take_keyword(run, word, words));
    }
  }
  if (run.object.empty()) return usage_error("which object file? Say it first");
  TRY(check(run));
  return run;
}

}  // namespace netkit::cli
