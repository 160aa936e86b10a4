// Open-coded iterators: over numbers (bpf_iter_num_*) and over the bits that are set in a mask
// (bpf_iter_bits_*). An iterator lies on the program's stack. That of numbers holds two numbers, so a program
// that makes one up reaches nothing by it; that of bits names a copy of the mask, which the run holds.
#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

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

// struct bpf_iter_bits. One word lies in the iterator, more of them in a BitMask that the run holds.
struct BitIterator {
  std::uint64_t word;  // or the address of the BitMask
  std::int32_t bits;
  std::int32_t current;
};

using BitMask = std::vector<std::uint64_t>;
constexpr std::uint32_t kMaxWords = 511;  // BITS_ITER_NR_WORDS_MAX
constexpr std::int32_t kWordBits = 64;

void forget_mask(const Reference& reference) {
  delete reinterpret_cast<BitMask*>(reference.value);
}

bool readable(const RunContext& run, std::uint64_t address, std::uint64_t bytes) {
  const Region* region = run.regions.find(address, bytes);
  return region != nullptr && region->kind != RegionKind::kContext;
}

std::int32_t iter_bits_new(RunContext& run, BitIterator& iterator, std::uint64_t mask, std::uint32_t words) {
  iterator = {.word = 0, .bits = 0, .current = -1};
  if (mask == 0 || words == 0) return -EINVAL;
  if (words > kMaxWords) return -E2BIG;
  const std::uint64_t bytes = std::uint64_t{words} * sizeof(std::uint64_t);
  if (!readable(run, mask, bytes)) return -EFAULT;
  std::uint64_t* words_at = &iterator.word;
  if (words > 1) {
    auto copy = std::make_unique<BitMask>(words);
    words_at = copy->data();
    iterator.word = reinterpret_cast<std::uint64_t>(copy.release());
    run.references.acquire(
        {.kind = ReferenceKind::kIterator, .value = iterator.word, .release = forget_mask});
  }
  std::memcpy(words_at, reinterpret_cast<const void*>(mask), bytes);
  iterator.bits = static_cast<std::int32_t>(words) * kWordBits;
  return 0;
}

// The words of an iterator's mask; none if a program made it up.
std::span<const std::uint64_t> words_of(const RunContext& run, const BitIterator& iterator) {
  if (iterator.bits == kWordBits) return {&iterator.word, 1};
  if (run.references.find(ReferenceKind::kIterator, iterator.word) == nullptr) return {};
  return *reinterpret_cast<const BitMask*>(iterator.word);
}

// The next bit from `from` on that is set, or the number of bits.
std::int32_t find_next_bit(std::span<const std::uint64_t> words, std::int32_t from) {
  const std::int32_t bits = static_cast<std::int32_t>(words.size()) * kWordBits;
  for (std::int32_t bit = from; bit < bits; bit = (bit / kWordBits + 1) * kWordBits) {
    const std::uint64_t rest = words[static_cast<std::size_t>(bit / kWordBits)] >> (bit % kWordBits);
    if (rest != 0) return bit + std::countr_zero(rest);
  }
  return bits;
}

// The next bit's number, in the iterator itself; null at the end.
const std::int32_t* iter_bits_next(RunContext& run, BitIterator& iterator) {
  if (iterator.bits <= 0 || iterator.current < -1 || iterator.current >= iterator.bits) return nullptr;
  const auto words = words_of(run, iterator);
  iterator.current = find_next_bit(words, iterator.current + 1);
  return iterator.current < static_cast<std::int32_t>(words.size()) * kWordBits ? &iterator.current : nullptr;
}

void iter_bits_destroy(RunContext& run, BitIterator& iterator) {
  const Reference* held = run.references.find(ReferenceKind::kIterator, iterator.word);
  if (iterator.bits <= kWordBits || held == nullptr) return;
  forget_mask(*held);
  run.references.drop(ReferenceKind::kIterator, iterator.word);
  iterator = {};
}

constexpr Helper kKfuncs[] = {
    {.name = "bpf_iter_bits_new",
     .contract = {.arguments = {Arg::kIterBits, Arg::kAnything, Arg::kAnything}, .effects = kAcquires},
     .function = helper_call<iter_bits_new>},
    {.name = "bpf_iter_bits_next",
     .contract = {.arguments = {Arg::kIterBits}, .result = Return::kMemoryOrNull},
     .function = helper_call<iter_bits_next>},
    {.name = "bpf_iter_bits_destroy",
     .contract = {.arguments = {Arg::kIterBits}, .result = Return::kVoid, .effects = kReleases},
     .function = helper_call<iter_bits_destroy>},
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
