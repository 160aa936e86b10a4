#include "device/mprog.h"

#include <algorithm>
#include <optional>

#include "device/link.h"

namespace netkit::device {

Result<> ProgramList::attach(const Rtnl& rtnl, const ListRequest& request) {
  const Snapshot& present = entries(rtnl);
  if (request.expected_revision != 0 && request.expected_revision != revision_) return fail(ESTALE);
  if (index_of(*request.program) >= 0) return fail(EEXIST);
  if (!request.anchor) return std::unexpected(request.anchor.error());

  std::ptrdiff_t replaced = kNoCandidate;
  if ((request.flags & kReplace) != 0) {
    replaced = request.replaced != nullptr ? index_of(*request.replaced) : -1;
    if (replaced < 0) return fail(ENOENT);
    if (present[static_cast<std::size_t>(replaced)].owner != request.owner) return fail(EBUSY);
  } else if (present.size() == kMaxPrograms) {
    return fail(ERANGE);
  }
  std::ptrdiff_t place = TRY(position(request, replaced));

  Snapshot next = present;
  Entry entry{request.program, request.owner};
  if (replaced >= 0) {
    next[static_cast<std::size_t>(place)] = std::move(entry);
  } else {
    // The position names the neighbour that a BEFORE comes behind: one further on is where the entry goes.
    if ((request.flags & kBefore) != 0) ++place;
    next.insert(next.begin() + place, std::move(entry));
  }
  publish(std::move(next));
  return {};
}

Result<> ProgramList::detach(const Rtnl& rtnl, const ListRequest& request) {
  const Snapshot& present = entries(rtnl);
  if (present.empty()) return fail(ENOENT);
  if ((request.flags & kReplace) != 0) return fail(EINVAL);
  if (request.expected_revision != 0 && request.expected_revision != revision_) return fail(ESTALE);
  if (!request.anchor) return std::unexpected(request.anchor.error());

  std::ptrdiff_t named = kNoCandidate;
  if (request.program != nullptr) {
    named = index_of(*request.program);
    if (named < 0) return fail(ENOENT);
    if (present[static_cast<std::size_t>(named)].owner != request.owner) return fail(EBUSY);
  }
  const std::ptrdiff_t wanted = TRY(position(request, named));
  const auto last = static_cast<std::ptrdiff_t>(present.size()) - 1;
  const std::ptrdiff_t place = std::clamp<std::ptrdiff_t>(wanted, 0, last);
  if (present[static_cast<std::size_t>(place)].owner != request.owner) return fail(EBUSY);

  Snapshot next = present;
  next.erase(next.begin() + place);
  publish(std::move(next));
  return {};
}

Result<> ProgramList::update(const Rtnl& rtnl, const Link& owner, bpf::ProgramRef program) {
  const std::ptrdiff_t place = index_of(owner);
  if (place < 0) return fail(ENOLINK);
  const Snapshot& present = entries(rtnl);
  if (present[static_cast<std::size_t>(place)].program == program) return {};
  if (index_of(*program) >= 0) return fail(EEXIST);

  Snapshot next = present;
  next[static_cast<std::size_t>(place)].program = std::move(program);
  publish(std::move(next));
  return {};
}

void ProgramList::remove(const Rtnl& rtnl, const Link& owner) {
  const std::ptrdiff_t place = index_of(owner);
  if (place < 0) return;
  Snapshot next = entries(rtnl);
  next.erase(next.begin() + place);
  publish(std::move(next));
}

void ProgramList::release(const Rtnl& rtnl) {
  const Snapshot& present = entries(rtnl);
  if (present.empty()) return;
  for (const Entry& entry : present) {
    if (entry.owner != nullptr) entry.owner->orphan();
  }
  publish({});
}

void ProgramList::share(const Rtnl&, bool shared) {
  shared_ = shared;
  forget_revision();
}

const ProgramList::Snapshot& ProgramList::entries(const Rtnl&) const {
  static const Snapshot kEmpty;
  const Snapshot* const present = entries_.read();
  return present != nullptr ? *present : kEmpty;
}

std::uint64_t ProgramList::reported_revision(const Rtnl& rtnl) const {
  const bool kept_secret = revision_rule_ == Revision::kLasting && entries(rtnl).empty();
  return kept_secret ? 1 : revision_;
}

std::ptrdiff_t ProgramList::index_of(const bpf::Program& program) const {
  const Snapshot* const present = entries_.read();
  if (present == nullptr) return -1;
  const auto found =
      std::ranges::find(*present, &program, [](const Entry& entry) { return entry.program.get(); });
  return found != present->end() ? found - present->begin() : -1;
}

std::ptrdiff_t ProgramList::index_of(const Link& owner) const {
  const Snapshot* const present = entries_.read();
  if (present == nullptr) return -1;
  const auto found = std::ranges::find(*present, &owner, &Entry::owner);
  return found != present->end() ? found - present->begin() : -1;
}

// Where the anchor is, moved by `beside`; without anchor, `edge`.
Result<std::ptrdiff_t> ProgramList::find_anchor(const Anchor& anchor, std::ptrdiff_t beside,
                                                std::ptrdiff_t edge) const {
  std::ptrdiff_t found = -1;
  if (const auto* const program = std::get_if<const bpf::Program*>(&anchor)) {
    found = index_of(**program);
  } else if (const auto* const link = std::get_if<const Link*>(&anchor)) {
    found = index_of(**link);
  } else {
    return edge;
  }
  if (found < 0) return fail(ENOENT);
  return found + beside;
}

// Rules 6 to 9 of both attach and detach: the index that all of the request's conditions agree on.
// `candidate` is the one that is settled already (kNoCandidate: none); -1 stands for the place before the
// first entry.
Result<std::ptrdiff_t> ProgramList::position(const ListRequest& request, std::ptrdiff_t candidate) const {
  const Snapshot* const present = entries_.read();
  const std::ptrdiff_t count = present != nullptr ? static_cast<std::ptrdiff_t>(present->size()) : 0;
  const auto agree = [&candidate](std::ptrdiff_t index) {
    if (candidate != kNoCandidate && candidate != index) return false;
    candidate = index;
    return true;
  };
  if ((request.flags & kBefore) != 0 && !agree(TRY(find_anchor(*request.anchor, -1, -1))))
    return fail(ERANGE);
  if ((request.flags & kAfter) != 0 && !agree(TRY(find_anchor(*request.anchor, +1, count))))
    return fail(ERANGE);
  if (candidate == kNoCandidate) {
    if (request.flags != 0 || !std::holds_alternative<std::monostate>(*request.anchor)) return fail(EINVAL);
    candidate = count;
  }
  if (candidate >= static_cast<std::ptrdiff_t>(kMaxPrograms)) return fail(ERANGE);
  return candidate;
}

void ProgramList::publish(Snapshot next) {
  ++revision_;
  if (!next.empty()) {
    entries_.publish(std::make_unique<const Snapshot>(std::move(next)));
    return;
  }
  entries_.publish(nullptr);
  forget_revision();
}

// An attach point that nobody uses is freed, its revision with it.
void ProgramList::forget_revision() {
  if (revision_rule_ == Revision::kRestarting && !shared_ && entries_.read() == nullptr) revision_ = 1;
}

}  // namespace netkit::device
