// What a change of a program list costs: requests to src/control beside the same bpf(2) commands to the
// running kernel, which get a device (lo) in a network namespace of their own. Without root the kernel's
// column says why it is missing.
#include <benchmark/benchmark.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "bpf/isa/insn.h"
#include "control/attach.h"
#include "control/program.h"
#include "device/namespace.h"

namespace netkit::control {
namespace {

constexpr std::uint32_t kTcxIngress = 46;

// r0 = -1 (next); exit
constexpr std::array<bpf::Insn, 2> kNext = {bpf::Insn{.opcode = 0xb7, .imm = -1}, bpf::Insn{.opcode = 0x95}};

// Who answers: attach and detach by descriptor, and a query of everything.
class Ours {
 public:
  [[nodiscard]] std::string trouble() const { return {}; }
  int load() {
    return load_program(client_, {.prog_type = 3, .insns = kNext, .license = "GPL", .prog_name = "next"})
        .value();
  }
  void attach(int program) {
    (void)attach_program(client_, {.target_ifindex = 1, .prog_fd = program, .attach_type = kTcxIngress})
        .value();
  }
  void detach(int program) {
    (void)detach_program(client_, {.target_ifindex = 1, .prog_fd = program, .attach_type = kTcxIngress})
        .value();
  }
  std::uint32_t query() {
    QueryAnswer answer;
    (void)query_programs(client_, {.target_ifindex = 1, .attach_type = kTcxIngress, .room = 64}, answer)
        .value();
    return answer.count;
  }

 private:
  [[nodiscard]] device::NamespaceRef make_namespace() {
    const device::Rtnl rtnl = network_.lock();
    return network_.add_namespace(rtnl, "bench").value();
  }
  device::Network network_;
  System system_{.network = network_};
  Client client_{system_, make_namespace()};
};

class Kernel {
 public:
  Kernel() {
    if (::unshare(CLONE_NEWNET) != 0) {
      trouble_ = std::string("no network namespace: ") + std::strerror(errno);
    } else if (const int probe = load(); probe < 0) {
      trouble_ = std::string("bpf(2): ") + std::strerror(errno);
    }
  }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }
  int load() {
    bpf_attr attr{};
    attr.prog_type = BPF_PROG_TYPE_SCHED_CLS;
    attr.insns = reinterpret_cast<std::uint64_t>(kNext.data());
    attr.insn_cnt = kNext.size();
    attr.license = reinterpret_cast<std::uint64_t>("GPL");
    return call(BPF_PROG_LOAD, attr);
  }
  void attach(int program) { change(BPF_PROG_ATTACH, program); }
  void detach(int program) { change(BPF_PROG_DETACH, program); }
  std::uint32_t query() {
    // The fields of BPF_PROG_QUERY as in Linux 6.7 and later.
    struct {
      std::uint32_t target = 1, type = kTcxIngress, query_flags = 0, attach_flags = 0;
      std::uint64_t prog_ids = 0;
      std::uint32_t count = 64, pad = 0;
      std::uint64_t prog_attach_flags = 0, link_ids = 0, link_attach_flags = 0, revision = 0;
    } query;
    query.prog_ids = reinterpret_cast<std::uint64_t>(ids_.data());
    query.link_ids = reinterpret_cast<std::uint64_t>(link_ids_.data());
    (void)::syscall(SYS_bpf, BPF_PROG_QUERY, &query, sizeof query);
    return query.count;
  }

 private:
  static int call(int command, bpf_attr& attr) {
    return static_cast<int>(::syscall(SYS_bpf, command, &attr, sizeof attr));
  }
  static void change(int command, int program) {
    bpf_attr attr{};
    attr.target_fd = 1;  // the device's number
    attr.attach_bpf_fd = static_cast<std::uint32_t>(program);
    attr.attach_type = kTcxIngress;
    (void)call(command, attr);
  }
  std::string trouble_;
  std::array<std::uint32_t, 64> ids_{}, link_ids_{};
};

// One program comes and goes in a list that has so many others.
template <class Answerer>
void attach_and_detach(benchmark::State& state) {
  Answerer answerer;
  if (!answerer.trouble().empty()) return state.SkipWithError(answerer.trouble().c_str());
  for (std::int64_t i = 0; i < state.range(0); ++i) answerer.attach(answerer.load());
  const int program = answerer.load();
  for (auto _ : state) {
    answerer.attach(program);
    answerer.detach(program);
  }
  state.SetItemsProcessed(2 * state.iterations());
}

template <class Answerer>
void query(benchmark::State& state) {
  Answerer answerer;
  if (!answerer.trouble().empty()) return state.SkipWithError(answerer.trouble().c_str());
  for (std::int64_t i = 0; i < state.range(0); ++i) answerer.attach(answerer.load());
  std::uint32_t count = 0;
  for (auto _ : state) benchmark::DoNotOptimize(count = answerer.query());
  if (count != state.range(0)) state.SkipWithError("the answer is wrong");
}

BENCHMARK(attach_and_detach<Ours>)->Arg(0)->Arg(62);
BENCHMARK(attach_and_detach<Kernel>)->Arg(0)->Arg(62);
BENCHMARK(query<Ours>)->Arg(63);
BENCHMARK(query<Kernel>)->Arg(63);

}  // namespace
}  // namespace netkit::control
