// The traffic of the steps in real namespaces: ping, iperf3, ip, and our own UDP sender and echo.
#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "runner/live_stage.h"

namespace netkit::runner {
namespace {

using Milliseconds = std::chrono::milliseconds;

// For tools to start, to end, and for the kernel to do what they ask, beside the time that the step gives.
constexpr Milliseconds kToolTime(5000);
constexpr int kRounds = 3;  // of a comparison; the medians are reported
constexpr const char* kVethNames[] = {"nkveth0", "nkveth1"};

std::string seconds(Milliseconds time) {
  const auto whole = std::to_string(time.count() / 1000);
  const auto rest = std::to_string(1000 + time.count() % 1000);
  return whole + "." + rest.substr(1);
}

// The number behind `key` in a text of a tool, or nothing.
std::optional<std::uint64_t> number_after(std::string_view text, std::string_view key) {
  const std::size_t at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t value = 0;
  const char* first = text.data() + at + key.size();
  if (std::from_chars(first, text.data() + text.size(), value).ec != std::errc()) return std::nullopt;
  return value;
}

Traffic answered(std::uint64_t answers, std::uint64_t sent) {
  Traffic traffic;
  traffic.arrived = sent > 0 && answers == sent;
  traffic.nothing = answers == 0;
  traffic.seen = std::to_string(answers) + " of " + std::to_string(sent) + " answered";
  return traffic;
}

// "it could not be started" and the like: not what the step is about, so the run cannot go on.
Failure tool_failed(std::string_view tool, const CommandResult& result) {
  std::string_view said = result.err.empty() ? std::string_view(result.out) : std::string_view(result.err);
  said = said.substr(0, said.find('\n'));
  return fail(EPROTO, std::string(tool) + " failed (exit status " + std::to_string(result.exit_status) +
                          "): " + std::string(said));
}

std::string own_program() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).string();
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

Result<CommandResult> LiveStage::run(topology::NamespaceIndex in, const std::vector<std::string>& arguments,
                                     Milliseconds timeout) {
  return run_command(keeper_, interrupt_, spaces_[in].nsid, arguments, timeout);
}

Result<Traffic> LiveStage::ping(const topology::Ping& step, const IpAddress& to) {
  const Milliseconds limit = step.timeout + Milliseconds(200) * step.count;
  const CommandResult result =
      TRY(run(step.path.from,
              {"ping", "-n", "-q", "-i", "0.2", "-c", std::to_string(step.count), "-s",
               std::to_string(step.size), "-W", seconds(step.timeout), to_string(to)},
              limit + kToolTime));
  // Of those that were wanted: a ping that was cut short has not shown that all arrive.
  if (const auto answers = number_after(result.out, "transmitted, ")) return answered(*answers, step.count);
  // No route and the like: nothing was sent, so nothing arrived.
  if (result.err.contains("unreachable")) return answered(0, step.count);
  return tool_failed("ping", result);
}

Result<Traffic> LiveStage::udp(const topology::Udp& step, const IpAddress& to) {
  if (!step.path.to_end) return fail(EINVAL, "no device of this topology has the address " + to_string(to));
  const std::string program = own_program();
  const std::string port = std::to_string(step.port);
  RunningCommand echo = TRY(RunningCommand::start(keeper_, interrupt_, space_of(*step.path.to_end),
                                                  {program, "traffic", "udp-echo", to_string(to), port}));
  if (!echo.wait_for_output("ready", kToolTime)) return tool_failed("udp echo", echo.finish(Milliseconds(0)));
  const CommandResult result =
      TRY(run(step.path.from,
              {program, "traffic", "udp", to_string(to), port, std::to_string(step.count),
               std::to_string(step.size), std::to_string(step.timeout.count())},
              step.timeout * step.count + kToolTime));
  const auto answers = number_after(result.out, "answered=");
  if (!result.ok() || !answers) return tool_failed("udp", result);
  return answered(*answers, step.count);
}

Result<LiveStage::Stream> LiveStage::stream(host::Nsid from, host::Nsid to, const std::string& address,
                                            const topology::Tcp& step, Milliseconds duration) {
  const std::string port = std::to_string(step.port);
  RunningCommand server = TRY(RunningCommand::start(
      keeper_, interrupt_, to, {"iperf3", "-s", "-1", "--forceflush", "-B", address, "-p", port}));
  if (!server.wait_for_output("Server listening", kToolTime)) {
    return tool_failed("iperf3 -s", server.finish(Milliseconds(0)));
  }
  std::vector<std::string> client = {"iperf3",
                                     "-J",
                                     "-c",
                                     address,
                                     "-p",
                                     port,
                                     "--connect-timeout",
                                     "1000",
                                     "-P",
                                     std::to_string(step.streams)};
  if (step.bytes) {
    client.insert(client.end(), {"-n", std::to_string(*step.bytes)});
  } else {
    client.insert(client.end(), {"-t", std::to_string(std::max<std::int64_t>(1, duration.count() / 1000))});
  }
  const CommandResult result =
      TRY(run_command(keeper_, interrupt_, from, client, duration + Milliseconds(60'000)));
  const auto report = nlohmann::json::parse(result.out, nullptr, false);
  if (report.is_discarded()) return tool_failed("iperf3", result);
  Stream measured;
  if (report.contains("error")) measured.trouble = report["error"].get<std::string>();
  const auto sum = report.value("/end/sum_received"_json_pointer, nlohmann::json::object());
  measured.bytes = sum.value("bytes", std::uint64_t{0});
  measured.bits_per_second = sum.value("bits_per_second", 0.0);
  return measured;
}

Result<Traffic> LiveStage::tcp(const topology::Tcp& step, const IpAddress& to) {
  if (!step.path.to_end) return fail(EINVAL, "no device of this topology has the address " + to_string(to));
  if (step.baseline == topology::Baseline::kVeth) return compare_with_veth(step, to);
  const Stream measured = TRY(stream(spaces_[step.path.from].nsid, space_of(*step.path.to_end), to_string(to),
                                     step, step.duration.value_or(Milliseconds(0))));
  Traffic traffic;
  traffic.arrived = measured.trouble.empty() && measured.bytes >= step.bytes.value_or(1);
  traffic.nothing = measured.bytes == 0;
  traffic.bits_per_second = measured.bits_per_second;
  traffic.seen = measured.trouble.empty()
                     ? std::to_string(measured.bytes) + " bytes"
                     : std::to_string(measured.bytes) + " bytes (iperf3: " + measured.trouble + ")";
  return traffic;
}

// Rounds of the two take turns, so that a noisy machine treats both alike.
Result<Traffic> LiveStage::compare_with_veth(const topology::Tcp& step, const IpAddress& to) {
  const host::Nsid from = spaces_[step.path.from].nsid;
  const host::Nsid target = space_of(*step.path.to_end);
  if (from == target) return fail(EINVAL, "a comparison with veth needs two namespaces");
  const IpPrefix addresses[] = {*parse_prefix(to.is_v4() ? "198.18.255.1/30" : "fd5a:ffff::1/126"),
                                *parse_prefix(to.is_v4() ? "198.18.255.2/30" : "fd5a:ffff::2/126")};
  const std::uint32_t mtu = devices_[*step.path.to_end]->mtu();
  TRY(keeper_.with([&](host::Keeper& keeper) -> Result<> {
    TRY(keeper.make_veth(from, kVethNames[0], target, kVethNames[1]));
    const host::Nsid spaces[] = {from, target};
    for (std::size_t i = 0; i < 2; ++i) {
      const host::LinkInfo link = TRY(keeper.link(spaces[i], kVethNames[i]));
      host::LinkChange change;
      change.up = true;
      change.mtu = mtu;
      TRY(keeper.change_link(spaces[i], link.ifindex, change));
      TRY(keeper.add_address(spaces[i], link.ifindex, addresses[i]));
    }
    return {};
  }));
  // Windows of whole seconds: iperf3 knows no others.
  const Milliseconds window = std::max(Milliseconds(1000), step.duration.value_or(Milliseconds(0)) / 2);
  std::vector<double> ours;
  std::vector<double> theirs;
  Traffic traffic;
  traffic.arrived = true;
  for (int round = 0; round < kRounds && traffic.arrived && !interrupt_.requested(); ++round) {
    const Stream measured = TRY(stream(from, target, to_string(to), step, window));
    const Stream baseline = TRY(stream(from, target, to_string(addresses[1].address), step, window));
    traffic.arrived = measured.trouble.empty() && measured.bytes >= step.bytes.value_or(1);
    traffic.nothing = traffic.nothing && measured.bytes == 0;
    if (!measured.trouble.empty()) traffic.seen = "iperf3: " + measured.trouble;
    ours.push_back(measured.bits_per_second);
    theirs.push_back(baseline.bits_per_second);
  }
  (void)keeper_.with([&](host::Keeper& keeper) -> Result<> {
    return keeper.delete_link(from, TRY(keeper.link(from, kVethNames[0])).ifindex);
  });
  traffic.bits_per_second = median(ours);
  traffic.baseline_bits_per_second = median(theirs);
  return traffic;
}

Result<Traffic> LiveStage::neighbour(const topology::Neighbour& step, const IpAddress& to) {
  TRY(run(step.path.from, {"ping", "-n", "-q", "-c", "1", "-W", seconds(step.timeout), to_string(to)},
          step.timeout + kToolTime));
  const CommandResult result =
      TRY(run(step.path.from, {"ip", "-j", "neigh", "show", "to", to_string(to)}, kToolTime));
  const auto entries = nlohmann::json::parse(result.out, nullptr, false);
  if (!result.ok() || !entries.is_array()) return tool_failed("ip neigh", result);
  Traffic traffic;
  const std::string lladdr = entries.empty() ? "" : entries[0].value("lladdr", "");
  traffic.nothing = lladdr.empty();
  traffic.seen = lladdr.empty() ? "unresolved" : "resolved to " + lladdr;
  if (lladdr.empty()) return traffic;
  traffic.arrived = true;
  if (!step.lladdr) return traffic;
  const auto* end = std::get_if<topology::EndIndex>(&*step.lladdr);
  const MacAddress expected = end != nullptr ? TRY(mac(*end)) : std::get<MacAddress>(*step.lladdr);
  traffic.arrived = parse_mac(lladdr) == expected;
  return traffic;
}

Result<Traffic> LiveStage::exec(const topology::Exec& step) {
  const CommandResult result = TRY(run(step.in, step.command, step.timeout));
  Traffic traffic;
  traffic.arrived = !result.timed_out && result.exit_status == step.expect_exit;
  traffic.nothing = !traffic.arrived;
  traffic.seen =
      result.timed_out ? "no end within its time" : "exit status " + std::to_string(result.exit_status);
  if (!traffic.arrived && !result.err.empty())
    traffic.seen += ": " + result.err.substr(0, result.err.find('\n'));
  return traffic;
}

Result<int> LiveStage::run_in_host(const std::vector<std::string>& command) {
  const host::Command started = TRY(keeper_.with([&](host::Keeper& keeper) {
    return keeper.run(spaces_[topology::kHostNamespace].nsid, command, {0, 1, 2});
  }));
  while (true) {
    if (const auto status = host::read_exit(started)) return *status;
    if (interrupt_.wait(Milliseconds(20))) return fail(EINTR, "interrupted");
  }
}

}  // namespace netkit::runner
