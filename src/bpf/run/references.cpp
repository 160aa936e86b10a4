#include "bpf/run/references.h"

#include <algorithm>

namespace netkit::bpf {

std::string_view reference_kind_name(ReferenceKind kind) {
  switch (kind) {
    case ReferenceKind::kReservation:
      return "ring buffer reservation";
    case ReferenceKind::kSpinLock:
      return "spin lock";
    case ReferenceKind::kSocket:
      return "socket reference";
    case ReferenceKind::kIterator:
      return "iterator";
    case ReferenceKind::kDynptr:
      return "ring buffer dynptr";
  }
  return "reference";
}

void References::acquire(const Reference& reference) {
  held_.push_back(reference);
  if (reference.kind == ReferenceKind::kSpinLock) ++locks_;
}

const Reference* References::find(ReferenceKind kind, std::uint64_t value) const {
  const auto found = std::ranges::find_if(
      held_, [&](const Reference& held) { return held.kind == kind && held.value == value; });
  return found == held_.end() ? nullptr : &*found;
}

bool References::drop(ReferenceKind kind, std::uint64_t value) {
  const Reference* found = find(kind, value);
  if (found == nullptr) return false;
  held_.erase(held_.begin() + (found - held_.data()));
  if (kind == ReferenceKind::kSpinLock) --locks_;
  return true;
}

void References::release_all() {
  while (!held_.empty()) {
    const Reference reference = held_.back();
    held_.pop_back();
    if (reference.release != nullptr) reference.release(reference);
  }
  locks_ = 0;
}

}  // namespace netkit::bpf
