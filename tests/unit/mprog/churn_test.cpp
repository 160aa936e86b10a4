// Several clients change lists, links, devices and namespaces at once while two workers send packets through
// them. Run it under ThreadSanitizer too.
#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "control/netns.h"
#include "control/uapi.h"
#include "tests/unit/mprog/fixture.h"
#include "tests/unit/mprog/traffic.h"

namespace netkit::control {
namespace {

using testing::StampCollector;
using testing::Traffic;

constexpr std::uint32_t kStampStep = 31;

// What a packet carries in cb[0] when it has met these programs in this order.
std::uint32_t stamp_of(const std::vector<std::uint32_t>& serials) {
  std::uint32_t stamp = 0;
  for (const std::uint32_t serial : serials) stamp = stamp * kStampStep + serial;
  return stamp;
}

// A program that adds its serial number to the stamp and lets the list go on.
bpf::ProgramRef stamping(std::uint32_t serial) {
  auto image = std::make_shared<bpf::ProgramImage>();
  image->name = "stamp";
  image->license = "GPL";
  image->insns =
      bpf::assemble(
          fmt::format("r2 = *(u32 *)(r1 +48); w2 *= {}; w2 += {}; *(u32 *)(r1 +48) = r2; w0 = -1; exit",
                      kStampStep, serial))
          .value();
  image->functions = {
      {.name = "stamp", .first = 0, .count = static_cast<std::uint32_t>(image->insns.size())}};
  return bpf::ProgramTable::instance().publish(bpf::prepare_interpreted(image).value());
}

class Churn : public AttachTest {
 protected:
  // A primary of that name and number in host, its peer, named with a p behind, in the pod; both up.
  void make_pair(Client& client, std::string_view primary, std::int32_t number, int pod_fd) {
    Order order;
    order.header.index = number;
    order.generic.text(kIflaIfname, primary);
    order.header.flags = order.header.change = device::kUp;
    order.peer(name(std::string(primary) + "p").u32(kIflaNetNsFd, static_cast<std::uint32_t>(pod_fd)));
    (void)new_link(client, order.request());
    raise_peer(static_cast<std::uint32_t>(number));
  }
  void raise_peer(std::uint32_t number) {
    const device::Rtnl rtnl = network_.lock();
    const device::DeviceRef primary = host_->find(rtnl, number);
    if (primary == nullptr || primary->link_device() == nullptr) return;
    (void)primary->link_device()->set_up(rtnl, true);
  }
  // A client of its own for each thread, in the host's namespace.
  template <class Work>
  [[nodiscard]] std::jthread client_thread(std::uint64_t seed, Work work) {
    return std::jthread([this, seed, work] {
      Client client(system_, host_);
      std::mt19937_64 random(seed);
      work(client, random);
    });
  }
};

// The lists that were ever published, as the clients that made them know.
class PublishedLists {
 public:
  [[nodiscard]] bpf::ProgramRef new_program() {
    const std::uint32_t serial = next_serial_++;
    bpf::ProgramRef program = stamping(serial);
    const std::lock_guard lock(mutex_);
    serials_[program->id] = serial;
    return program;
  }
  void add(const std::vector<std::uint32_t>& ids) {
    const std::lock_guard lock(mutex_);
    std::vector<std::uint32_t> serials;
    for (const std::uint32_t id : ids) serials.push_back(serials_.at(id));
    stamps_.insert(stamp_of(serials));
  }
  [[nodiscard]] const std::set<std::uint32_t>& stamps() const { return stamps_; }

