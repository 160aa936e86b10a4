#include "tests/support/attach_actions.h"

#include <fmt/format.h>

#include "device/mprog.h"

namespace netkit::testing {
namespace {

using Op = Action::Op;
using Kind = Reference::Kind;

constexpr int kSeveralPrograms = 6;  // references go mostly to the last few objects

std::string to_text(const Reference& reference) {
  switch (reference.kind) {
    case Kind::kZero:
      return "0";
    case Kind::kClosed:
      return "closed";
    case Kind::kForeign:
      return "foreign";
    case Kind::kProgram:
      return fmt::format("p{}", reference.number);
    case Kind::kLink:
      return fmt::format("l{}", reference.number);
  }
  return {};
}

std::string list_request(std::string_view word, const Action& action) {
  constexpr std::string_view kRevisions[] = {"any", "reported", "reported-1", "reported+1", "huge"};
  return fmt::format("{} {} at h{} flags {:#x} rel {} replaced {} rev {}", word, to_text(action.program),
                     action.hook, action.flags, to_text(action.relative), to_text(action.replaced),
                     kRevisions[static_cast<std::size_t>(action.revision)]);
}

}  // namespace

std::string to_text(const Action& action) {
  switch (action.op) {
    case Op::kLoad:
      return fmt::format("load p{} type {}", action.number, static_cast<std::uint32_t>(action.type));
    case Op::kCloseProgram:
      return fmt::format("close p{}", action.number);
    case Op::kAttach:
      return list_request("attach", action);
    case Op::kDetach:
      return list_request("detach", action);
    case Op::kCreateLink:
      return list_request(fmt::format("link l{}", action.number), action);
    case Op::kQuery:
      return fmt::format("query h{} room {} ids {} flags {} {}", action.hook, action.room, action.wants_ids,
                         action.query_flags, action.attach_flags);
    case Op::kUpdateLink:
      return fmt::format("update {} to {} flags {:#x} old {}", to_text(action.link), to_text(action.program),
                         action.flags, to_text(action.replaced));
    case Op::kDetachLink:
      return fmt::format("detach link {}", to_text(action.link));
    case Op::kLinkInfo:
      return fmt::format("info {}", to_text(action.link));
    case Op::kCloseLink:
      return fmt::format("close l{}", action.number);
    case Op::kDeleteDevice:
      return fmt::format("delete device {}", action.device);
    case Op::kRestoreDevice:
      return fmt::format("restore device {}", action.device);
    case Op::kMoveDevice:
      return fmt::format("move device {}", action.device);
  }
  return {};
}

bool ActionSource::chance(int percent) {
  return below(100) < percent;
}

int ActionSource::below(int limit) {
  return static_cast<int>(random_() % static_cast<std::uint64_t>(limit));
}

Reference ActionSource::any_program() {
  const int kind = below(100);
  if (kind < 2) return {};
  if (kind < 4) return {Kind::kClosed};
  if (kind < 6) return {Kind::kForeign};
  if (kind < 8 && links_ > 0) return {Kind::kLink, below(links_)};
  if (programs_ == 0) return {Kind::kClosed};
  const int recent = std::min(programs_, chance(80) ? kSeveralPrograms : 200);
  return {Kind::kProgram, programs_ - 1 - below(recent)};
}

Reference ActionSource::any_link() {
  const int kind = below(100);
  if (kind < 3) return {};
  if (kind < 6) return {Kind::kClosed};
  if (kind < 9) return {Kind::kForeign};
  if (links_ == 0) return {Kind::kClosed};
  return {Kind::kLink, links_ - 1 - below(std::min(links_, kSeveralPrograms))};
}

Reference ActionSource::any_relative(std::uint32_t flags) {
  if (chance(35)) return {};
  return (flags & device::kLink) != 0 ? any_link() : any_program();
}

std::uint32_t ActionSource::any_flags(bool replaces) {
  std::uint32_t flags = 0;
  if (chance(30)) flags |= device::kBefore;
  if (chance(30)) flags |= device::kAfter;
  if (chance(20)) flags |= device::kId;
  if (chance(20)) flags |= device::kLink;
  if (replaces) flags |= device::kReplace;
  if (chance(3)) flags |= 1U << below(32);
  return flags;
}

Action::Revision ActionSource::any_revision() {
  if (chance(70)) return Action::Revision::kAny;
  if (chance(70)) return Action::Revision::kReported;
  return static_cast<Action::Revision>(2 + below(3));
}

int ActionSource::any_hook() {
  if (chance(1)) return kNoSuchDevice;
  if (chance(1)) return kNoSuchType;
  return below(static_cast<int>(mix_.hooks.size()));
}

Action ActionSource::next() {
  Action action;
  action.hook = any_hook();
  action.device = below(mix_.devices);
  action.program = any_program();
  // Of a thousand: the bounds below. What grows asks for nothing that takes much away.
  const int kind = !mix_.grows ? below(1000) : chance(70) ? below(430) : below(985);
  if (programs_ == 0 || kind < 170) {
    action.op = Op::kLoad;
    action.number = programs_++;
    if (chance(4)) action.type = bpf::ProgramType::kXdp;
    if (chance(2)) action.type = bpf::ProgramType::kSchedAct;
  } else if (kind < 430) {
    action.op = Op::kAttach;
    action.flags = any_flags(chance(mix_.grows ? 5 : 25));
    action.relative = any_relative(action.flags);
    action.replaced = any_program();
    action.revision = any_revision();
  } else if (kind < 580) {
    action.op = Op::kDetach;
    if (chance(40)) action.program = {};
    action.flags = any_flags(chance(3));
    action.relative = any_relative(action.flags);
    action.revision = any_revision();
  } else if (kind < 710) {
    action.op = Op::kCreateLink;
    action.number = links_++;
    action.flags = any_flags(chance(5));
    action.relative = any_relative(action.flags);
    action.revision = any_revision();
  } else if (kind < 800) {
    action.op = Op::kUpdateLink;
    action.link = any_link();
    if (chance(40)) action.flags = device::kReplace;
    if (chance(5)) action.flags |= 1U << below(32);
    if (chance(50)) action.replaced = any_program();
  } else if (kind < 840) {
    action.op = Op::kDetachLink;
    action.link = any_link();
  } else if (kind < 880) {
    action.op = Op::kLinkInfo;
    action.link = any_link();
  } else if (kind < 910) {
    action.op = Op::kCloseLink;
    action.number = links_ > 0 ? below(links_) : 0;
  } else if (kind < 950) {
    action.op = Op::kCloseProgram;
    action.number = below(programs_);
  } else if (kind < 985) {
    action.op = Op::kQuery;
    action.room = chance(50) ? 64U : static_cast<std::uint32_t>(below(5));
    action.wants_ids = !chance(10);
    if (chance(10)) action.query_flags = static_cast<std::uint32_t>(below(4));
    if (chance(10)) action.attach_flags = static_cast<std::uint32_t>(below(4));
  } else if (kind < 990) {
    action.op = Op::kDeleteDevice;
  } else if (kind < 996 || !mix_.moves) {
    action.op = Op::kRestoreDevice;
  } else {
    action.op = Op::kMoveDevice;
  }
  return action;
}

std::string first_difference(const std::vector<Action>& actions, const WorldMaker& one,
                             const WorldMaker& other) {
  const auto first = one();
  const auto second = other();
  for (std::size_t i = 0; i < actions.size(); ++i) {
    const std::string expected = first->play(actions[i]);
    const std::string answered = second->play(actions[i]);
    if (expected != answered) {
      return fmt::format("action {}: {}\n  one:   {}\n  other: {}\n", i, to_text(actions[i]), expected,
                         answered);
    }
    const std::string expected_state = first->state();
    const std::string state = second->state();
    if (expected_state != state) {
      return fmt::format("after action {}: {}\n one:\n{} other:\n{}", i, to_text(actions[i]), expected_state,
                         state);
    }
  }
  return {};
}

std::vector<Action> shrink(std::vector<Action> actions, const WorldMaker& one, const WorldMaker& other) {
  for (std::size_t size = actions.size() / 2; size > 0; size /= 2) {
    for (std::size_t at = 0; at + size <= actions.size();) {
      std::vector<Action> fewer = actions;
      fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(at),
                  fewer.begin() + static_cast<std::ptrdiff_t>(at + size));
      if (first_difference(fewer, one, other).empty()) {
        at += size;
      } else {
        actions = std::move(fewer);
      }
    }
  }
  return actions;
}

std::string play_random(const ActionMix& mix, std::uint64_t seed, int count, const WorldMaker& one,
                        const WorldMaker& other) {
  ActionSource source(mix, seed);
  std::vector<Action> actions;
  for (int i = 0; i < count; ++i) actions.push_back(source.next());
  if (first_difference(actions, one, other).empty()) return {};
  actions = shrink(std::move(actions), one, other);
  std::string text = fmt::format("seed {}; the shortest sequence that differs:\n", seed);
  for (const Action& action : actions) text += "  " + to_text(action) + "\n";
  return text + first_difference(actions, one, other);
}

}  // namespace netkit::testing
