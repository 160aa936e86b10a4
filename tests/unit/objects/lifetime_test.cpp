// Many clients at once, and nothing left over in the end.
#include <thread>

#include "tests/unit/objects/fixture.h"

namespace netkit::control {
namespace {

struct Census {
  std::size_t programs = bpf::ProgramTable::instance().ids().size();
  std::size_t maps = bpf::MapTable::instance().ids().size();
  std::size_t links = device::LinkTable::instance().ids().size();
  friend bool operator==(const Census&, const Census&) = default;
};

class Lifetime : public ::testing::Test {
 protected:
  ~Lifetime() override { rcu::drain(); }
};

// Everything that can hold everything else: a link pinned at a device, a program in a prog array that it
// names, the array pinned; and the engine ends.
TEST_F(Lifetime, AnEngineThatEndsLeavesNoObject) {
  const Census before;
  {
    device::Network network;
    System system{network};
    device::NamespaceRef host;
    {
      const device::Rtnl rtnl = network.lock();
      host = network.add_namespace(rtnl, "host").value();
    }
    Client client(system, host);
    const int array =
        create_map(client, {.map_type = 3, .key_size = 4, .value_size = 4, .max_entries = 2}).value();
    const std::vector<bpf::Insn> insns =
        bpf::assemble("r1 = map[" + std::to_string(array) + "]; r0 = 0; exit").value();
    const int program =
        load_program(client, {.prog_type = kSchedCls, .insns = insns, .license = "GPL"}).value();
    ASSERT_TRUE(update_element(client, array, bytes_of(0), bytes_of(static_cast<std::uint32_t>(program))));
    const int link =
        create_link_at(client,
                       {.target_ifindex = kLoopbackNumber, .prog_fd = program, .attach_type = kTcxIngress})
            .value();
    ASSERT_TRUE(pin_object(client, array, "/sys/fs/bpf/array"));
    ASSERT_TRUE(pin_object(client, program, "/sys/fs/bpf/program"));
    ASSERT_TRUE(pin_object(client, link, "/sys/fs/bpf/link"));
    ASSERT_TRUE(attach_program(
        client, {.target_ifindex = kLoopbackNumber, .prog_fd = program, .attach_type = kTcxIngress + 1}));
    EXPECT_NE(Census(), before);
  }
  rcu::drain();
  EXPECT_EQ(Census(), before);
}

// One client's life: objects of every kind, pins that others take and remove, a device list that all change.
void work(System& system, const device::NamespaceRef& netns, unsigned number) {
  constexpr int kRounds = 60;
  const std::string own = "/sys/fs/bpf/own" + std::to_string(number);
  const std::string shared = "/sys/fs/bpf/shared/one";
  const std::vector<bpf::Insn> insns = bpf::assemble("r0 = 0; exit").value();
  for (int round = 0; round < kRounds; ++round) {
    Client client(system, netns);
    const int program =
        load_program(client, {.prog_type = kSchedCls, .insns = insns, .license = "GPL"}).value();
    const int map =
        create_map(client, {.map_type = 1, .key_size = 4, .value_size = 4, .max_entries = 16}).value();
    const int link =
        create_link_at(client,
                       {.target_ifindex = kLoopbackNumber, .prog_fd = program, .attach_type = kTcxIngress})
            .value();
    EXPECT_TRUE(pin_object(client, round % 2 == 0 ? link : map, own));
    if (pin_object(client, map, shared)) {
      EXPECT_TRUE(update_element(client, map, bytes_of(1), bytes_of(2)));
    }
    if (const auto found = open_pin(client, shared)) {
      static_cast<void>(lookup_element(client, *found, bytes_of(1)));
      static_cast<void>(update_element(client, *found, bytes_of(number), bytes_of(7)));
    }
    for (auto id = next_link_id(client, 0); id; id = next_link_id(client, *id)) {
      if (const auto other = open_link(client, *id)) {
        EXPECT_TRUE(link_info(client, *other));
      }
    }
    for (auto id = next_program_id(client, 0); id; id = next_program_id(client, *id)) {
      if (const auto other = open_program(client, *id)) {
        EXPECT_TRUE(program_info(client, *other));
      }
    }
    EXPECT_TRUE(system.pins.list(client.credentials(), "/sys/fs/bpf"));
    static_cast<void>(system.pins.unlink(client.credentials(), shared));
    EXPECT_TRUE(system.pins.unlink(client.credentials(), own));
    if (round % 8 == 0) {
      EXPECT_TRUE(enable_stats(client, kStatsRunTime));
    }
  }
}

TEST_F(Lifetime, ManyClientsAtOnceDoNotDisturbEachOther) {
  const Census before;
  {
    device::Network network;
    System system{network};
    device::NamespaceRef host;
    {
      const device::Rtnl rtnl = network.lock();
      host = network.add_namespace(rtnl, "host").value();
    }
    ASSERT_TRUE(system.pins.make_directory({}, "/sys/fs/bpf/shared"));
    constexpr unsigned kClients = 4;
    std::vector<std::thread> threads;
    for (unsigned number = 0; number < kClients; ++number)
      threads.emplace_back([&, number] { work(system, host, number); });
    for (std::thread& thread : threads) thread.join();
    EXPECT_FALSE(bpf::program_timing());
  }
  rcu::drain();
  EXPECT_EQ(Census(), before);
}

}  // namespace
}  // namespace netkit::control
