// The port kit on a TAP in a namespace of its own. The world is that namespace's kernel: a packet socket with
// a vnet header sends and receives there.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <cstring>
#include <filesystem>
#include <iostream>

#include "host/keeper.h"
#include "host/tap_port.h"
#include "host/vnet_header.h"
#include "port/vlan.h"
#include "tests/unit/port/port_kit.h"

namespace netkit::testing_kit {
namespace {

using host::VnetHeader;

void must(const Result<>& result) {
  if (!result) std::cerr << describe(result.error()) << "\n";
  EXPECT_TRUE(result);
}

class TapUnderTest final : public PortUnderTest {
 public:
  TapUnderTest(std::uint32_t queues, bool coalesce) {
    std::string name = (std::filesystem::temp_directory_path() / "netkit-kit-XXXXXX").string();
    state_ = ::mkdtemp(name.data());
    must(set_up(queues, coalesce));
  }
  ~TapUnderTest() override {
    socket_.reset();
    port_.reset();
    if (keeper_) must(keeper_->stop());
    std::filesystem::remove_all(state_);
  }

  Port& port() override { return *port_; }
  MacAddress world_mac() const override { return mac_; }
  std::uint32_t largest_frame() const override { return kMtu + kEthernetHeader; }

  void world_send(PacketPtr packet) override {
    ASSERT_TRUE(put_vlan_tag(*packet));
    auto header = host::make_vnet_header(*packet);
    ASSERT_TRUE(header);
    const iovec parts[] = {{&*header, sizeof *header}, {packet->data(), packet->len()}};
    ASSERT_EQ(::writev(socket_.get(), parts, 2), static_cast<ssize_t>(sizeof *header + packet->len()))
        << std::strerror(errno);
  }

  std::vector<PacketPtr> world_receive(PacketPool& pool, std::size_t count) override {
    std::vector<PacketPtr> packets;
    const Nanoseconds deadline = monotonic_ns() + 1'000'000'000;
    while (packets.size() < count && monotonic_ns() < deadline) {
      pollfd ready{socket_.get(), POLLIN, 0};
      if (::poll(&ready, 1, 50) > 0) packets.push_back(receive_one(pool));
    }
    return packets;
  }

 private:
  static constexpr std::uint32_t kMtu = 9000;

  Result<> set_up(std::uint32_t queues, bool coalesce) {
    keeper_.emplace(TRY(host::Keeper::start({.state_directory = state_})));
    const std::string name = "nktkit" + std::to_string(::getpid());
    const host::Nsid space = TRY(keeper_->make_namespace(name)).nsid;
    TRY(keeper_->set_sysctl(space, "ipv6/conf/default/disable_ipv6", "1"));
    host::Tap tap = TRY(keeper_->make_tap({.space = space, .name = "eth0", .queues = queues, .mtu = kMtu}));
    mac_ = tap.link.mac;
    port_ = TRY(host::TapPort::make(std::move(tap.queues), {.mac = mac_, .coalesce = coalesce}));
    TRY(keeper_->change_link(space, tap.link.ifindex, {.up = true}));
    port_->set_carrier(true);
    const auto target = TRY(host::NetworkNamespace::named(name));
    socket_ = TRY(host::in_namespace(target, [&] { return open_socket(tap.link.ifindex); }));
    return wait_for_carrier(space, tap.link.ifindex);
  }

  Result<> wait_for_carrier(host::Nsid space, std::uint32_t ifindex) {
    constexpr std::uint8_t kOperUp = 6;
    const Nanoseconds deadline = monotonic_ns() + 3'000'000'000;
    while (TRY(keeper_->link(space, ifindex)).operstate != kOperUp) {
      if (monotonic_ns() > deadline) return fail(ETIMEDOUT, "the interface does not come up");
    }
    return {};
  }

  static Result<Fd> open_socket(std::uint32_t ifindex) {
    Fd socket(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    if (!socket) return fail_errno("opening a packet socket");
    const int on = 1;
    for (const int option : {PACKET_VNET_HDR, PACKET_AUXDATA, PACKET_IGNORE_OUTGOING}) {
      if (::setsockopt(socket.get(), SOL_PACKET, option, &on, sizeof on) != 0)
        return fail_errno("a packet option");
    }
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(ifindex);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
      return fail_errno("binding a packet socket");
    }
    return socket;
  }

  PacketPtr receive_one(PacketPool& pool) const {
    PacketPtr packet = pool.allocate(66'000);
    VnetHeader header;
    iovec parts[] = {{&header, sizeof header}, {packet->data(), packet->len()}};
    alignas(cmsghdr) std::uint8_t control[CMSG_SPACE(sizeof(tpacket_auxdata))];
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = 2;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    const ssize_t size = ::recvmsg(socket_.get(), &message, 0);
    EXPECT_GT(size, static_cast<ssize_t>(sizeof header));
    packet->reset_bytes(packet->headroom(), static_cast<std::uint32_t>(size) - std::uint32_t{sizeof header});
    EXPECT_TRUE(host::read_vnet_header(header, *packet));
    if (const cmsghdr* item = CMSG_FIRSTHDR(&message); item != nullptr) {
      tpacket_auxdata extra{};
      std::memcpy(&extra, CMSG_DATA(item), sizeof extra);
      packet->meta.vlan.present = (extra.tp_status & TP_STATUS_VLAN_VALID) != 0;
      packet->meta.vlan.tci = extra.tp_vlan_tci;
      packet->meta.vlan.proto = Be16(extra.tp_vlan_tpid);
    }
    return packet;
  }

  std::filesystem::path state_;
  std::optional<host::Keeper> keeper_;
  std::unique_ptr<host::TapPort> port_;
  MacAddress mac_;
  Fd socket_;
};

std::string cannot_run() {
  const host::Access access = host::probe_access();
  return access.mode == host::RunMode::kLiveRoot ? "" : "needs root: " + host::describe(access);
}

PortMaker maker(const char* name, std::uint32_t queues, bool coalesce) {
  return {name, [=] { return std::make_unique<TapUnderTest>(queues, coalesce); }, cannot_run};
}

INSTANTIATE_TEST_SUITE_P(Tap, PortKit,
                         testing::Values(maker("one_queue", 1, true), maker("without_coalescing", 1, false),
                                         maker("three_queues", 3, true)),
                         kit_name);

}  // namespace
}  // namespace netkit::testing_kit
