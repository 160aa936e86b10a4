// Sockets as programs find, read and release them.
#include <netinet/in.h>
#include <sys/socket.h>

#include "bpf/run/socket_table.h"
#include "tests/unit/bpf_exec/fixture.h"

namespace netkit::bpf::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr std::uint64_t kHere = 4026531840;

std::uint32_t ip4(std::uint8_t last) {
  const std::array<std::uint8_t, 4> bytes{10, 0, 0, last};
  return std::bit_cast<std::uint32_t>(bytes);
}

Socket listener(std::uint32_t address = 0, std::uint16_t port = 80, std::uint32_t protocol = IPPROTO_TCP) {
  Socket socket;
  socket.sock.family = AF_INET;
  socket.sock.type = protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
  socket.sock.protocol = protocol;
  socket.sock.src_ip4 = address;
  socket.sock.src_port = port;
  socket.sock.state = protocol == IPPROTO_TCP ? kTcpListen : kTcpClose;
  socket.netns_cookie = kHere;
  return socket;
}
Socket connection(std::uint32_t state = kTcpEstablished) {
  Socket socket = listener(ip4(2));
  socket.sock.dst_ip4 = ip4(1);
  socket.sock.dst_port = Be16{1000};
  socket.sock.state = state;
  socket.sock.mark = 77;
  socket.tcp.snd_cwnd = 10;
  socket.tcp.bytes_acked = 1'000'000'000'000;
  return socket;
}

const Socket* find_socket(void* self, RunContext&, const SocketQuery& query) {
  return query.netns < 0 ? static_cast<SocketTable*>(self)->find(query, kHere) : nullptr;
}
const Socket* socket_of(void* self, std::uint64_t handle) {
  return static_cast<SocketTable*>(self)->find(handle);
}
std::uint64_t netns_cookie(void*, RunContext&) {
  return kHere;
}

class Sockets : public Interpreter {
 protected:
  Sockets() {
    outside_.self = &table_;
    outside_.find_socket = find_socket;
    outside_.socket = socket_of;
    outside_.netns_cookie = netns_cookie;
  }

  // R0 = the lookup of 10.0.0.1:1000 -> 10.0.0.2:80; R6 is the context and R7 the socket afterwards.
  static std::string lookup(const std::string& helper = "84", const std::string& size = "12",
                            const std::string& netns = "-1", const std::string& flags = "0") {
    return "r6 = r1; *(u32 *)(r10 -40) = 16777226; *(u32 *)(r10 -36) = 33554442; *(u32 *)(r10 -32) = "
           "1342236675; r2 = r10; r2 += -40; r3 = " +
           size + "; r4 = " + netns + "; r5 = " + flags + "; call " + helper + "; r7 = r0;";
  }
  static std::string release() { return "r1 = r7; call 86;"; }
  // R0 of the load from the socket found.
  std::uint64_t read(const std::string& what, const std::string& helper = "84") {
    return run(lookup(helper) + "if r0 == 0 goto none; r8 = " + what + ";" + release() +
               "r0 = r8; exit; none: r0 = -1; exit");
  }

  SocketTable table_;
};

TEST_F(Sockets, are_found_by_the_tuple) {
  EXPECT_EQ(run(lookup() + "exit"), 0U);
  table_.insert(listener());
  EXPECT_EQ(read("*(u32 *)(r7 +72)"), kTcpListen);
  table_.insert(connection());
  EXPECT_EQ(read("*(u32 *)(r7 +72)"), kTcpEstablished);
  EXPECT_EQ(run(lookup("85") + "exit"), 0U);
  table_.insert(listener(ip4(2), 80, IPPROTO_UDP));
  EXPECT_EQ(read("*(u32 *)(r7 +12)", "85"), static_cast<std::uint64_t>(IPPROTO_UDP));
}

TEST_F(Sockets, are_not_found_with_bad_arguments) {
  table_.insert(connection());
  for (const char* size : {"11", "13", "16"}) EXPECT_EQ(run(lookup("84", size) + "exit"), 0U) << size;
  EXPECT_EQ(run(lookup("84", "12", "-1", "1") + "exit"), 0U);
  EXPECT_EQ(run(lookup("84", "12", "5") + "exit"), 0U);
  EXPECT_EQ(run(lookup("84", "12", "4294967296 ll") + "exit"), 0U);
}

TEST_F(Sockets, that_are_not_full_are_found_by_skc_lookup_only) {
  table_.insert(connection(kTcpTimeWait));
  EXPECT_EQ(run(lookup("84") + "exit"), 0U);
  EXPECT_EQ(read("*(u32 *)(r7 +72)", "99"), kTcpTimeWait);
  EXPECT_EQ(run(lookup("99") + "r1 = r7; call 95; r8 = r0;" + release() + "r0 = r8; exit"), 0U);
}

