#include "tests/unit/mprog/list_model.h"

#include <cerrno>

#include "base/result.h"

namespace netkit::testing {
namespace {

using Op = Action::Op;
using Kind = Reference::Kind;

// The numbers of the specification's section 1.1.
constexpr std::uint32_t kReplace = 4, kBefore = 8, kAfter = 16, kId = 32, kLink = 8192;
constexpr std::uint32_t kKnownFlags = kReplace | kBefore | kAfter | kId | kLink;
constexpr long kMost = 63;

std::string word(int error) {
  return error == 0 ? "OK" : errno_name(error);
}

}  // namespace

ListModel::ListModel(std::vector<Hook> hooks) : hooks_(std::move(hooks)), lists_(hooks_.size()) {
  for (const Hook& hook : hooks_) device_exists_[hook.device] = true;
}

std::string ListModel::play(const Action& action) {
  switch (action.op) {
    case Op::kLoad:
      programs_.try_emplace(action.number, Program{action.type});
      return "OK";
    case Op::kCloseProgram: {
      const auto found = programs_.find(action.number);
      if (found == programs_.end() || !found->second.open) return "EBADF";
      found->second.open = false;
      return "OK";
    }
    case Op::kAttach:
      return word(attach(action, -1));
    case Op::kDetach:
      return word(detach(action));
    case Op::kQuery:
      return query(action);
    case Op::kCreateLink: {
      const Errno error = attach(action, action.number);
      if (error == 0) links_[action.number] = {action.program.number, action.hook};
      return word(error);
    }
    case Op::kUpdateLink:
      return word(update(action));
    case Op::kDetachLink: {
      const Found<int> link = link_by_fd(action.link);
      if (link.error == 0) remove_entry_of(link.value);
      return word(link.error);
    }
    case Op::kLinkInfo:
      return info(action);
    case Op::kCloseLink:
      if (!links_.contains(action.number)) return "EBADF";
      close_link(action.number);
      return "OK";
    case Op::kDeleteDevice:
      if (!device_exists_[action.device]) return "ENODEV";
      device_exists_[action.device] = false;
      for (std::size_t i = 0; i < hooks_.size(); ++i) {
        if (hooks_[i].device != action.device) continue;
        lists_[i] = {};
        for (auto& [number, link] : links_) {
          if (link.hook == static_cast<int>(i)) link.attached = false;
        }
      }
      return "OK";
    case Op::kRestoreDevice:
      if (device_exists_[action.device]) return "EEXIST";
      device_exists_[action.device] = true;
      return "OK";
    case Op::kMoveDevice:
      return device_exists_[action.device] ? "OK" : "ENODEV";
  }
  return {};
}

// Sections 3.1 to 3.3. `link`: the owner, or -1; the flags of links are not checked, and they never replace.
ListModel::Errno ListModel::attach(const Action& action, int link) {
  const std::uint32_t flags = action.flags;
  Found<int> program;
  if (link < 0) {
    if (action.hook == kNoSuchType) return EINVAL;
    if ((flags & ~kKnownFlags) != 0) return EINVAL;
    program = classifier_by_fd(action.program);
    if (program.error != 0) return program.error;
  } else {
    program = classifier_by_fd(action.program);
    if (program.error != 0) return program.error;
    if (action.hook == kNoSuchType) return EINVAL;
  }
  if (const Errno error = device_error(action.hook); error != 0) return error;
  Found<int> replaced{.value = -1};
  if (link < 0 && (flags & kReplace) != 0) {
    replaced = classifier_by_fd(action.replaced);
    if (replaced.error != 0) return replaced.error;
  }

  List& list = lists_[static_cast<std::size_t>(action.hook)];
  const long count = static_cast<long>(list.entries.size());
  if (stale(list, action.revision)) return ESTALE;                                 // rule 1
  if (index_of(list, program.value).has_value()) return EEXIST;                    // rule 2
  const Found<Anchor> anchor = resolve(action, programs_.at(program.value).type);  // rule 3
  if (anchor.error != 0) return anchor.error;
  std::optional<long> candidate;
  if ((flags & kReplace) != 0) {  // rule 4
    candidate = index_of(list, replaced.value);
    if (!candidate) return ENOENT;
    if (list.entries[static_cast<std::size_t>(*candidate)].link != link) return EBUSY;
  } else if (count == kMost) {  // rule 5
    return ERANGE;
  }
  const Found<long> place = position(list, flags, anchor.value, candidate);
  if (place.error != 0) return place.error;

  const Entry entry{program.value, link};  // rule 10
  if ((flags & kReplace) != 0) {
    list.entries[static_cast<std::size_t>(place.value)] = entry;
  } else {
    list.entries.insert(list.entries.begin() + ((flags & kBefore) != 0 ? place.value + 1 : place.value),
                        entry);
  }
  ++list.revision;
  return 0;
}

// Section 4.
ListModel::Errno ListModel::detach(const Action& action) {
  const std::uint32_t flags = action.flags;
  if (action.hook == kNoSuchType || (flags & ~kKnownFlags) != 0) return EINVAL;
  std::optional<int> program;
  if (action.program.kind != Kind::kZero) {
    const Found<int> found = classifier_by_fd(action.program);
    if (found.error != 0) return found.error;
    program = found.value;
  }
  if (const Errno error = device_error(action.hook); error != 0) return error;

  List& list = lists_[static_cast<std::size_t>(action.hook)];
  const long count = static_cast<long>(list.entries.size());
  if (count == 0) return ENOENT;                    // 4.1, the last row, and rule 3
  if ((flags & kReplace) != 0) return EINVAL;       // rule 1
  if (stale(list, action.revision)) return ESTALE;  // rule 2
  const Found<Anchor> anchor =
      resolve(action, program ? std::optional(programs_.at(*program).type) : std::nullopt);  // rule 4
  if (anchor.error != 0) return anchor.error;
  std::optional<long> candidate;
  if (program) {  // rule 5
    candidate = index_of(list, *program);
    if (!candidate) return ENOENT;
    if (list.entries[static_cast<std::size_t>(*candidate)].link >= 0) return EBUSY;
  }
  const Found<long> place = position(list, flags, anchor.value, candidate);
  if (place.error != 0) return place.error;
  const long index = place.value < 0 ? 0 : place.value == count ? count - 1 : place.value;  // rule 10
  if (list.entries[static_cast<std::size_t>(index)].link >= 0) return EBUSY;
  remove(list, static_cast<std::size_t>(index), action.hook);  // rule 11
  return 0;
}

// Rules 6 to 9 of both tables. `candidate`: the index that is settled already.
ListModel::Found<long> ListModel::position(const List& list, std::uint32_t flags, const Anchor& anchor,
                                           std::optional<long> candidate) {
  const bool relative = anchor.program || anchor.link;
  const std::optional<long> at = index_of(list, anchor);
  const long count = static_cast<long>(list.entries.size());
  if ((flags & kBefore) != 0) {  // rule 6
    if (relative && !at) return {.error = ENOENT};
    const long index = relative ? *at - 1 : -1;
    if (candidate && *candidate != index) return {.error = ERANGE};
    candidate = index;
  }
  if ((flags & kAfter) != 0) {  // rule 7
    if (relative && !at) return {.error = ENOENT};
    const long index = relative ? *at + 1 : count;
    if (candidate && *candidate != index) return {.error = ERANGE};
    candidate = index;
  }
  if (!candidate) {  // rule 8
    if (relative || flags != 0) return {.error = EINVAL};
    candidate = count;
  }
  if (*candidate >= kMost) return {.error = ERANGE};  // rule 9
  return {.value = *candidate};
}

// Section 7.2.
ListModel::Errno ListModel::update(const Action& action) {
  if ((action.flags & ~kReplace) != 0) return EINVAL;
  const Found<int> number = link_by_fd(action.link);
  if (number.error != 0) return number.error;
  const Found<int> program = program_by_fd(action.program);
  if (program.error != 0) return program.error;
  Link& link = links_.at(number.value);
  if ((action.flags & kReplace) != 0) {
    const Found<int> old = program_by_fd(action.replaced);
    if (old.error != 0) return old.error;
    if (link.attached && old.value != link.program) return EPERM;
  } else if (action.replaced.kind != Kind::kZero) {
    return EINVAL;
  }
  if (!link.attached) return ENOLINK;
  if (program.value == link.program) return 0;
  List& list = lists_[static_cast<std::size_t>(link.hook)];
  if (index_of(list, program.value)) return EEXIST;
  if (programs_.at(program.value).type != programs_.at(link.program).type) return EINVAL;
  for (Entry& entry : list.entries) {
    if (entry.link == number.value) entry.program = program.value;
  }
  link.program = program.value;
  ++list.revision;
  return 0;
}

// Section 6.
std::string ListModel::query(const Action& action) const {
  if ((action.query_flags & ~1U) != 0 || action.hook == kNoSuchType) return "EINVAL";
  if (const Errno error = device_error(action.hook); error != 0) return errno_name(error);
  if (action.query_flags != 0 || action.attach_flags != 0) return "EINVAL";
  const List& list = lists_[static_cast<std::size_t>(action.hook)];
  const std::size_t count = list.entries.size();
  const bool filled = action.room != 0 && action.wants_ids;
  std::string text = filled && action.room < count ? "ENOSPC" : "OK";
  text += " count " + std::to_string(count) + " rev " + std::to_string(reported(list));
  if (!filled) return text;
  for (std::size_t i = 0; i < count && i < action.room; ++i) {
    text += " p" + std::to_string(list.entries[i].program);
    if (list.entries[i].link >= 0) text += "/l" + std::to_string(list.entries[i].link);
  }
  return text;
}

// Section 7.4.
std::string ListModel::info(const Action& action) const {
  const Found<int> number = link_by_fd(action.link);
  if (number.error != 0) return number.error == EBADF ? "EBADFD" : errno_name(number.error);
  const Link& link = links_.at(number.value);
  return "OK p" + std::to_string(link.program) +
         (link.attached ? " h" + std::to_string(link.hook) : " defunct");
}

std::string ListModel::state() {
  std::string text;
  for (std::size_t i = 0; i < hooks_.size(); ++i) {
    Action asked;
    asked.hook = static_cast<int>(i);
    text += "  h" + std::to_string(i) + ": " + query(asked) + "\n";
  }
  text += "  links:";
  for (const auto& [number, link] : links_) {
    text += " l" + std::to_string(number) + "=p" + std::to_string(link.program) + (link.attached ? "" : "-");
  }
  text += "\n  alive:";
  for (const auto& [number, program] : programs_) {
    if (alive(number)) text += " p" + std::to_string(number);
  }
  return text + "\n";
}

void ListModel::remove(List& list, std::size_t index, int hook) {
  list.entries.erase(list.entries.begin() + static_cast<long>(index));
  ++list.revision;
  if (list.entries.empty() && forgets(hook)) list.revision = 1;  // section 5
}

void ListModel::remove_entry_of(int number) {
  Link& link = links_.at(number);
  if (!link.attached) return;
  List& list = lists_[static_cast<std::size_t>(link.hook)];
  for (std::size_t i = 0; i < list.entries.size(); ++i) {
    if (list.entries[i].link != number) continue;
    remove(list, i, link.hook);
    break;
  }
  link.attached = false;
}

void ListModel::close_link(int number) {
  remove_entry_of(number);
  links_.erase(number);
}

ListModel::Found<int> ListModel::program_by_fd(const Reference& reference) const {
  switch (reference.kind) {
    case Kind::kClosed:
      return {.error = EBADF};
    case Kind::kLink:
      return {.error = links_.contains(reference.number) ? EINVAL : EBADF};
    case Kind::kProgram: {
      const auto found = programs_.find(reference.number);
      if (found == programs_.end() || !found->second.open) return {.error = EBADF};
      return {.value = reference.number};
    }
    case Kind::kZero:
    case Kind::kForeign:
      return {.error = EINVAL};
  }
  return {};
}

ListModel::Found<int> ListModel::classifier_by_fd(const Reference& reference) const {
  Found<int> program = program_by_fd(reference);
  if (program.error == 0 && programs_.at(program.value).type != bpf::ProgramType::kSchedCls)
    program.error = EINVAL;
  return program;
}

ListModel::Found<int> ListModel::link_by_fd(const Reference& reference) const {
  switch (reference.kind) {
    case Kind::kClosed:
      return {.error = EBADF};
    case Kind::kLink:
      if (!links_.contains(reference.number)) return {.error = EBADF};
      return {.value = reference.number};
    case Kind::kProgram:
      return {.error = program_by_fd(reference).error == EBADF ? EBADF : EINVAL};
    case Kind::kZero:
    case Kind::kForeign:
      return {.error = EINVAL};
  }
  return {};
}

// Section 3.4.
ListModel::Found<ListModel::Anchor> ListModel::resolve(const Action& action,
                                                       std::optional<bpf::ProgramType> beside) const {
  const Reference& reference = action.relative;
  const bool by_id = (action.flags & kId) != 0;
  if ((action.flags & kLink) != 0) {
    Found<int> link;
    if (by_id) {
      const bool exists = reference.kind == Kind::kLink && links_.contains(reference.number);
      if (!exists) return {.error = ENOENT};
      link.value = reference.number;
    } else {
      link = link_by_fd(reference);
      if (link.error != 0) return {.error = link.error};
    }
    return {.value = {.program = std::nullopt, .link = link.value}};
  }
  if (!by_id && reference.kind == Kind::kZero) return {};
  Found<int> program;
  if (by_id) {
    if (reference.kind != Kind::kProgram || !alive(reference.number)) return {.error = ENOENT};
    program.value = reference.number;
  } else {
    program = program_by_fd(reference);
    if (program.error != 0) return {.error = program.error};
  }
  if (beside && programs_.at(program.value).type != *beside) return {.error = EINVAL};
  return {.value = {.program = program.value, .link = std::nullopt}};
}

ListModel::Errno ListModel::device_error(int hook) const {
  return hook < 0 || !device_exists_.at(hooks_[static_cast<std::size_t>(hook)].device) ? ENODEV : 0;
}

bool ListModel::alive(int program) const {
  const auto found = programs_.find(program);
  if (found == programs_.end()) return false;
  if (found->second.open) return true;
  for (const List& list : lists_) {
    if (index_of(list, program)) return true;
  }
  for (const auto& [number, link] : links_) {
    if (link.program == program) return true;
  }
  return false;
}

bool ListModel::forgets(int hook) const {
  const bpf::AttachType type = hooks_[static_cast<std::size_t>(hook)].type;
  return type == bpf::AttachType::kTcxIngress || type == bpf::AttachType::kTcxEgress;
}

std::uint64_t ListModel::reported(const List& list) const {
  return list.entries.empty() ? 1 : list.revision;
}

bool ListModel::stale(const List& list, Action::Revision revision) const {
  switch (revision) {
    case Action::Revision::kAny:
      return false;
    case Action::Revision::kReported:
      return reported(list) != list.revision;
    case Action::Revision::kReportedLess:
      return reported(list) != 1 && reported(list) - 1 != list.revision;  // 1 less 1 is "any"
    case Action::Revision::kReportedMore:
      return reported(list) + 1 != list.revision;
    case Action::Revision::kHuge:
      return true;
  }
  return false;
}

std::optional<long> ListModel::index_of(const List& list, int program) {
  for (std::size_t i = 0; i < list.entries.size(); ++i) {
    if (list.entries[i].program == program) return static_cast<long>(i);
  }
  return std::nullopt;
}

// A program means its entry whoever owns it; a link means its own.
std::optional<long> ListModel::index_of(const List& list, const Anchor& anchor) {
  if (anchor.program) return index_of(list, *anchor.program);
  for (std::size_t i = 0; anchor.link && i < list.entries.size(); ++i) {
    if (list.entries[i].link == *anchor.link) return static_cast<long>(i);
  }
  return std::nullopt;
}

}  // namespace netkit::testing
