#include "cli/prog/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/text.h"
#include "bpf/object/kernel_types.h"
#include "bpf/object/object_file.h"
#include "bpf/run/skb.h"
#include "cli/errors.h"
#include "cli/prog/files.h"
#include "cli/prog/map_file.h"

namespace netkit::cli {
namespace {

// --var NAME=VALUE: a number for what holds one, else text, filled up with zeroes.
Result<bpf::VariableValue> variable_value(const bpf::Variable& variable, const std::string& text) {
  if (variable.number) {
    if (text == "true" || text == "false") return std::int64_t{text == "true"};
    const bool negative = text.starts_with('-');
    const auto number = static_cast<std::int64_t>(
        TRY(parse_number(std::string_view(text).substr(negative ? 1 : 0), variable.name,
                         std::numeric_limits<std::uint64_t>::max())));
    return negative ? -number : number;
  }
  if (text.size() > variable.size)
    return usage_error(fmt::format("--var {}: the value has {} bytes, the variable {}", variable.name,
                                   text.size(), variable.size));
  std::vector<std::byte> bytes(variable.size);
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

Result<bpf::LinkOptions> link_options(const RunArguments& arguments) {
  bpf::LinkOptions options;
  if (!arguments.btf.empty()) options.kernel_types = TRY(bpf::KernelTypes::read(arguments.btf));
  if (arguments.variables.empty()) return options;
  const bpf::ObjectFile object = TRY(bpf::ObjectFile::read(arguments.object));
  for (const auto& [name, text] : arguments.variables) {
    const bpf::Variable* variable = object.find_variable(name);
    if (variable == nullptr) {
      std::vector<std::string_view> known;
      for (const bpf::Variable& one : object.contents().variables) known.push_back(one.name);
      return fail(ENOENT, fmt::format("{}: no variable {}{}", arguments.object, quote(name),
                                      did_you_mean(name, known)));
    }
    options.variables[name] = TRY(variable_value(*variable, text));
  }
  return options;
}

// Names in the order asked for; the only program where none was named.
Result<std::vector<std::string>> resolve(const RunArguments& arguments, const bpf::TestEngine& engine) {
  const std::vector<std::string> programs = engine.programs();
  if (programs.empty()) return fail(ENOENT, arguments.object + ": no tc, tcx or netkit program in it");
  std::vector<std::string> chain = arguments.chain;
  if (chain.front().empty()) {
    if (programs.size() > 1)
      return usage_error(fmt::format("{} has {} programs: say which by `--prog`: {}", arguments.object,
                                     programs.size(), fmt::join(programs, ", ")));
    chain.front() = programs.front();
  }
  for (const std::string& name : chain) {
    if (std::ranges::find(programs, name) != programs.end()) continue;
    const std::vector<std::string_view> known(programs.begin(), programs.end());
    std::string hint = did_you_mean(name, known);
    if (hint.empty()) hint = fmt::format("; there are {}", fmt::join(programs, ", "));
    return fail(ENOENT, fmt::format("{}: no program {}{}", arguments.object, quote(name), hint));
  }
  return chain;
}

// The chain, and what prog arrays are to hold.
Result<std::vector<std::string>> needed_programs(const RunArguments& arguments) {
  std::vector<std::string> names = arguments.chain;
  for (const auto& preset : arguments.maps) {
    const std::vector<std::uint8_t> content = TRY(read_whole(preset.second));
    std::ranges::move(programs_named_in({reinterpret_cast<const char*>(content.data()), content.size()}),
                      std::back_inserter(names));
  }
  std::ranges::sort(names);
  names.erase(std::ranges::unique(names).begin(), names.end());
  return names;
}

}  // namespace

Result<RunSession> RunSession::open(const RunArguments& arguments,
                                    std::function<void(std::string_view line)> trace) {
  RunSession session;
  if (arguments.engine == RunEngine::kInterpreter)
    session.runner_ = std::make_unique<bpf::TestRunner>(
        TRY(bpf::TestRunner::make({.devices = arguments.devices, .trace = std::move(trace)})));
  TRY(session.load(arguments));
  TRY(session.preset(arguments));
  return session;
}

Result<> RunSession::load(const RunArguments& arguments) {
  bpf::LinkOptions options = TRY(link_options(arguments));
  auto loaded = load_with(arguments, options);
  const bool complete = loaded && resolve(arguments, **loaded);
  if (!complete && !arguments.chain.front().empty()) {
    // Another program may be why, or one asked for is loaded only by name: those asked for are enough.
    options.programs = TRY(needed_programs(arguments));
    loaded = load_with(arguments, options);
  }
  engine_ = TRY(std::move(loaded));
  chain_ = TRY(resolve(arguments, *engine_));
  return {};
}

Result<std::unique_ptr<bpf::TestEngine>> RunSession::load_with(const RunArguments& arguments,
                                                               const bpf::LinkOptions& options) {
  return runner_ != nullptr ? bpf::load_for_test(arguments.object, options, *runner_)
                            : bpf::load_in_kernel(arguments.object, options);
}

Result<> RunSession::preset(const RunArguments& arguments) {
  const std::vector<bpf::MapSpec> maps = engine_->maps();
  for (const auto& [name, file] : arguments.maps) {
    const auto map = std::ranges::find(maps, name, &bpf::MapSpec::name);
    if (map == maps.end()) {
      std::vector<std::string_view> known;
      for (const bpf::MapSpec& one : maps) known.push_back(one.name);
      return fail(ENOENT,
                  fmt::format("{}: no map {}{}", arguments.object, quote(name), did_you_mean(name, known)));
    }
    const std::vector<std::uint8_t> content = TRY(read_whole(file));
    const std::string_view text(reinterpret_cast<const char*>(content.data()), content.size());
    for (const PresetEntry& entry : TRY(parse_map_file(text, file, *map))) {
      const auto* program = std::get_if<std::string>(&entry.value);
      auto written = program != nullptr
                         ? engine_->write_program(name, entry.key, *program)
                         : engine_->write_map(name, entry.key, std::get<std::vector<std::byte>>(entry.value));
      if (!written)
        return std::unexpected(about(fmt::format("{}: map {}", file, name), std::move(written).error()));
    }
  }
  return {};
}

Result<bpf::TestOutput> RunSession::run(const RunArguments& arguments, std::vector<std::uint8_t> data,
                                        const std::vector<std::byte>& context) {
  bpf::TestInput input{.data = std::move(data),
                       .context = context,
                       .repeat = arguments.repeat,
                       .data_room = arguments.data_size_out,
                       .context_room = arguments.ctx_size_out};
  bpf::TestOutput output = TRY(engine_->run(chain_, input));
  if (output.cut && output.data_size > output.data.size())
    return fail(ENOSPC, fmt::format("the packet has {} bytes in the end, data_size_out takes {}",
                                    output.data_size, output.data.size()));
  if (output.cut)
    return fail(ENOSPC, fmt::format("the context has {} bytes, ctx_size_out takes {}", bpf::kSkbSize,
                                    output.context.size()));
  return output;
}

}  // namespace netkit::cli
