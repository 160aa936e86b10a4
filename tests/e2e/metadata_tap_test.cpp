// The TAP columns of docs/differences.md: what a pod's sockets see of a packet's metadata, and what the
// engine sees of theirs.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <net/ethernet.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <ctime>

#include "host/vnet_header.h"
#include "packet/headers.h"
#include "port/vlan.h"
#include "tests/support/live.h"
#include "tests/support/metadata_table.h"

namespace netkit::testing {
namespace {

// ---- a field of the kernel's packet, read by a socket filter ----

// A filter's result is how many bytes the socket gets. So a filter that returns a field makes a frame's
// length tell the field's value; kBase, since a result of zero would lose the frame.
constexpr std::uint32_t kBase = 64;

// A probe's frame is not shorter than this, which anything that the pod sends unasked is; and not longer.
constexpr std::uint32_t kShortest = 1000, kLongest = 16'384;

constexpr bpf_insn kAddBase{
    .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = kBase};
constexpr bpf_insn kExit{.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0};

// r0 = ((struct __sk_buff *)r1)->field
constexpr bpf_insn load_field(std::size_t offset) {
  return {.code = BPF_LDX | BPF_MEM | BPF_W,
          .dst_reg = 0,
          .src_reg = 1,
          .off = static_cast<std::int16_t>(offset),
          .imm = 0};
}
constexpr bpf_insn kSocketCookie{
    .code = BPF_JMP | BPF_CALL, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = BPF_FUNC_get_socket_cookie};

Fd load_filter(const bpf_insn& read) {
  const std::array program{read, kAddBase, kExit};
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
  attributes.insns = reinterpret_cast<std::uintptr_t>(program.data());
  attributes.insn_cnt = program.size();
  attributes.license = reinterpret_cast<std::uintptr_t>("GPL");
  return Fd(static_cast<int>(::syscall(SYS_bpf, BPF_PROG_LOAD, &attributes, sizeof attributes)));
}

template <class T>
void set_option(const Fd& socket, int level, int option, const T& value) {
  EXPECT_EQ(::setsockopt(socket.get(), level, option, &value, sizeof value), 0) << std::strerror(errno);
}

bool readable(const Fd& socket) {
  constexpr int kPatience = 1000;  // milliseconds
  pollfd ready{socket.get(), POLLIN, 0};
  return ::poll(&ready, 1, kPatience) > 0;
}

// The data of a control message, if it is there.
template <class T>
std::optional<T> control(msghdr& message, int level, int type) {
  for (cmsghdr* at = CMSG_FIRSTHDR(&message); at != nullptr; at = CMSG_NXTHDR(&message, at))
    if (at->cmsg_level == level && at->cmsg_type == type)
      return load_unaligned<T>(reinterpret_cast<const std::uint8_t*>(CMSG_DATA(at)));
  return std::nullopt;
}

class MetadataTap : public LiveTest {
 protected:
  void SetUp() override {
    LiveTest::SetUp();
    if (IsSkipped()) return;
    if (!load_filter(load_field(offsetof(__sk_buff, mark))))
      GTEST_SKIP() << "bpf(2) is not allowed: " << std::strerror(errno);
  }

