// A netkit pair inside this process: what the pod sends is judged by a BPF program.
#include <netkit/netkit.h>

#include <chrono>
#include <cstdio>

using namespace netkit::v1;
using namespace std::chrono_literals;

int main(int argc, char** argv) try {
  Engine engine = Engine::start().value();
  const Namespace host = engine.add_namespace("host").value();
  const Namespace pod = engine.add_namespace("pod").value();
  const auto [nk0, eth0] = host.add_netkit({.name = "nk0", .peer = {.name = "eth0", .netns = &pod}}).value();
  nk0.set_up().value();
  eth0.set_up().value();
  Port host_stack = nk0.open_port().value();
  Port pod_stack = eth0.open_port().value();

  const Packet packet{.bytes = std::vector<std::uint8_t>(64)};  // L3: zero addresses
  pod_stack.send(packet).value();
  std::printf("no program: %zu bytes came\n", host_stack.receive(1s).value().bytes.size());

  const Object object = engine.load(argc > 1 ? argv[1] : "drop_all.bpf.o").value();
  const Link link = nk0.attach(AttachPoint::kNetkitPeer, object.program("drop_all").value()).value();
  pod_stack.send(packet).value();
  const auto answer = host_stack.receive(100ms);
  std::printf("with drop_all: %s\n", answer ? "it came" : describe(answer.error()).c_str());
  for (const DropCount& drop : eth0.statistics().drops)
    std::printf("eth0 dropped %lu: %s\n", drop.packets, drop.reason.c_str());
} catch (const std::bad_expected_access<Error>& failure) {
  std::fprintf(stderr, "%s\n", describe(failure.error()).c_str());
  return 1;
}