TEST_F(Sockets, are_read_by_their_table) {
  table_.insert(connection());
  EXPECT_EQ(read("*(u32 *)(r7 +16)"), 77U);
  EXPECT_EQ(read("*(u16 *)(r7 +48)"), Be16{1000}.raw());
  EXPECT_EQ(read("*(u32 *)(r7 +48)"), Be16{1000}.raw());
  EXPECT_EQ(read("*(u8 *)(r7 +24)"), 10U);
  for (const char* bad : {"*(u16 *)(r7 +50)", "*(u8 *)(r7 +16)", "*(u64 *)(r7 +0)", "*(u32 *)(r7 +2)"}) {
    EXPECT_THAT(fault(lookup() + "r0 = " + bad + "; exit"), HasSubstr("invalid sock access")) << bad;
  }
  EXPECT_THAT(fault(lookup() + "r0 = *(u32 *)(r7 +80); exit"), StartsWith("read of 4 bytes at"));
}

TEST_F(Sockets, are_read_only) {
  table_.insert(connection());
  EXPECT_THAT(fault(lookup() + "*(u32 *)(r7 +16) = 1; exit"), StartsWith("write of 4 bytes at sock+16"));
  EXPECT_THAT(fault(lookup() + "r1 = 1; lock *(u32 *)(r7 +16) += r1; exit"), HasSubstr("at sock+16"));
  EXPECT_THAT(fault(lookup() + "r1 = r6; r2 = 0; r3 = r7; r4 = 4; r5 = 0; call 9; exit"),
              HasSubstr("is a socket, which is no memory"));
}

TEST_F(Sockets, of_tcp_show_their_connection) {
  table_.insert(connection());
  EXPECT_EQ(run(lookup() + "r1 = r7; call 96; r8 = *(u64 *)(r0 +88); r9 = *(u32 *)(r0 +0); r8 += r9;" +
                release() + "r0 = r8; exit"),
            1'000'000'000'010U);
  EXPECT_THAT(fault(lookup() + "r1 = r7; call 96; r0 = *(u32 *)(r0 +88); exit"),
              HasSubstr("invalid sock access"));
  table_.insert(listener(0, 80, IPPROTO_UDP));
  EXPECT_EQ(run(lookup("85") + "r1 = r7; call 96; r8 = r0;" + release() + "r0 = r8; exit"), 0U);
}

TEST_F(Sockets, know_their_listener) {
  Socket listening = listener();
  table_.insert(listening);
  EXPECT_EQ(read("*(u32 *)(r7 +44)"), 80U);
  EXPECT_NE(run(lookup() + "r1 = r7; call 98; r8 = r0;" + release() + "r0 = r8; exit"), 0U);
  table_.insert(connection());
  EXPECT_EQ(run(lookup() + "r1 = r7; call 98; r8 = r0;" + release() + "r0 = r8; exit"), 0U);
}

TEST_F(Sockets, must_be_released_once) {
  table_.insert(connection());
  EXPECT_THAT(fault(lookup() + "r0 = 0; exit"), HasSubstr("socket reference"));
  EXPECT_THAT(fault(lookup() + release() + "r0 = *(u32 *)(r7 +0); exit"), StartsWith("read of 4 bytes at"));
  EXPECT_THAT(fault(lookup() + release() + release() + "exit"), HasSubstr("is not a socket"));
  EXPECT_TRUE(run_.references.empty());
}

TEST_F(Sockets, found_twice_are_released_twice) {
  table_.insert(connection());
  EXPECT_EQ(run(lookup() + "r9 = r7; r1 = r6;" + lookup() + release() +
                "r8 = *(u32 *)(r9 +16); r1 = r9; "
                "call 86; r0 = r8; exit"),
            77U);
}

TEST_F(Sockets, are_released_through_a_cast) {
  table_.insert(connection());
  EXPECT_EQ(run(lookup() + "r1 = r7; call 96; r1 = r0; call 86; exit"), 0U);
}

TEST_F(Sockets, are_none_of_the_kernels) {
  packet_->meta.socket = table_.insert(connection());
  for (const int cast : {136, 137, 138, 139, 140, 178, 196})
    EXPECT_EQ(run("r1 = *(u64 *)(r1 +168); call " + std::to_string(cast) + "; exit"), 0U) << cast;
}

