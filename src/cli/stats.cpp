// netkit stats: packets, bytes, where packets were lost, and how often programs ran.
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/objects.h"
#include "cli/print.h"

namespace netkit::cli {
namespace {

constexpr std::chrono::seconds kInterval(1);

struct Statistics {
  Json links = Json::array();
  std::vector<Json> programs;
};

Result<Statistics> ask(Client& client, std::string_view device) {
  Statistics statistics;
  for (Json& link : TRY(client.call("stats.flows", TRY(client.arguments())))) {
    if (device.empty() || link["ifname"] == device) statistics.links.push_back(std::move(link));
  }
  if (!device.empty() && statistics.links.empty()) {
    return fail(ENODEV, "device \"" + std::string(device) + "\" does not exist",
                "`netkit link show` lists the devices");
  }
  auto programs = all_programs(client);
  if (programs) statistics.programs = *std::move(programs);
  if (!programs && programs.error().code != EPERM) return std::unexpected(programs.error());
  return statistics;
}

std::string flow_text(std::string_view direction, const Json& link, const std::string& prefix,
                      const Json& flow) {
  std::string text = fmt::format(
      "    {} {} packets, {} bytes; {} offered: {} forwarded", direction,
      link[prefix + "_packets"].get<std::uint64_t>(), link[prefix + "_bytes"].get<std::uint64_t>(),
      flow["offered"].get<std::uint64_t>(), flow["forwarded"].get<std::uint64_t>());
  for (const char* const key : {"redirected", "segmented"}) {
    if (const auto count = flow[key].get<std::uint64_t>(); count > 0)
      text += fmt::format(", {} {}", count, key);
  }
  for (const auto& [reason, count] : flow["dropped"].items()) {
    text += fmt::format(", {} dropped ({})", count.get<std::uint64_t>(), reason);
  }
  return text + "\n";
}

std::string to_text(const Statistics& statistics) {
  std::string text;
  for (const Json& link : statistics.links) {
    text += fmt::format("{}: {}\n", link["ifindex"].get<std::uint64_t>(), link["ifname"].get<std::string>());
    text += flow_text("TX", link, "tx", link["transmit"]) + flow_text("RX", link, "rx", link["receive"]);
  }
  for (const Json& program : statistics.programs) {
    text += fmt::format("program {} {}: {} runs, {} faults", program["id"].get<std::uint64_t>(),
                        program["full_name"].get<std::string>(), program["runs"].get<std::uint64_t>(),
                        program["faults"].get<std::uint64_t>());
    const auto timed = program["run_cnt"].get<std::uint64_t>();
    if (timed > 0) text += fmt::format(", {} ns each", program["run_time_ns"].get<std::uint64_t>() / timed);
    text += "\n";
  }
  return text;
}

OrderedJson to_json(const Statistics& statistics) {
  OrderedJson programs = OrderedJson::array();
  for (const Json& program : statistics.programs) {
    OrderedJson one;
    for (const char* const key : {"id", "full_name", "runs", "faults", "run_cnt", "run_time_ns"}) {
      one[key] = program[key];
    }
    programs.push_back(std::move(one));
  }
  return {{"links", statistics.links}, {"programs", std::move(programs)}};
}

Result<> show(const Options& options, Words words) {
  std::string_view device;
  bool watch = false;
  while (!words.empty()) {
    const std::string_view word = words.take();
    if (word == "-w" || word == "--watch") {
      watch = true;
    } else if (word == "dev") {
      device = TRY(words.value(word));
    } else if (device.empty() && !word.starts_with("-")) {
      device = word;
    } else {
      constexpr std::string_view kKnown[] = {"dev", "-w", "--watch"};
      TRY(choose(word, kKnown, "word"));
    }
  }
  Client client = TRY(Client::connect(options));
  const bool clears = watch && !options.json && ::isatty(STDOUT_FILENO) != 0;
  while (true) {
    const Statistics statistics = TRY(ask(client, device));
    if (clears) print("\033[H\033[J");
    if (options.json) {
      print(to_json(statistics), options);
    } else {
      print(to_text(statistics));
    }
    if (!watch || std::fflush(stdout) != 0) return {};
    std::this_thread::sleep_for(kInterval);
  }
}

constexpr Verb kVerbs[] = {{"show", show, "netkit stats [ dev NAME ] [ -w ]    (-w: every second)"}};

}  // namespace

const Family kStatsFamily{"stats", "Packets, bytes, drops by reason, runs of programs", kVerbs, "show"};

}  // namespace netkit::cli
