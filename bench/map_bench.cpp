// What an operation on a map costs, through the table that the interpreter calls, with keys in random order.
#include <benchmark/benchmark.h>

#include <random>
#include <vector>

#include "base/endian.h"
#include "base/per_cpu.h"
#include "bpf/map/map.h"

namespace netkit::bpf {
namespace {

struct Key {
  std::uint32_t words[4];  // as long as the longest key here
};

// More than a cache holds when a benchmark asks for many entries; a power of two.
constexpr std::size_t kOrder = 1U << 17;

std::vector<std::uint32_t> random_numbers(std::uint32_t below) {
  std::mt19937 random(1);
  std::vector<std::uint32_t> numbers(kOrder);
  for (std::uint32_t& number : numbers) number = static_cast<std::uint32_t>(random() % below);
  return numbers;
}

MapRef make(MapType type, std::uint32_t key_size, std::uint32_t max_entries) {
  return create_map({.name = "bench",
                     .type = type,
                     .key_size = key_size,
                     .value_size = 8,
                     .max_entries = max_entries,
                     .flags = type == MapType::kLpmTrie ? kNoPrealloc : 0U})
      .value();
}

// Distinct in their first word, as flows and addresses are somewhere.
Key key_of(std::uint32_t number) {
  return {{number, 0x0a000001, 0x01bb0050, 6}};
}

MapRef filled(MapType type, std::uint32_t key_size, std::uint32_t entries) {
  MapRef map = make(type, key_size, entries);
  const std::uint64_t value = 1;
  for (std::uint32_t n = 0; n < entries; ++n) {
    const Key key = key_of(n);
    (void)map->operations().update(*map, &key, &value, kAny, 0);
  }
  return map;
}

std::uint32_t cpu_of(const benchmark::State& state) {
  return static_cast<std::uint32_t>(state.thread_index()) % possible_cpus();
}

// Runs operation(map, number, cpu) on random numbers below `numbers`. The first thread makes the map before
// it comes here; the others may look at it only in the loop, which begins for all at once.
template <class Operation>
void run(benchmark::State& state, const MapRef& map, std::uint32_t numbers, Operation operation) {
  const std::vector<std::uint32_t> order = random_numbers(numbers);
  const std::uint32_t cpu = cpu_of(state);
  std::size_t at = static_cast<std::size_t>(state.thread_index()) * 7919;
  for (auto _ : state) operation(*map, order[at++ % kOrder], cpu);
}

void look_up(Map& map, std::uint32_t number, std::uint32_t cpu) {
  const Key key = key_of(number);
  benchmark::DoNotOptimize(map.operations().lookup(map, &key, cpu));
}
void update(Map& map, std::uint32_t number, std::uint32_t cpu) {
  const Key key = key_of(number);
  const std::uint64_t value = number;
  benchmark::DoNotOptimize(map.operations().update(map, &key, &value, kAny, cpu));
}

template <MapType kType, std::uint32_t kKeySize>
void lookup_hit(benchmark::State& state) {
  static MapRef map;
  const auto entries = static_cast<std::uint32_t>(state.range(0));
  if (state.thread_index() == 0) map = filled(kType, kKeySize, entries);
  run(state, map, entries, look_up);
}

template <MapType kType, std::uint32_t kKeySize>
void update_existing(benchmark::State& state) {
  static MapRef map;
  const auto entries = static_cast<std::uint32_t>(state.range(0));
  if (state.thread_index() == 0) map = filled(kType, kKeySize, entries);
  run(state, map, entries, update);
}

void hash_insert_delete(benchmark::State& state) {
  static MapRef map;
  const auto entries = static_cast<std::uint32_t>(state.range(0));
  if (state.thread_index() == 0) map = filled(MapType::kHash, 16, entries);
  // Keys of one's own, so that each insertion inserts.
  const auto first = static_cast<std::uint32_t>(state.thread_index() + 1) << 28;
  run(state, map, entries, [first](Map& m, std::uint32_t number, std::uint32_t cpu) {
    const Key victim = key_of(number), key = key_of(first | number);
    const std::uint64_t value = number;
    benchmark::DoNotOptimize(m.operations().erase(m, &victim));
    benchmark::DoNotOptimize(m.operations().update(m, &key, &value, kAny, cpu));
    benchmark::DoNotOptimize(m.operations().erase(m, &key));
    benchmark::DoNotOptimize(m.operations().update(m, &victim, &value, kAny, cpu));
  });
  state.SetItemsProcessed(state.iterations() * 4);
}

void lru_insert_and_evict(benchmark::State& state) {
  static MapRef map;
  const auto entries = static_cast<std::uint32_t>(state.range(0));
  if (state.thread_index() == 0) map = filled(MapType::kLruHash, 16, entries);
  std::uint32_t next = static_cast<std::uint32_t>(state.thread_index() + 1) << 28;
  run(state, map, entries, [&next](Map& m, std::uint32_t, std::uint32_t cpu) { update(m, next++, cpu); });
}

// Prefixes of 16 to 28 bits, addresses among them.
void lpm_lookup(benchmark::State& state) {
  static MapRef map;
  const auto prefixes = static_cast<std::uint32_t>(state.range(0));
  struct Prefix {
    std::uint32_t length;
    std::uint32_t address;
  };
  const auto prefix_of = [](std::uint32_t number, std::uint32_t length) {
    return Prefix{length, Be32(number * 2654435761U).raw()};
  };
  if (state.thread_index() == 0) {
    map = make(MapType::kLpmTrie, 8, prefixes);
    const std::uint64_t value = 1;
    for (std::uint32_t n = 0; n < prefixes; ++n) {
      const Prefix prefix = prefix_of(n, 16 + n % 13);
      (void)map->operations().update(*map, &prefix, &value, kAny, 0);
    }
  }
  run(state, map, prefixes, [&](Map& m, std::uint32_t number, std::uint32_t cpu) {
    const Prefix key = prefix_of(number, 32);
    benchmark::DoNotOptimize(m.operations().lookup(m, &key, cpu));
  });
}

BENCHMARK(lookup_hit<MapType::kArray, 4>)->Arg(1)->Arg(65536);
BENCHMARK(lookup_hit<MapType::kPercpuArray, 4>)->Arg(65536);
BENCHMARK(lookup_hit<MapType::kHash, 4>)->Arg(1)->Arg(65536)->ThreadRange(1, 2);
BENCHMARK(lookup_hit<MapType::kHash, 16>)->Arg(1)->Arg(1024)->Arg(65536)->Arg(1 << 20);
BENCHMARK(lookup_hit<MapType::kLruHash, 16>)->Arg(65536)->ThreadRange(1, 2);
BENCHMARK(update_existing<MapType::kArray, 4>)->Arg(1);
BENCHMARK(update_existing<MapType::kHash, 16>)->Arg(1)->Arg(65536)->ThreadRange(1, 2);
BENCHMARK(update_existing<MapType::kPercpuHash, 16>)->Arg(65536)->ThreadRange(1, 2);
BENCHMARK(hash_insert_delete)->Arg(65536)->ThreadRange(1, 2);
BENCHMARK(lru_insert_and_evict)->Arg(65536)->ThreadRange(1, 2);
BENCHMARK(lpm_lookup)->Arg(1)->Arg(1024)->Arg(500'000)->ThreadRange(1, 2);

}  // namespace
}  // namespace netkit::bpf
