// Whatever the text: a topology or one-line problems with their place, and every reference of a topology is
// valid.
#include <cstdlib>

#include "topology/topology.h"

using namespace netkit;
using namespace netkit::topology;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const DatumNames kNames{
    .ifindex = [](EndIndex) -> Result<std::uint32_t> { return 1U; },
    .mac = [](EndIndex) -> Result<MacAddress> { return MacAddress{}; },
    .program_id = [](const ObjectMember&) -> Result<std::uint32_t> { return 1U; },
};

void check(const Topology& topology) {
  require(!topology.namespaces.empty());
  for (const End& end : topology.ends) require(end.netns < topology.namespaces.size());
  for (const Netkit& netkit : topology.netkits) {
    require(netkit.primary < topology.ends.size());
    require(!netkit.peer || *netkit.peer < topology.ends.size());
  }
  for (const MapContents& contents : topology.maps) {
    require(contents.map.object < topology.objects.size());
    for (const MapEntry& entry : contents.entries) {
      const auto key = encode(entry.key, 4, kNames);
      require(!key || key->size() == 4);
    }
  }
  for (const Step& step : topology.steps) {
    require(!step.say.empty());
    for (const Expectation& expectation : step.expectations)
      require(!expectation.since || *expectation.since < topology.steps.size());
  }
  for (std::size_t i = 0; i < topology.objects.size(); ++i) (void)check_object(topology, i, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto topology = parse({reinterpret_cast<const char*>(data), size}, "t.yaml");
  if (topology) {
    check(*topology);
  } else {
    require(topology.error().text.starts_with("t.yaml:"));
    require(topology.error().text.find('\n') == std::string::npos);
  }
  return 0;
}
