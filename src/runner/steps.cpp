#include "runner/steps.h"

#include <fmt/format.h>

#include <chrono>

#include "runner/counters.h"

namespace netkit::runner {
namespace {

using topology::Outcome;
using topology::Showing;

// Packets are still on their way when the tool that sent them has ended.
constexpr std::chrono::milliseconds kCountersComeIn(20);
constexpr std::chrono::milliseconds kCountersLimit(500);

std::string gigabits(double bits_per_second) {
  return fmt::format("{:.2f} Gbit/s", bits_per_second / 1e9);
}

Fact judge(const std::string& what, const Traffic& traffic, Outcome expected) {
  Fact fact;
  fact.showing = traffic.showing;
  fact.holds = expected == Outcome::kOk ? traffic.arrived : traffic.nothing;
  fact.text = what;
  if (!traffic.seen.empty()) fact.text += ": " + traffic.seen;
  if (traffic.bits_per_second > 0) fact.text += ", " + gigabits(traffic.bits_per_second);
  if (fact.holds && expected == Outcome::kLost) fact.text += ", as it must be";
  return fact;
}

std::string verb(const topology::Ping&) {
  return "ping";
}
std::string verb(const topology::Udp& udp) {
  return fmt::format("UDP, {} bytes to port {},", udp.size, udp.port);
}
std::string verb(const topology::Tcp&) {
  return "TCP";
}
std::string verb(const topology::Neighbour&) {
  return "neighbour";
}

}  // namespace

Result<> Steps::play(const std::function<void(std::size_t, const std::string&)>& progress) {
  TRY(remember(std::nullopt));
  for (std::size_t i = 0; i < topology_.steps.size(); ++i) {
    const topology::Step& step = topology_.steps[i];
    if (interrupt_.requested()) return fail(EINTR, "interrupted: " + interrupt_.reason());
    progress(i, step.say);
    TRY(remember(i));
    reports_.push_back({step.say, {}});
    auto facts = perform(step);
    if (!facts) return std::unexpected(topology::locate(topology_, step.where, facts.error()));
    reports_.back().facts = std::move(*facts);
    for (const topology::Expectation& expectation : step.expectations) {
      auto fact = check(expectation);
      if (!fact) return std::unexpected(topology::locate(topology_, expectation.where, fact.error()));
      reports_.back().facts.push_back(std::move(*fact));
    }
  }
  return {};
}

// What counts from the start of this step (or of the run) is read now.
Result<> Steps::remember(std::optional<std::size_t> step) {
  for (const topology::Step& counting : topology_.steps) {
    for (const topology::Expectation& expectation : counting.expectations) {
      if (expectation.since == step) before_[&expectation] = TRY(value_of(expectation.counter));
    }
  }
  return {};
}

template <class Action, class Play>
Result<std::vector<Fact>> Steps::traffic(const Action& action, Play play) {
  std::vector<Fact> facts;
  for (const IpAddress& to : action.path.to) {
    const Traffic traffic = TRY(play(to));
    const std::string& from = topology_.namespaces[action.path.from].name;
    facts.push_back(
        judge(fmt::format("{} from {} to {}", verb(action), from, to_string(to)), traffic, action.expect));
    if constexpr (std::is_same_v<Action, topology::Tcp>) {
      if (traffic.baseline_bits_per_second <= 0) continue;
      const double ratio = traffic.bits_per_second / traffic.baseline_bits_per_second;
      facts.back().text +=
          fmt::format(", {:.2f} of a veth pair's {}", ratio, gigabits(traffic.baseline_bits_per_second));
      if (!action.min_ratio) continue;
      facts.back().text += fmt::format(" (at least {:.2f} is asked for)", *action.min_ratio);
      facts.back().holds = facts.back().holds && ratio >= *action.min_ratio;
    }
  }
  return facts;
}

Result<std::vector<Fact>> Steps::perform(const topology::Step& step) {
  struct Player {
    Steps& steps;
    Stage& stage;
    const Objects& objects;

    Result<std::vector<Fact>> operator()(std::monostate) const { return std::vector<Fact>{}; }
    Result<std::vector<Fact>> operator()(const topology::Attach& action) const {
      TRY(objects.attach(action.attachments, stage));
      return std::vector<Fact>{};
    }
    Result<std::vector<Fact>> operator()(const topology::Detach& action) const {
      TRY(objects.detach(action.attachments, stage));
      return std::vector<Fact>{};
    }
    Result<std::vector<Fact>> operator()(const topology::UpdateMaps& action) const {
      TRY(objects.fill(action.maps, stage));
      return std::vector<Fact>{};
    }
    Result<std::vector<Fact>> operator()(const topology::Ping& action) const {
      return steps.traffic(action, [&](const IpAddress& to) { return stage.ping(action, to); });
    }
    Result<std::vector<Fact>> operator()(const topology::Udp& action) const {
      return steps.traffic(action, [&](const IpAddress& to) { return stage.udp(action, to); });
    }
    Result<std::vector<Fact>> operator()(const topology::Tcp& action) const {
      return steps.traffic(action, [&](const IpAddress& to) { return stage.tcp(action, to); });
    }
    Result<std::vector<Fact>> operator()(const topology::Neighbour& action) const {
      return steps.traffic(action, [&](const IpAddress& to) { return stage.neighbour(action, to); });
    }
    Result<std::vector<Fact>> operator()(const topology::Exec& action) const {
      const Traffic traffic = TRY(stage.exec(action));
      return std::vector<Fact>{
          judge(fmt::format("{}", fmt::join(action.command, " ")), traffic, Outcome::kOk)};
    }
    Result<std::vector<Fact>> operator()(const topology::SetLink& action) const {
      TRY(stage.set_link(action));
      return std::vector<Fact>{};
    }
    Result<std::vector<Fact>> operator()(const topology::Wait& action) const {
      (void)steps.interrupt_.wait(action.time);
      return std::vector<Fact>{};
    }
  };
  return std::visit(Player{*this, stage_, objects_}, step.action);
}

Result<std::uint64_t> Steps::value_of(const Counter& counter) {
  if (const auto* device = std::get_if<topology::DeviceCount>(&counter)) {
    const auto found = stage_.device(device->end);
    return found ? device_count(**found, device->counter) : 0;
  }
  if (const auto* program = std::get_if<topology::ProgramCount>(&counter)) {
    return program_count(*objects_.program(program->program), program->counter);
  }
  return objects_.count(std::get<topology::MapCount>(counter), stage_);
}

std::string Steps::name_of(const Counter& counter) const {
  if (const auto* device = std::get_if<topology::DeviceCount>(&counter)) {
    const std::string& label = topology_.ends[device->end].label;
    if (const auto* reason = std::get_if<DropReason>(&device->counter)) {
      return fmt::format("{}: dropped, {}", label, describe(*reason).name);
    }
    return fmt::format("{}: {}", label,
                       topology::name_of(std::get<topology::DeviceCounter>(device->counter)));
  }
  if (const auto* program = std::get_if<topology::ProgramCount>(&counter)) {
    return fmt::format("{}: {}", program->program.name, topology::name_of(program->counter));
  }
  return fmt::format("map {}", std::get<topology::MapCount>(counter).map.name);
}

// A counter that must reach a value gets a moment; one that must not pass it gets the moment too.
Result<Fact> Steps::check(const topology::Expectation& expectation) {
  const auto deadline = std::chrono::steady_clock::now() + kCountersLimit;
  Fact fact;
  fact.showing = stage_.showing();
  std::uint64_t counted = 0;
  do {
    if (interrupt_.wait(kCountersComeIn)) break;
    counted = TRY(value_of(expectation.counter)) - before_[&expectation];
    fact.holds = expectation.comparison.holds(counted);
  } while (!fact.holds && std::chrono::steady_clock::now() < deadline);
  fact.text = fmt::format("{} {} (expected {})", name_of(expectation.counter), counted,
                          topology::to_string(expectation.comparison));
  return fact;
}

}  // namespace netkit::runner
