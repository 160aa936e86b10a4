// Requests of a client, as bytes from its socket: whatever they are, each message has at most one answer,
// which is JSON, and the engine goes on.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/rcu.h"
#include "control/rpc/framer.h"
#include "control/rpc/protocol.h"
#include "control/rpc/session.h"

namespace {

using namespace netkit;

// An engine with a pair, a program and a map, and one client.
struct World {
  device::Network network;
  control::System system{network};
  rpc::Service service = rpc::Service::make(system, "in-process").value();
  rpc::Session session{service, {{0, true}, service.own_netns()}, [] {}};

  World() {
    for (
        const char* const request :
        {R"({"jsonrpc":"2.0","id":1,"method":"rtnl.new_link","params":{"flags":1536,"ifname":"nk0","linkinfo":
             {"kind":"netkit","data":{"peer":{"ifname":"nk1"}}}}})",
         R"({"jsonrpc":"2.0","id":1,"method":"bpf.prog_load","params":{"prog_type":3,"license":"GPL",
             "insns":"b7000000000000009500000000000000"}})",
         R"({"jsonrpc":"2.0","id":1,"method":"bpf.map_create","params":{"map_type":1,"key_size":4,"value_size":4,
             "max_entries":4}})"}) {
      if (session.serve(request, {}).find("\"result\"") == std::string::npos) std::abort();
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  {
    World world;
    rpc::Framer framer;
    std::vector<Fd> passed;
    passed.emplace_back(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
    framer.add({reinterpret_cast<const char*>(data), size}, std::move(passed));
    framer.add("\n", {});
    while (true) {
      auto message = framer.next();
      if (!message || !*message) break;
      const std::string answer = world.session.serve((*message)->text, std::move((*message)->passed));
      if (answer.empty()) continue;
      if (answer.back() != '\n' || nlohmann::json::parse(answer, nullptr, false).is_discarded()) std::abort();
    }
    (void)world.session.take_notifications();
  }
  rcu::drain();
  return 0;
}
