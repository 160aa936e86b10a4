#include "cli/prog/replay.h"

#include "bpf/trace/tracer.h"

namespace netkit::cli {
namespace {

// So many instructions before the fault are followed: enough to have seen where its pointers come from.
constexpr std::uint64_t kFollowed = 4096;

class StepCounter final : public bpf::StepObserver {
 public:
  void step(const bpf::Step&) override { ++steps_; }
  void end() override {}
  [[nodiscard]] std::uint64_t steps() const { return steps_; }

 private:
  std::uint64_t steps_ = 0;
};

// Hands on what comes behind so many steps.
class Late final : public bpf::StepObserver {
 public:
  Late(std::uint64_t skipped, bpf::StepObserver& observer) : skipped_(skipped), observer_(observer) {}
  void step(const bpf::Step& step) override {
    if (steps_++ >= skipped_) observer_.step(step);
  }
  void end() override { observer_.end(); }

 private:
  std::uint64_t skipped_;
  std::uint64_t steps_ = 0;
  bpf::StepObserver& observer_;
};

// The whole session again, up to and with the fault.
Result<RunSession> replay(const RunArguments& arguments, std::span<const CapturedPacket> packets,
                          const std::vector<std::byte>& context, bpf::StepObserver& observer) {
  RunSession session = TRY(RunSession::open(arguments, [](std::string_view) {}));
  for (const CapturedPacket& packet : packets.first(packets.size() - 1))
    TRY(session.run(arguments, packet.bytes, context));
  session.observe(&observer);
  const auto output = session.run(arguments, packets.back().bytes, context);
  session.observe(nullptr);
  if (output) return fail(ENOENT, "the fault did not happen again");
  return session;
}

}  // namespace

Result<FaultStory> replay_fault(const RunArguments& arguments, std::span<const CapturedPacket> packets,
                                const std::vector<std::byte>& context) {
  StepCounter counter;
  TRY(replay(arguments, packets, context, counter));
  std::deque<bpf::TraceRecord> last;
  bpf::Tracer tracer(bpf::TraceGrain::kInsn, [&last](const bpf::TraceRecord& record) {
    last.push_back(record);
    if (last.size() > kShownBeforeFault) last.pop_front();
  });
  Late late(counter.steps() - std::min(counter.steps(), kFollowed), tracer);
  RunSession session = TRY(replay(arguments, packets, context, late));
  return FaultStory{.session = std::move(session), .last = std::move(last), .registers = tracer.registers()};
}

}  // namespace netkit::cli
