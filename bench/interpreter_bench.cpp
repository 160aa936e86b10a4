// What the interpreter costs: nanoseconds per instruction ("ns/insn") of small loops of one kind, and of a
// program that does what datapaths do (parse, look up, redirect), for which the time of a run is shown too.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/map.h"
#include "bpf/map/tables.h"
#include "packet/pool.h"

namespace netkit::bpf {
namespace {

class Bench {
 public:
  explicit Bench(std::string_view code, std::vector<MapRef> maps = {}) {
    auto image = std::make_shared<ProgramImage>();
    image->name = "bench";
    image->insns = value_of(assemble(code));
    image->functions = {{"bench", 0, static_cast<std::uint32_t>(image->insns.size())}};
    image->maps = std::move(maps);
    program_ = ProgramTable::instance().publish(value_of(prepare_interpreted(std::move(image))));
    packet_ = pool_.allocate(64);
    for (std::uint32_t at = 0; at < 64; ++at) packet_->data()[at] = static_cast<std::uint8_t>(at);
    packet_->data()[12] = 0x08;
    packet_->data()[13] = 0x00;
    run_->redirect = &redirect_;
    run_->outside = &outside_;
    run_->pool = &pool_;
  }

  void measure(benchmark::State& state) {
    const rcu::Section section;
    std::uint64_t executed = 0;
    for (auto _ : state) {
      benchmark::DoNotOptimize(run_program(*run_, *program_, *packet_));
      executed += run_->instruction_limit - run_->budget;
    }
    if (run_->fault.happened) state.SkipWithError(run_->fault.text.c_str());
    state.counters["insns"] = static_cast<double>(executed) / static_cast<double>(state.iterations());
    state.counters["ns/insn"] = benchmark::Counter(static_cast<double>(executed) * 1e-9,
                                                   benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  }

 private:
  template <class T>
  static T value_of(Result<T> result) {
    if (result) return std::move(*result);
    std::cerr << result.error().text << '\n';
    std::exit(1);
  }

  PacketPool pool_;
  PacketPtr packet_;
  RedirectRecord redirect_;
  Outside outside_;
  std::unique_ptr<RunContext> run_ = std::make_unique<RunContext>();
  ProgramRef program_;
};

// 1000 rounds of ten instructions of a kind, and two of the loop.
std::string loop(std::string_view ten) {
  return "r6 = *(u32 *)(r1 +76); r9 = 1000; r2 = 7; r3 = 3; again: " + std::string(ten) +
         "; r9 += -1; if r9 != 0 goto again; r0 = 0; exit";
}

void return_only(benchmark::State& state) {
  Bench("r0 = 0; exit").measure(state);
}

void alu(benchmark::State& state) {
  Bench(
      loop(
          "r2 += 5; r3 ^= r2; r4 = r3; r4 <<= 3; r5 = r4; w5 += w2; r2 |= 1; w3 &= 0xffff; r4 -= r5; r5 = 9"))
      .measure(state);
}

void branches(benchmark::State& state) {
  Bench(loop("if r2 == 0 goto pc+0; if r2 != 0 goto pc+0; if r2 > r3 goto pc+0; if r2 s< 0 goto pc+0; if w2 "
             "== 7 goto pc+0;"
             "if r2 == 0 goto pc+0; if r2 != 0 goto pc+0; if r2 > r3 goto pc+0; if r2 s< 0 goto pc+0; goto "
             "pc+0"))
      .measure(state);
}

void stack(benchmark::State& state) {
  Bench(loop("*(u64 *)(r10 -8) = r2; r4 = *(u64 *)(r10 -8); *(u32 *)(r10 -16) = r3; r5 = *(u32 *)(r10 -16); "
             "*(u16 *)(r10 -20) = 7;"
             "*(u64 *)(r10 -8) = r2; r4 = *(u64 *)(r10 -8); *(u32 *)(r10 -16) = r3; r5 = *(u32 *)(r10 -16); "
             "*(u16 *)(r10 -20) = 7"))
      .measure(state);
}

void packet(benchmark::State& state) {
  Bench(loop("r4 = *(u16 *)(r6 +12); r5 = *(u8 *)(r6 +14); r4 = *(u32 *)(r6 +26); r5 = *(u32 *)(r6 +30); "
             "*(u8 *)(r6 +22) = r3;"
             "r4 = *(u16 *)(r6 +12); r5 = *(u8 *)(r6 +14); r4 = *(u32 *)(r6 +26); r5 = *(u32 *)(r6 +30); "
             "*(u8 *)(r6 +22) = r3"))
      .measure(state);
}

void context(benchmark::State& state) {
  Bench(
      "r9 = 1000; again: r2 = *(u32 *)(r1 +8); r2 = *(u32 *)(r1 +0); r2 = *(u32 *)(r1 +16); r2 = *(u32 *)(r1 "
      "+40); r2 = *(u32 *)(r1 +76);"
      "*(u32 *)(r1 +8) = r3; r2 = *(u32 *)(r1 +0); r2 = *(u32 *)(r1 +16); r2 = *(u32 *)(r1 +40); r2 = *(u32 "
      "*)(r1 +80); r9 += -1; if r9 != 0 goto again; r0 = 0; exit")
      .measure(state);
}

MapRef array(std::uint32_t entries) {
  return *create_map(
      {.name = "a", .type = MapType::kArray, .key_size = 4, .value_size = 64, .max_entries = entries});
}

void global_data(benchmark::State& state) {
  Bench(
      "r9 = 1000; r6 = map[0]+0; again: r2 = *(u64 *)(r6 +0); r2 += 1; *(u64 *)(r6 +0) = r2; r3 = *(u32 "
      "*)(r6 +8); r3 += r2; *(u32 *)(r6 +8) = r3;"
      "r9 += -1; if r9 != 0 goto again; r0 = 0; exit",
      {array(1)})
      .measure(state);
}

void calls(benchmark::State& state) {
  Bench("r6 = 1000; again: r1 = 1; call sub; r6 += -1; if r6 != 0 goto again; exit; sub: r0 = r1; exit")
      .measure(state);
}

// Ethernet and IPv4 header, counters per protocol in an array, redirect: what a small datapath does to each
// packet.
void parse_lookup_redirect(benchmark::State& state) {
  Bench(R"(
      r6 = r1
      r2 = *(u32 *)(r6 +76)
      r3 = *(u32 *)(r6 +80)
      r4 = r2
      r4 += 34
      if r4 > r3 goto drop
      r5 = *(u16 *)(r2 +12)
      if r5 != 0x0008 goto drop
      r5 = *(u8 *)(r2 +14)
      r5 &= 15
      r0 = *(u32 *)(r2 +30)
      r4 = *(u8 *)(r2 +23)
      r7 = *(u16 *)(r2 +16)
      r0 ^= r4
      r0 &= 63
      *(u32 *)(r10 -4) = r0
      r2 = r10
      r2 += -4
      r1 = map[0]
      call 1
      if r0 == 0 goto drop
      r1 = *(u64 *)(r0 +0)
      r1 += 1
      *(u64 *)(r0 +0) = r1
      r1 = *(u64 *)(r0 +8)
      r1 += r7
      *(u64 *)(r0 +8) = r1
      *(u32 *)(r6 +8) = 7
      r1 = 5
      r2 = 0
      call 23
      exit
      drop: r0 = 2
      exit)",
        {array(64)})
      .measure(state);
}

BENCHMARK(return_only);
BENCHMARK(alu);
BENCHMARK(branches);
BENCHMARK(stack);
BENCHMARK(packet);
BENCHMARK(context);
BENCHMARK(global_data);
BENCHMARK(calls);
BENCHMARK(parse_lookup_redirect);

}  // namespace
}  // namespace netkit::bpf