 private:
  std::mutex mutex_;
  std::atomic<std::uint32_t> next_serial_ = 1;
  std::map<std::uint32_t, std::uint32_t> serials_;
  std::set<std::uint32_t> stamps_{0};
};

// One change of a list that is never empty, by a client that saw it at some revision; refused when another
// was faster.
void change_list(Client& client, std::mt19937_64& random, std::uint32_t ifindex, PublishedLists& published) {
  constexpr std::size_t kLongest = 8;
  const auto type = static_cast<std::uint32_t>(AttachType::kNetkitPrimary);
  QueryAnswer seen;
  ASSERT_TRUE(query_programs(client, {.target_ifindex = ifindex, .attach_type = type, .room = 64}, seen));
  AttachRequest request{.target_ifindex = ifindex, .attach_type = type, .expected_revision = seen.revision};
  std::vector<std::uint32_t> ids = seen.prog_ids;
  const std::size_t place = random() % ids.size();
  const Result<int> present = open_program(client, ids[place]);
  if (!present) return;  // another client has removed it

  if (ids.size() == kLongest || (ids.size() > 1 && random() % 3 == 0)) {
    request.prog_fd = *present;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(place));
    if (detach_program(client, request)) published.add(ids);
  } else {
    const bpf::ProgramRef program = published.new_program();
    request.prog_fd = client.open(program);
    if (random() % 2 == 0) {
      request.flags = kReplace;
      request.replace_fd = *present;
      ids[place] = program->id;
    } else {
      request.flags = kBefore | kId;
      request.relative = ids[place];
      ids.insert(ids.begin() + static_cast<std::ptrdiff_t>(place), program->id);
    }
    if (attach_program(client, request)) published.add(ids);
    ASSERT_TRUE(client.close(request.prog_fd));
  }
  ASSERT_TRUE(client.close(*present));
}

TEST_F(Churn, APacketMeetsAListThatWasPublishedNeverAMixture) {
  constexpr int kClients = 3;
  constexpr int kChanges = 600;
  constexpr int kPause = 5;
  constexpr std::uint32_t kNumber = 100;
  make_pair(*client_, "nk0", kNumber, pod_fd_);
  StampCollector collector;
  {
    const device::Rtnl rtnl = network_.lock();
    host_->find(rtnl, kNumber)->link_device()->set_upper_port(rtnl, &collector);
  }
  PublishedLists published;
  at({kNumber, AttachType::kNetkitPrimary});
  {
    const bpf::ProgramRef first = published.new_program();
    published.add({first->id});
    const int fd = client_->open(first);
    ASSERT_EQ(attach({.prog = fd}), "OK");
    ASSERT_TRUE(client_->close(fd));
  }
  Traffic traffic(network_, host_, {kNumber});
  std::vector<std::jthread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.push_back(
        client_thread(static_cast<std::uint64_t>(i), [&](Client& client, std::mt19937_64& random) {
          for (int change = 0; change < kChanges; ++change) {
            change_list(client, random, kNumber, published);
            if (change % kPause == 0)
              traffic.turn();  // packets meet this list, or the one of a faster client
          }
        }));
  }
  clients.clear();
  traffic.turn();

  // The last list as well is one that somebody published, and packets meet it from then on.
  QueryAnswer last;
  ASSERT_EQ(query({.room = 64}, last), "OK");
  for (std::size_t i = 0; i < last.count; ++i) ASSERT_EQ(detach(), "OK");
  // The workers are still running: what was taken out is freed after a grace period.
  rcu::drain();
  for (const std::uint32_t id : last.prog_ids) EXPECT_EQ(bpf::ProgramTable::instance().find(id), nullptr);
  traffic.stop();

  const std::set<std::uint32_t> seen = collector.stamps();
  EXPECT_FALSE(seen.empty());
  RecordProperty("lists_met", std::to_string(seen.size()));
  RecordProperty("lists_published", std::to_string(published.stamps().size()));
  // What the teardown published: the last list, shorter and shorter from its end.
  std::vector<std::uint32_t> rest = last.prog_ids;
  for (; !rest.empty(); rest.pop_back()) published.add(rest);
  for (const std::uint32_t stamp : seen) EXPECT_TRUE(published.stamps().contains(stamp)) << stamp;
  {
    const device::Rtnl rtnl = network_.lock();
    host_->find(rtnl, kNumber)->link_device()->set_upper_port(rtnl, nullptr);
  }
  rcu::drain();
}