  // Sees every frame that comes into the pod.
  Fd packet_socket() {
    Fd socket = socket_in(pod.name, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
    set_option(socket, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
    return socket;
  }

  // A socket whose frames' lengths tell a field.
  Fd field_socket(const bpf_insn& read) {
    Fd socket = packet_socket();
    set_option(socket, SOL_SOCKET, SO_ATTACH_BPF, load_filter(read).get());
    return socket;
  }
  static std::uint32_t field_of(const Fd& socket) {
    EXPECT_TRUE(readable(socket));
    std::array<std::uint8_t, kLongest> frame;
    return static_cast<std::uint32_t>(::recv(socket.get(), frame.data(), frame.size(), 0)) - kBase;
  }

  Fd frame_socket() {
    Fd socket = packet_socket();
    set_option(socket, SOL_PACKET, PACKET_VNET_HDR, 1);
    set_option(socket, SOL_PACKET, PACKET_AUXDATA, 1);
    set_option(socket, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    return socket;
  }
  Sight frame_of(const Fd& socket) {
    if (!readable(socket)) return {};
    const PacketPtr packet = pool.allocate(kLongest);
    host::VnetHeader header;
    std::array<iovec, 2> parts{{{&header, sizeof header}, {packet->data(), packet->len()}}};
    sockaddr_ll from{};
    alignas(cmsghdr) std::array<std::uint8_t, 256> controls;
    msghdr message{.msg_name = &from,
                   .msg_namelen = sizeof from,
                   .msg_iov = parts.data(),
                   .msg_iovlen = parts.size(),
                   .msg_control = controls.data(),
                   .msg_controllen = controls.size(),
                   .msg_flags = 0};
    const ssize_t size = ::recvmsg(socket.get(), &message, 0);
    if (size < static_cast<ssize_t>(sizeof header)) return {};
    packet->trim(static_cast<std::uint32_t>(size) - std::uint32_t{sizeof header});
    EXPECT_TRUE(host::read_vnet_header(header, *packet));
    packet->set_linear_len(header.hdr_len);
    PacketMeta& meta = packet->meta;
    meta.pkt_type = static_cast<PacketType>(from.sll_pkttype);
    if (const auto time = control<timespec>(message, SOL_SOCKET, SCM_TIMESTAMPNS))
      meta.tstamp =
          static_cast<Nanoseconds>(time->tv_sec) * 1'000'000'000 + static_cast<Nanoseconds>(time->tv_nsec);
    const auto auxiliary = control<tpacket_auxdata>(message, SOL_PACKET, PACKET_AUXDATA);
    if (auxiliary && (auxiliary->tp_status & TP_STATUS_VLAN_VALID) != 0)
      meta.vlan = {.present = true, .proto = Be16(auxiliary->tp_vlan_tpid), .tci = auxiliary->tp_vlan_tci};
    return look_at(*packet);
  }

  Passage to_pod(ProbeKind kind) {
    const Fd frames = frame_socket();
    const Fd mark = field_socket(load_field(offsetof(__sk_buff, mark)));
    const Fd priority = field_socket(load_field(offsetof(__sk_buff, priority)));
    const Fd hash = field_socket(load_field(offsetof(__sk_buff, hash)));
    const Fd protocol = field_socket(load_field(offsetof(__sk_buff, protocol)));
    const Fd queue = field_socket(load_field(offsetof(__sk_buff, queue_mapping)));
    const Fd ingress = field_socket(load_field(offsetof(__sk_buff, ingress_ifindex)));
    const Fd tc_index = field_socket(load_field(offsetof(__sk_buff, tc_index)));
    const Fd cb = field_socket(load_field(offsetof(__sk_buff, cb)));
    const Fd owner = field_socket(kSocketCookie);

    PacketBatch batch;
    batch.push(make_probe(kind, pool));
    const Sight sent = look_at(*batch[0]);
    pod.port->send(batch);
    pod.port->flush();

    Sight seen = frame_of(frames);
    seen.meta.mark = field_of(mark);
    seen.meta.priority = field_of(priority);
    seen.meta.hash = field_of(hash);
    seen.meta.protocol = Be16::from_raw(static_cast<std::uint16_t>(field_of(protocol)));
    seen.meta.queue_mapping = static_cast<std::uint16_t>(field_of(queue));
    seen.meta.skb_iif = field_of(ingress);
    seen.meta.tc_index = static_cast<std::uint16_t>(field_of(tc_index));
    seen.meta.cb[0] = field_of(cb);
    seen.meta.socket = field_of(owner);
    return {sent, seen};
  }

  // A packet socket of the pod sends the probe, with what a socket can set.
  Passage to_engine(ProbeKind kind) {
    const PacketPtr probe = make_probe(kind, pool);
    Passage passage{look_at(*probe), {}};
    EXPECT_TRUE(put_vlan_tag(*probe));
    passage.sent.frame.assign(probe->bytes().begin(), probe->bytes().end());
    passage.sent.linear = probe->linear_len();
    passage.sent.type = PacketType::kOutgoing;
    send_from_pod(*probe);

    PacketBatch batch;
    const bool arrived = eventually([&] {
      batch.clear();
      pod.port->receive(pool, batch);
      return !batch.empty() && batch[0]->len() > kShortest;
    });
    if (arrived) passage.seen = look_at(*batch[0]);
    return passage;
  }

  void send_from_pod(Packet& probe) {
    const Fd socket = socket_in(pod.name, AF_PACKET, SOCK_RAW);
    set_option(socket, SOL_PACKET, PACKET_VNET_HDR, 1);
    set_option(socket, SOL_SOCKET, SO_MARK, kProbeMark);
    set_option(socket, SOL_SOCKET, SO_PRIORITY, kProbePriority);
    set_option(socket, SOL_SOCKET, SO_TXTIME, sock_txtime{.clockid = CLOCK_MONOTONIC, .flags = 0});
    auto header = host::make_vnet_header(probe);
    ASSERT_TRUE(header);
    std::array<iovec, 2> parts{{{&*header, sizeof *header}, {probe.data(), probe.len()}}};
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(ETH_P_8021Q);
    to.sll_ifindex = static_cast<int>(pod.link.ifindex);
    alignas(cmsghdr) std::array<std::uint8_t, CMSG_SPACE(sizeof kProbeTime)> controls{};
    msghdr message{.msg_name = &to,
                   .msg_namelen = sizeof to,
                   .msg_iov = parts.data(),
                   .msg_iovlen = parts.size(),
                   .msg_control = controls.data(),
                   .msg_controllen = controls.size(),
                   .msg_flags = 0};
    cmsghdr* time = CMSG_FIRSTHDR(&message);
    time->cmsg_level = SOL_SOCKET;
    time->cmsg_type = SCM_TXTIME;
    time->cmsg_len = CMSG_LEN(sizeof kProbeTime);
    std::memcpy(CMSG_DATA(time), &kProbeTime, sizeof kProbeTime);
    EXPECT_EQ(::sendmsg(socket.get(), &message, 0), static_cast<ssize_t>(sizeof *header + probe.len()))
        << std::strerror(errno);
  }

  PacketPool pool;
  Pod pod;
};

TEST_F(MetadataTap, FromTheEngineToThePod) {
  for (const bool l3 : {true, false}) {
    pod = make_pod(l3 ? "l3" : "l2", {.v4 = "10.9.0.2/24", .l3 = l3, .quiet = true});
    expect_column("TAP send", [&](ProbeKind kind) { return to_pod(kind); });
  }
}

TEST_F(MetadataTap, FromThePodToTheEngine) {
  for (const bool l3 : {true, false}) {
    pod = make_pod(l3 ? "l3" : "l2", {.v4 = "10.9.0.2/24", .l3 = l3, .quiet = true});
    expect_column("TAP receive", [&](ProbeKind kind) { return to_engine(kind); });
  }
}

}  // namespace
}  // namespace netkit::testing
