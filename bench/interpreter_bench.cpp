// What executing a program costs, by our interpreter and by the running kernel's compiler (BPF_PROG_TEST_RUN,
// where bpf(2) is allowed): nanoseconds per instruction ("ns/insn") of small loops of one kind, and of a
// program that does what datapaths do (parse, look up, redirect).
#include <benchmark/benchmark.h>
#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/isa/insn.h"
#include "bpf/isa/instruction.h"
#include "bpf/map/map.h"
#include "bpf/map/tables.h"
#include "packet/pool.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kArrayValue = 64;  // bytes
using Frame = std::array<std::uint8_t, 64>;

// A program; map[0] of it is an array of that many values.
struct Workload {
  const char* name;
  std::string code;
  std::uint32_t array_entries = 0;
};

template <class T>
T value_of(Result<T> result) {
  if (result) return std::move(*result);
  std::cerr << result.error().text << '\n';
  std::exit(1);
}

// An IPv4 packet, as far as the programs look.
Frame frame() {
  Frame bytes{};
  for (std::size_t at = 0; at < bytes.size(); ++at) bytes[at] = static_cast<std::uint8_t>(at);
  bytes[12] = 0x08;
  bytes[13] = 0x00;
  return bytes;
}

class Interpreted {
 public:
  explicit Interpreted(const Workload& work) {
    auto image = std::make_shared<ProgramImage>();
    image->name = work.name;
    image->insns = value_of(assemble(work.code));
    image->functions = {{work.name, 0, static_cast<std::uint32_t>(image->insns.size())}};
    if (work.array_entries != 0) {
      image->maps = {value_of(create_map({.name = "a",
                                          .type = MapType::kArray,
                                          .key_size = 4,
                                          .value_size = kArrayValue,
                                          .max_entries = work.array_entries}))};
    }
    program_ = ProgramTable::instance().publish(value_of(prepare_interpreted(std::move(image))));
    packet_ = pool_.allocate(sizeof(Frame));
    std::ranges::copy(frame(), packet_->data());
    run_->redirect = &redirect_;
    run_->outside = &outside_;
    run_->pool = &pool_;
  }

  void once() { benchmark::DoNotOptimize(run_program(*run_, *program_, *packet_)); }
  // Of the last run.
  [[nodiscard]] std::uint64_t executed() const { return run_->instruction_limit - run_->budget; }
  [[nodiscard]] const Fault& fault() const { return run_->fault; }

 private:
  PacketPool pool_;
  PacketPtr packet_;
  RedirectRecord redirect_;
  Outside outside_;
  std::unique_ptr<RunContext> run_ = std::make_unique<RunContext>();
  ProgramRef program_;
};

class Compiled {
 public:
  explicit Compiled(const Workload& work) {
    std::vector<Insn> insns = value_of(assemble(work.code));
    if (work.array_entries != 0) {
      map_ = Fd(bpf_map_create(BPF_MAP_TYPE_ARRAY, "a", 4, kArrayValue, work.array_entries, nullptr));
      for (std::size_t at = 0; at < insns.size(); at += is_wide(insns[at]) ? 2 : 1) {
        if (is_wide(insns[at]) && insns[at].src != kImm64) insns[at].imm = map_.get();
      }
    }
    program_ = Fd(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, work.name, "GPL",
                                reinterpret_cast<const bpf_insn*>(insns.data()), insns.size(), nullptr));
  }
  [[nodiscard]] bool loaded() const { return static_cast<bool>(program_); }

  // Nanoseconds of a run.
  std::uint32_t average(int runs) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = frame_.data();
    options.data_size_in = sizeof(Frame);
    options.repeat = runs;
    return bpf_prog_test_run_opts(program_.get(), &options) == 0 ? options.duration : 0;
  }

 private:
  Frame frame_ = frame();
  Fd map_;
  Fd program_;
};