TEST_F(Churn, LinksDevicesAndNamespacesComeAndGoUnderTraffic) {
  constexpr int kTurns = 600;
  constexpr std::uint32_t kLists = 100;   // its lists change
  constexpr std::uint32_t kMoving = 101;  // its peer moves
  constexpr std::uint32_t kMortal = 102;  // is deleted and made again
  rcu::drain();
  const auto programs_before = bpf::ProgramTable::instance().ids();
  const auto links_before = device::LinkTable::instance().ids();
  make_pair(*client_, "nk0", kLists, pod_fd_);
  make_pair(*client_, "nk1", kMoving, pod_fd_);
  make_pair(*client_, "nk2", kMortal, pod_fd_);
  Traffic traffic(network_, host_, {kLists, kMoving, kMortal});

  const auto any_point = [](std::mt19937_64& random, AttachRequest request) {
    request.target_ifindex = kLists + static_cast<std::uint32_t>(random() % 3);
    request.attach_type = static_cast<std::uint32_t>(kEveryList[random() % std::size(kEveryList)]);
    return request;
  };
  std::vector<std::jthread> threads;
  threads.push_back(client_thread(1, [&](Client& client, std::mt19937_64& random) {  // links
    for (int turn = 0; turn < kTurns; ++turn) {
      const int first = client.open(stamping(1));
      const int second = client.open(stamping(2));
      const Result<int> made =
          create_link_at(client, any_point(random, {.prog_fd = first, .flags = kBefore}));
      if (made) {
        (void)update_link(client, {.link_fd = *made, .new_prog_fd = second});
        (void)link_info(client, *made);
        if (random() % 2 == 0) (void)control::detach_link(client, *made);
        ASSERT_TRUE(client.close(*made));
      }
      ASSERT_TRUE(client.close(second));
      ASSERT_TRUE(client.close(first));
    }
  }));
  threads.push_back(client_thread(2, [&](Client& client, std::mt19937_64& random) {  // lists
    for (int turn = 0; turn < kTurns; ++turn) {
      const int program = client.open(stamping(3));
      const AttachRequest at = any_point(random, {.prog_fd = program});
      if (attach_program(client, at)) {
        AttachRequest replacing = at;
        replacing.prog_fd = client.open(stamping(4));
        replacing.flags = kReplace;
        replacing.replace_fd = program;
        (void)attach_program(client, replacing);
        ASSERT_TRUE(client.close(replacing.prog_fd));
      }
      if (random() % 4 != 0) {
        AttachRequest last = at;
        last.prog_fd = 0;
        (void)detach_program(client, last);
      }
      ASSERT_TRUE(client.close(program));
    }
  }));
  threads.push_back(client_thread(3, [&](Client& client, std::mt19937_64&) {  // moves
    const int pod = client.open(pod_);
    for (int turn = 0; turn < kTurns; ++turn) {
      const int to = turn % 2 == 0 ? client.open(host_) : pod;
      client.enter(turn % 2 == 0 ? pod_ : host_);
      LinkRequest request;
      const device::NamespaceRef present = client.netns();
      {
        const device::Rtnl rtnl = network_.lock();
        const device::DeviceRef primary = host_->find(rtnl, kMoving);
        request.header.index = static_cast<std::int32_t>(primary->link_device()->ifindex());
      }
      request.attributes.u32(kIflaNetNsFd, static_cast<std::uint32_t>(to));
      EXPECT_EQ(outcome(set_link(client, request)), "OK");
      raise_peer(kMoving);
    }
  }));
  threads.push_back(client_thread(4, [&](Client& client, std::mt19937_64& random) {  // deaths and births
    for (int turn = 0; turn < kTurns; ++turn) {
      const std::string name = fmt::format("short{}", turn % 3);
      const Result<device::NamespaceRef> added = add_namespace(client, name);
      ASSERT_EQ(outcome(added), "OK");
      LinkRequest dying;
      dying.header.index = kMortal;
      (void)delete_link(client, dying);
      const int fd = client.open(*added);
      make_pair(client, "nk2", kMortal, fd);
      ASSERT_TRUE(client.close(fd));
      if (random() % 2 == 0) (void)delete_link(client, dying);
      EXPECT_EQ(outcome(remove_namespace(client, *added)), "OK");
      make_pair(client, "nk2", kMortal, client.open(pod_));
    }
  }));
  threads.push_back(client_thread(5, [&](Client& client, std::mt19937_64& random) {  // somebody looks on
    for (int turn = 0; turn < kTurns; ++turn) {
      (void)list_links(client);
      const AttachRequest at = any_point(random, {});
      QueryAnswer answer;
      (void)query_programs(
          client, {.target_ifindex = at.target_ifindex, .attach_type = at.attach_type, .room = 64}, answer);
      for (const std::uint32_t id : device::LinkTable::instance().ids()) {
        const Result<int> fd = open_link(client, id);
        if (!fd) continue;
        (void)link_info(client, *fd);
        ASSERT_TRUE(client.close(*fd));
      }
    }
  }));
  threads.clear();
  traffic.turn();
  traffic.stop();

  for (const std::string_view name : {"nk0", "nk1", "nk2"}) EXPECT_EQ(remove(name), "OK");
  rcu::drain();
  EXPECT_EQ(bpf::ProgramTable::instance().ids(), programs_before);
  EXPECT_EQ(device::LinkTable::instance().ids(), links_before);
  EXPECT_EQ(devices_in(host_), 1U);
  EXPECT_EQ(devices_in(pod_), 1U);
  EXPECT_EQ(list_namespaces(*client_).size(), 2U);
}

}  // namespace
}  // namespace netkit::control
