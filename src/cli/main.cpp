#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <vector>

#include "base/text.h"
#include "cli/command.h"
#include "cli/commands.h"
#include "cli/errors.h"

namespace netkit::cli {
namespace {

// Commands in the words of `ip` and `bpftool`.
constexpr const Family* kFamilies[] = {&kLinkFamily,   &kNetnsFamily, &kNetFamily, &kQdiscFamily,
                                       &kFilterFamily, &kProgFamily,  &kMapFamily, &kBpfLinkFamily,
                                       &kPinFamily,    &kStatsFamily};

// Commands with options of their own.
struct Program {
  std::string_view name;
  std::string_view summary;  // empty: not for users
  void (*add)(CLI::App& app, int& status);
};
constexpr Program kPrograms[] = {
    {"run", "Bring a topology up, play its steps, tell what came of it, remove it", add_run},
    {"cleanup", "Remove what a run that was killed has left behind", add_cleanup},
    {"traffic", "", add_traffic},
};

constexpr std::string_view kOptionsHelp = R"(
Options:
  -n, --netns NAME   work in that namespace
  -j, --json         answer as JSON; -p, --pretty: laid out for people
  -d, --details   -s, --statistics   -br, --brief   -o, --oneline
  -f, --bpffs        show where programs, maps and links are pinned
  --socket PATH      the engine's socket (also: NETKIT_SOCKET)
  --help   --version
)";

void print_help() {
  std::puts("Usage: netkit [OPTIONS] COMMAND ...\n       netkit COMMAND --help\n\nCommands:");
  const auto line = [](std::string_view name, std::string_view summary) {
    std::printf("  %-10s %s\n", std::string(name).c_str(), std::string(summary).c_str());
  };
  for (const Family* const family : kFamilies) line(family->name, family->summary);
  for (const Program& program : kPrograms) {
    if (!program.summary.empty()) line(program.name, program.summary);
  }
  std::fputs(std::string(kOptionsHelp).c_str(), stdout);
}

void print_help(const Family& family) {
  std::printf("%s\n\n", std::string(family.summary).c_str());
  std::string_view lead = "Usage: ";
  for (const Verb& verb : family.verbs) {
    if (verb.usage.empty()) continue;  // the line of another verb says it
    std::printf("%s%s\n", std::string(lead).c_str(), std::string(verb.usage).c_str());
    lead = "       ";
  }
  std::fputs(std::string(kOptionsHelp).c_str(), stdout);
}

// An option, wherever it stands. `value`: it takes one.
struct OptionWord {
  std::string_view names;
  bool Options::* flag;
  std::string Options::* value = nullptr;
};
constexpr OptionWord kOptionWords[] = {
    {"-j -json --json", &Options::json},
    {"-p -pretty --pretty", &Options::pretty},
    {"-d -details --details", &Options::details},
    {"-s -stats -statistics --statistics --stats", &Options::statistics},
    {"-br -brief --brief", &Options::brief},
    {"-o -oneline --oneline", &Options::oneline},
    {"-f --bpffs", &Options::pins},
    {"-n -netns --netns", nullptr, &Options::netns},
    {"--socket", nullptr, &Options::socket},
};

bool is_one_of(std::string_view names, std::string_view word) {
  const auto all = split_words(names);
  return std::ranges::find(all, word) != all.end();
}

// Takes the option at the front, if it is one of ours. The word "--socket=PATH" is one, too.
Result<bool> take_option(Words& words, Options& options) {
  const std::string_view word = words.peek();
  const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
  for (const OptionWord& option : kOptionWords) {
    if (!is_one_of(option.names, word.substr(0, equals))) continue;
    words.take();
    if (option.flag != nullptr) {
      options.*option.flag = true;
    } else if (equals != std::string_view::npos) {
      options.*option.value = word.substr(equals + 1);
    } else {
      options.*option.value = TRY(words.value(word));
    }
    return true;
  }
  return false;
}

bool is_help(std::string_view word) {
  return is_one_of("help -h -help --help", word);
}

// The verb that the next word names, or the usual one.
Result<const Verb*> choose_verb(const Family& family, Words& words) {
  std::vector<std::string_view> known;
  for (const Verb& verb : family.verbs) std::ranges::copy(split_words(verb.names), std::back_inserter(known));
  std::string_view name = family.usual;
  if (family.verbs.size() == 1) {
    name = known.front();
  } else if (!words.empty()) {
    name = TRY(choose(words.take(), known, "command"));
  }
  const auto has_name = [name](const Verb& verb) { return is_one_of(verb.names, name); };
  return &*std::ranges::find_if(family.verbs, has_name);
}

Result<> run_family(const Family& family, Options options, Words words) {
  std::vector<std::string_view> left;
  const Verb* verb = nullptr;
  while (!words.empty()) {
    const bool ours = verb == nullptr || !verb->raw;
    if (ours && is_help(words.peek())) {
      print_help(family);
      return {};
    }
    if (ours && TRY(take_option(words, options))) continue;
    if (verb == nullptr) {
      if (family.verbs.size() > 1) {
        verb = TRY(choose_verb(family, words));
        continue;
      }
      verb = &family.verbs.front();
    }
    left.push_back(words.take());
  }
  if (verb == nullptr && family.usual.empty()) {
    print_help(family);
    return {};
  }
  if (verb == nullptr) verb = TRY(choose_verb(family, words));
  return verb->run(options, Words(left));
}

int run_program(const Program& program, std::span<const std::string_view> words) {
  CLI::App app("netkit in user space", "netkit");
  app.require_subcommand(1);
  int status = 0;
  program.add(app, status);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kDone : kUsage;
  }
  return status;
}

int finish(const Result<>& result) {
  return result ? kDone : report(result.error());
}

int run(std::span<const std::string_view> all) {
  Options options;
  Words words(all);
  while (!words.empty()) {
    const auto taken = take_option(words, options);
    if (!taken) return report(taken.error());
    if (!*taken) break;
  }
  if (words.empty() || is_help(words.peek())) {
    print_help();
    return words.empty() ? kUsage : kDone;
  }
  if (is_one_of("-V --version", words.peek())) {
    std::puts("netkit " NETKIT_VERSION);
    return kDone;
  }
  std::vector<std::string_view> known;
  for (const Family* const family : kFamilies) known.push_back(family->name);
  for (const Program& program : kPrograms) known.push_back(program.name);
  const auto name = choose(words.peek(), known, "command");
  if (!name) return report(name.error());
  if (const auto found = std::ranges::find(kPrograms, *name, &Program::name); found != std::end(kPrograms)) {
    return run_program(*found, words.rest());
  }
  words.take();
  const auto named = [name](const Family* family) { return family->name == *name; };
  try {
    return finish(run_family(**std::ranges::find_if(kFamilies, named), options, words));
  } catch (const std::exception& error) {  // an answer that is not what the protocol says
    return report({EPROTO, std::string("the engine's answer: ") + error.what(), {}});
  }
}

}  // namespace
}  // namespace netkit::cli

int main(int argc, char** argv) {
  const std::vector<std::string_view> words(argv + 1, argv + argc);
  return netkit::cli::run(words);
}