TEST_F(Sockets, of_the_packet_need_no_release) {
  EXPECT_EQ(run("r0 = *(u64 *)(r1 +168); exit"), 0U);
  packet_->meta.socket = table_.insert(connection());
  EXPECT_EQ(run("r1 = *(u64 *)(r1 +168); r0 = *(u32 *)(r1 +4); exit"), static_cast<std::uint64_t>(AF_INET));
  EXPECT_EQ(run("r1 = *(u64 *)(r1 +168); call 95; r0 = *(u32 *)(r0 +16); exit"), 77U);
  EXPECT_THAT(fault("r1 = *(u64 *)(r1 +168); call 86; exit"),
              HasSubstr("bpf_sk_release of a socket to which the program holds no reference"));
}

TEST_F(Sockets, are_assigned_at_ingress_only) {
  const std::uint64_t handle = table_.insert(connection());
  const std::string assign =
      lookup() + "r1 = r6; r2 = r7; r3 = 0; call 124; r8 = r0;" + release() + "r0 = r8; exit";
  EXPECT_EQ(static_cast<std::int64_t>(run(assign)), -EOPNOTSUPP);
  packet_->meta.at_ingress = true;
  EXPECT_EQ(run(assign), 0U);
  EXPECT_EQ(packet_->meta.socket, handle);
  EXPECT_EQ(static_cast<std::int64_t>(run("r2 = *(u64 *)(r1 +168); r3 = 1; call 124; exit")), -EINVAL);
  EXPECT_THAT(fault("r2 = 0; r3 = 0; call 124; exit"),
              HasSubstr("argument 2 of bpf_sk_assign is not a socket"));
}

TEST_F(Sockets, of_another_namespace_are_not_assigned) {
  Socket other = connection();
  other.hashed = false;
  packet_->meta.at_ingress = true;
  packet_->meta.socket = table_.insert(other);
  const std::string assign = "r6 = r1; r2 = *(u64 *)(r1 +168); r3 = 0; call 124; exit";
  EXPECT_EQ(static_cast<std::int64_t>(run(assign)), -EOPNOTSUPP);
  other.netns_cookie = 5;
  packet_->meta.socket = table_.insert(other);
  EXPECT_EQ(static_cast<std::int64_t>(run(assign)), -ENETUNREACH);
}

TEST_F(Sockets, tell_where_a_packet_comes_from) {
  const std::string cookie = "call 46; exit", uid = "call 47; exit", netns = "call 122; exit",
                    classid = "call 17; exit", cgroup = "call 79; exit", ancestor = "r2 = 1; call 83; exit";
  EXPECT_EQ(run(cookie), 0U);
  EXPECT_EQ(run(uid), 65534U);
  EXPECT_EQ(run(netns), 1U);
  EXPECT_EQ(run(classid), 0U);
  EXPECT_EQ(run(cgroup), 0U);
  EXPECT_EQ(run(ancestor), 0U);
  Socket sender = connection();
  sender.cookie = 1234;
  sender.uid = 1000;
  sender.classid = 0x10001;
  sender.cgroups = {1, 20, 300};
  packet_->meta.socket = table_.insert(sender);
  EXPECT_EQ(run(cookie), 1234U);
  EXPECT_EQ(run(uid), 1000U);
  EXPECT_EQ(run(netns), kHere);
  EXPECT_EQ(run("r1 = 0; call 122; exit"), 1U);
  EXPECT_EQ(run(classid), 0x10001U);
  EXPECT_EQ(run("call 151; exit"), 0x10001U);
  EXPECT_EQ(run(cgroup), 300U);
  EXPECT_EQ(run(ancestor), 20U);
  EXPECT_EQ(run("r2 = 3; call 83; exit"), 0U);
}

TEST_F(Sockets, made_up_are_refused) {
  EXPECT_THAT(fault("r1 = r10; r1 += -80; call 86; exit"), HasSubstr("is not a socket"));
  EXPECT_THAT(fault("r1 = 0; call 86; exit"), HasSubstr("is not a socket"));
  packet_->meta.socket = table_.insert(connection());
  EXPECT_THAT(fault("r1 = *(u64 *)(r1 +168); r1 += 4; call 95; exit"), HasSubstr("is not a socket"));
}

TEST_F(Sockets, taken_out_of_the_table_are_gone) {
  const std::uint64_t handle = table_.insert(connection());
  EXPECT_TRUE(table_.remove(handle));
  EXPECT_FALSE(table_.remove(handle));
  EXPECT_EQ(run(lookup() + "exit"), 0U);
  packet_->meta.socket = handle;
  EXPECT_EQ(run("r0 = *(u64 *)(r1 +168); exit"), 0U);
}

}  // namespace
}  // namespace netkit::bpf::test