void report(benchmark::State& state, std::uint64_t executed) {
  state.counters["insns"] = static_cast<double>(executed);
  state.counters["ns/insn"] =
      benchmark::Counter(static_cast<double>(executed) * 1e-9,
                         benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void interpreter(benchmark::State& state, const Workload& work) {
  Interpreted program(work);
  const rcu::Section section;
  for (auto _ : state) program.once();
  if (program.fault().happened) state.SkipWithError(program.fault().text.c_str());
  report(state, program.executed());
}

// Times are the kernel's own.
void kernel_jit(benchmark::State& state, const Workload& work) {
  constexpr int kRuns = 2000;
  Interpreted counted(work);
  counted.once();
  Compiled program(work);
  if (!program.loaded()) return state.SkipWithError("bpf(2) is not allowed here");
  for (auto _ : state) state.SetIterationTime(program.average(kRuns) * 1e-9);
  report(state, counted.executed());
}

// 1000 rounds of ten instructions of a kind, and two of the loop. R6 is the packet, of which 64 bytes are
// there.
std::string loop(std::string_view ten) {
  return "r6 = *(u32 *)(r1 +76); r7 = *(u32 *)(r1 +80); r8 = r6; r8 += 64; r0 = 0; if r8 > r7 goto end; r9 = "
         "1000; "
         "r2 = 7; r3 = 3; again: " +
         std::string(ten) + "; r9 += -1; if r9 != 0 goto again; r0 = 0; end: exit";
}

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = {
      {"return_only", "r0 = 0; exit"},
      {"alu", loop("r2 += 5; r3 ^= r2; r4 = r3; r4 <<= 3; r5 = r4; w5 += w2; r2 |= 1; w3 &= 0xffff; r4 -= "
                   "r5; r5 = 9")},
      {"branches",
       loop("if r2 == 0 goto pc+0; if r2 != 0 goto pc+0; if r2 > r3 goto pc+0; if r2 s< 0 goto pc+0; if w2 "
            "== 7 goto pc+0;"
            "if r2 == 0 goto pc+0; if r2 != 0 goto pc+0; if r2 > r3 goto pc+0; if r2 s< 0 goto pc+0; goto "
            "pc+0")},
      {"stack",
       loop("*(u64 *)(r10 -8) = r2; r4 = *(u64 *)(r10 -8); *(u32 *)(r10 -16) = r3; r5 = *(u32 *)(r10 -16); "
            "*(u16 *)(r10 -20) = 7;"
            "*(u64 *)(r10 -8) = r2; r4 = *(u64 *)(r10 -8); *(u32 *)(r10 -16) = r3; r5 = *(u32 *)(r10 -16); "
            "*(u16 *)(r10 -20) = 7")},
      {"packet",
       loop("r4 = *(u16 *)(r6 +12); r5 = *(u8 *)(r6 +14); r4 = *(u32 *)(r6 +26); r5 = *(u32 *)(r6 +30); "
            "*(u8 *)(r6 +22) = r3;"
            "r4 = *(u16 *)(r6 +12); r5 = *(u8 *)(r6 +14); r4 = *(u32 *)(r6 +26); r5 = *(u32 *)(r6 +30); "
            "*(u8 *)(r6 +22) = r3")},
      {"context",
       "r9 = 1000; r3 = 3; again: r2 = *(u32 *)(r1 +8); r2 = *(u32 *)(r1 +0); r2 = *(u32 *)(r1 +16); r2 = "
       "*(u32 "
       "*)(r1 "
       "+40); r2 = *(u32 *)(r1 +76);"
       "*(u32 *)(r1 +8) = r3; r2 = *(u32 *)(r1 +0); r2 = *(u32 *)(r1 +16); r2 = *(u32 *)(r1 +40); r2 = *(u32 "
       "*)(r1 +80); r9 += -1; if r9 != 0 goto again; r0 = 0; exit"},
      {"global_data",
       "r9 = 1000; r6 = map[0]+0; again: r2 = *(u64 *)(r6 +0); r2 += 1; *(u64 *)(r6 +0) = r2; r3 = *(u32 "
       "*)(r6 +8); r3 += r2; *(u32 *)(r6 +8) = r3;"
       "r9 += -1; if r9 != 0 goto again; r0 = 0; exit",
       1},
      {"calls",
       "r6 = 1000; again: r1 = 1; call sub; r6 += -1; if r6 != 0 goto again; exit; sub: r0 = r1; exit"},
      // Ethernet and IPv4 header, counters in an array, redirect: what a small datapath does to each packet.
      {"parse_lookup_redirect",
       R"(
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
      r1 = 7
      *(u32 *)(r6 +8) = r1
      r1 = 5
      r2 = 0
      call 23
      exit
      drop: r0 = 2
      exit)",
       64},
  };
  return all;
}

}  // namespace
}  // namespace netkit::bpf

int main(int argc, char** argv) {
  using namespace netkit::bpf;
  for (const Workload& work : workloads()) {
    const std::string name = work.name;
    benchmark::RegisterBenchmark((name + "/interpreter").c_str(), interpreter, work);
    benchmark::RegisterBenchmark((name + "/kernel_jit").c_str(), kernel_jit, work)
        ->UseManualTime()
        ->Iterations(50);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
