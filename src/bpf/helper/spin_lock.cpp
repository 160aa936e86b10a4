// bpf_spin_lock and bpf_spin_unlock: one lock at a time, which excludes other CPUs and copies of user space
// with BPF_F_LOCK.
#include <atomic>

#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/map/lock.h"

namespace netkit::bpf {
namespace {

// Longer than any run holds a lock: what is not released by then was never a lock's own content.
constexpr std::int64_t kLongestWait = 10'000'000'000;

using LockWord = std::atomic<std::uint32_t>;

void release(const Reference& reference) {
  release_lock(*reinterpret_cast<LockWord*>(reference.value));
}

void spin_lock(RunContext& run, LockWord& lock) {
  if (!acquire_lock(lock, kLongestWait)) return run.refuse("bpf_spin_lock waited for 10 seconds in vain");
  run.references.acquire(
      {ReferenceKind::kSpinLock, reinterpret_cast<std::uint64_t>(&lock), nullptr, release});
}

void spin_unlock(RunContext& run, LockWord& lock) {
  if (!run.references.drop(ReferenceKind::kSpinLock, reinterpret_cast<std::uint64_t>(&lock)))
    return run.refuse("bpf_spin_unlock of a lock that the program does not hold");
  release_lock(lock);
}

constexpr Helper kHelpers[] = {
    {.number = 93,
     .name = "spin_lock",
     .contract = {.arguments = {Arg::kSpinLock}, .result = Return::kVoid, .effects = kAcquires},
     .function = helper_call<spin_lock>},
    {.number = 94,
     .name = "spin_unlock",
     .contract = {.arguments = {Arg::kSpinLock}, .result = Return::kVoid, .effects = kReleases},
     .function = helper_call<spin_unlock>},
};

}  // namespace

std::span<const Helper> spin_lock_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
