// Open-coded iterators over numbers: bpf_iter_num_new, _next, _destroy. The iterator lies on the program's
// stack and holds two numbers, so a program that makes one up reaches nothing by it.
#include <cerrno>
#include <cstdint>

#include "bpf/helper/call.h"
#include "bpf/helper/kfunc.h"

namespace netkit::bpf {
namespace {

constexpr std::int64_t kMaxTurns = 8 << 20;  // BPF_MAX_LOOPS

// struct bpf_iter_num
struct NumberIterator {
  std::int32_t current;
  std::int32_t end;
};

std::int32_t iter_num_new(RunContext&, NumberIterator& iterator, std::int32_t start, std::int32_t end) {
  iterator = {};
  if (start > end) return -EINVAL;
  if (std::int64_t{end} - start > kMaxTurns) return -E2BIG;
  // One before the first; from INT_MIN it wraps, and the first step wraps back.
  iterator = {static_cast<std::int32_t>(static_cast<std::uint32_t>(start) - 1U), end};
  return 0;
}

// The next number, in the iterator itself; null at the end.
const std::int32_t* iter_num_next(RunContext&, NumberIterator& iterator) {
  const auto next = static_cast<std::int32_t>(static_cast<std::uint32_t>(iterator.current) + 1U);
  if (next >= iterator.end) {
    iterator = {};
    return nullptr;
  }
  iterator.current = next;
  return &iterator.current;
}

void iter_num_destroy(RunContext&, NumberIterator& iterator) {
  iterator = {};
}

constexpr Helper kKfuncs[] = {
    {.name = "bpf_iter_num_new",
     .contract = {.arguments = {Arg::kIterNum, Arg::kAnything, Arg::kAnything}, .effects = kAcquires},
     .function = helper_call<iter_num_new>},
    {.name = "bpf_iter_num_next",
     .contract = {.arguments = {Arg::kIterNum}, .result = Return::kMemoryOrNull},
     .function = helper_call<iter_num_next>},
    {.name = "bpf_iter_num_destroy",
     .contract = {.arguments = {Arg::kIterNum}, .result = Return::kVoid, .effects = kReleases},
     .function = helper_call<iter_num_destroy>},
};

}  // namespace

std::span<const Helper> iterator_kfuncs() {
  return kKfuncs;
}

}  // namespace netkit::bpf
