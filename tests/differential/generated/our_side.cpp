#include <utility>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "bpf/test_run/runner.h"
#include "tests/differential/generated/sides.h"
#include "tests/differential/generated/world.h"

namespace netkit::differential {
namespace {

using namespace bpf;

class OurSide final : public Side {
 public:
  explicit OurSide(TestRunner runner) : runner_(std::move(runner)) {}

  Result<> start(StepObserver* observer) {
    runner_.observe(observer);
    for (const MapSpec& spec : kMaps) maps_.push_back(TRY(create_map(spec)));
    const std::uint32_t first = 0;
    TRY(maps_[kStringsMap]->write(std::as_bytes(std::span(&first, 1)), strings(), kAny));
    TRY(maps_[kStringsMap]->freeze());
    for (std::uint32_t slot = 0; slot < kTargets.size(); ++slot) {
      const ProgramRef target = TRY(prepare({TRY(assemble(kTargets[slot])), {0}}));
      TRY(maps_[kTargetsMap]->write(std::as_bytes(std::span(&slot, 1)),
                                    std::as_bytes(std::span(&target->id, 1)), kAny));
    }
    return {};
  }

  Result<> load(const GeneratedProgram& program) override {
    chain_ = {TRY(prepare(program))};
    return {};
  }

  Result<Observed> run(const TestInput& input) override {
    TRY(fill());
    const TestOutput output = TRY(runner_.run(chain_, input));
    Observed seen{.retval = output.retval(), .packet = output.data, .context = output.context, .maps = {}};
    for (const GeneratedMap map : kCompared) seen.maps[map] = TRY(contents(map));
    return seen;
  }

 private:
  Result<ProgramRef> prepare(const GeneratedProgram& program) const {
    auto image = std::make_shared<ProgramImage>();
    image->name = "generated";
    image->license = "GPL";
    image->gpl_compatible = true;
    image->insns = program.insns;
    image->maps = maps_;
    for (std::size_t number = 0; number < program.functions.size(); ++number) {
      const auto end =
          number + 1 < program.functions.size() ? program.functions[number + 1] : program.insns.size();
      image->functions.push_back(
          {"f", program.functions[number], static_cast<std::uint32_t>(end - program.functions[number])});
    }
    return ProgramTable::instance().publish(TRY(prepare_interpreted(std::move(image))));
  }

  Result<> fill() {
    for (const GeneratedMap map : kCompared) {
      TRY(empty(map));
      for (const auto& [key, value] : first_contents(map)) TRY(maps_[map]->write(key, value, kAny));
    }
    return {};
  }
  Result<> empty(std::size_t map) {
    Bytes key(kMaps[map].key_size);
    Bytes value(user_value_size(map));
    if (kMaps[map].type == MapType::kQueue) {
      while (maps_[map]->take({}, value)) {
      }
    } else if (kMaps[map].type != MapType::kArray && map != kPercpuMap) {
      while (maps_[map]->next_key({}, key)) TRY(maps_[map]->remove(key));
    }
    return {};
  }
  Result<std::map<Bytes, Bytes>> contents(std::size_t map) {
    std::map<Bytes, Bytes> all;
    if (kMaps[map].type == MapType::kQueue) {
      Bytes value(user_value_size(map));
      for (std::uint8_t number = 0; maps_[map]->take({}, value); ++number) all[{std::byte{number}}] = value;
      return all;
    }
    TRY(maps_[map]->for_each([&](std::span<const std::byte> key, std::span<const std::byte> value) {
      all[{key.begin(), key.end()}] = {value.begin(), value.end()};
      return true;
    }));
    return all;
  }

  TestRunner runner_;
  std::vector<MapRef> maps_;
  std::vector<ProgramRef> chain_;
};

}  // namespace

Result<std::unique_ptr<Side>> make_our_side(StepObserver* observer) {
  auto side = std::make_unique<OurSide>(TRY(TestRunner::make()));
  TRY(side->start(observer));
  return side;
}

}  // namespace netkit::differential
