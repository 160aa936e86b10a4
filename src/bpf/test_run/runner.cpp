#include "bpf/test_run/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/clock.h"
#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/run/skb.h"
#include "bpf/run/vcpu.h"
#include "bpf/test_run/test_packet.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kLoopback = 1;
constexpr std::uint32_t kLoopbackMtu = 65536;

// Total time of so many runs as the kernel tells it.
std::uint32_t average(Nanoseconds total, std::uint32_t repeat) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(total / repeat, std::numeric_limits<std::uint32_t>::max()));
}

}  // namespace

struct TestRunner::State {
  State(VirtualCpu owned, TestWorld wanted) : cpu(std::move(owned)), world(std::move(wanted)) {
    run.cpu = cpu.number();
    run.pool = &pool;
    run.redirect = &redirect;
    run.outside = &outside;
    outside.self = this;
    outside.clone_redirect = clone_redirect;
    outside.device_mtu = device_mtu;
    outside.socket = [](void* self, std::uint64_t) -> const Socket* {
      return &static_cast<State*>(self)->socket;
    };
    outside.device_facts = device_facts;
    outside.trace_self = this;
    if (world.trace) outside.trace = trace;
  }

  // The MTU of a device; 0: there is none of that number.
  [[nodiscard]] std::uint32_t mtu_of(std::uint32_t ifindex) const {
    if (ifindex == kLoopback) return kLoopbackMtu;
    const auto found = std::ranges::find(world.devices, ifindex, &TestDevice::ifindex);
    return found == world.devices.end() ? 0 : found->mtu;
  }

  Result<> run_rounds(std::span<const ProgramRef> chain, Packet& packet, std::uint32_t repeat,
                      TestOutput& output) {
    const rcu::Section section;
    const Nanoseconds start = monotonic_ns();
    for (std::uint32_t round = 0; round < repeat; ++round) {
      redirect.clear();
      for (std::size_t number = 0; number < chain.size(); ++number) {
        output.runs[number].retval = static_cast<std::uint32_t>(run_program(run, *chain[number], packet));
        if (run.fault.happened)
          return fail(EFAULT, fmt::format("program {}: {}", chain[number]->name, run.fault.text));
      }
      rcu::quiescent();
    }
    output.duration = average(monotonic_ns() - start, repeat);
    return {};
  }

  static std::int64_t clone_redirect(void* self, RunContext& run, std::uint32_t ifindex,
                                     std::uint64_t flags) {
    auto& state = *static_cast<State*>(self);
    if (state.mtu_of(ifindex) == 0) return -EINVAL;
    state.clones.push_back({ifindex, flags, run.packet->len()});
    return 0;
  }
  static std::uint32_t device_mtu(void* self, RunContext& run, std::uint32_t ifindex) {
    return static_cast<State*>(self)->mtu_of(ifindex != 0 ? ifindex : run.packet->meta.ifindex);
  }
  static void device_facts(void* self, RunContext& run, DeviceFacts& facts) {
    constexpr std::uint16_t kLoopbackType = 772;              // ARPHRD_LOOPBACK
    constexpr std::uint32_t kLoopbackFlags = 0x1'0049;        // UP, LOOPBACK, RUNNING, LOWER_UP
    constexpr std::uint32_t kUpFlags = 0x1'1043;              // UP, BROADCAST, RUNNING, MULTICAST, LOWER_UP
    constexpr std::uint32_t kInitialNamespace = 0xf000'0000;  // PROC_DYNAMIC_FIRST
    const auto& state = *static_cast<State*>(self);
    const std::uint32_t ifindex = run.packet->meta.ifindex;
    const auto found = std::ranges::find(state.world.devices, ifindex, &TestDevice::ifindex);
    facts.netns_cookie = 1;
    facts.netns_inum = kInitialNamespace;
    facts.address_length = 6;
    facts.mtu = state.mtu_of(ifindex);
    if (ifindex == kLoopback) {
      facts.name = {"lo"};
      facts.flags = kLoopbackFlags;
      facts.type = kLoopbackType;
    } else if (found != state.world.devices.end()) {
      found->name.copy(facts.name.data(), facts.name.size() - 1);
      facts.flags = kUpFlags;
    }
  }
  static void trace(void* self, std::string_view line) { static_cast<State*>(self)->world.trace(line); }

  VirtualCpu cpu;
  TestWorld world;
  PacketPool pool;
  RedirectRecord redirect;
  Outside outside;
  std::vector<SentClone> clones;
  Socket socket;  // the packet's
  RunContext run;
};

TestRunner::TestRunner(std::unique_ptr<State> state) : state_(std::move(state)) {}
TestRunner::TestRunner(TestRunner&&) noexcept = default;
TestRunner& TestRunner::operator=(TestRunner&&) noexcept = default;
TestRunner::~TestRunner() = default;

Result<TestRunner> TestRunner::make(TestWorld world) {
  VirtualCpu cpu = TRY(VirtualCpu::acquire());
  return TestRunner(std::make_unique<State>(std::move(cpu), std::move(world)));
}

void TestRunner::observe(StepObserver* observer) {
  state_->run.observer = observer;
}

Result<TestOutput> TestRunner::run(std::span<const ProgramRef> chain, const TestInput& input) {
  const __sk_buff context = TRY(read_test_context(input));
  if (context.ifindex > kLoopback && state_->mtu_of(context.ifindex) == 0)
    return fail(ENODEV, fmt::format("context: there is no device with ifindex {}", context.ifindex));
  const PacketPtr packet = TRY(make_test_packet(input, context, state_->pool));
  state_->socket = make_test_socket(*packet);
  const bool summed = (input.flags & kTestChecksumComplete) != 0;
  if (summed) sum_test_packet(*packet);

  TestOutput output;
  for (const ProgramRef& program : chain) output.runs.push_back({.program = program->name});
  const std::uint32_t repeat = std::max(input.repeat, 1U);
  state_->clones.clear();
  TRY(state_->run_rounds(chain, *packet, repeat, output));
  if (summed && !test_sum_holds(*packet))
    return fail(EBADMSG, "the packet's checksum state does not match its bytes any more");

  output.redirect = state_->redirect;
  output.clones = state_->clones;
  output.data_size = packet->len();
  output.cut = input.data_room != 0 && input.data_room < packet->len();
  const auto bytes = packet->bytes().first(output.cut ? input.data_room : packet->len());
  output.data.assign(bytes.begin(), bytes.end());
  if (output.cut) return output;
  const __sk_buff left = write_test_context(context, *packet);
  const auto whole = std::as_bytes(std::span(&left, 1));
  const auto taken = whole.first(std::min<std::size_t>(input.context_room.value_or(kSkbSize), whole.size()));
  output.context.assign(taken.begin(), taken.end());
  output.cut = !taken.empty() && taken.size() < whole.size();
  return output;
}

}  // namespace netkit::bpf
