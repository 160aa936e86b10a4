// Sockets of programs on devices: found in the namespace of the packet's device, which at a netkit is that of
// the other end.
#include <netinet/in.h>
#include <sys/socket.h>

#include "bpf/run/socket_table.h"
#include "fixture.h"

namespace netkit::device {
namespace {

// Passes packets for which bpf_sk_lookup_udp finds a socket, and drops the others.
bpf::ProgramRef passing_to_sockets() {
  return program(
      "r6 = r1; *(u32 *)(r10 -16) = 16777226; *(u32 *)(r10 -12) = 33554442; *(u32 *)(r10 -8) = 3490178051;"
      "r2 = r10; r2 += -16; r3 = 12; r4 = -1; r5 = 0; call 85; if r0 == 0 goto none;"
      "r1 = r0; call 86; w0 = 0; exit; none: w0 = 2; exit");
}

class DeviceSockets : public DeviceTest {
 protected:
  DeviceSockets() { execution().set_sockets(&sockets_); }
  ~DeviceSockets() override { settle(); }
  void listen_in(const Namespace& netns) {
    bpf::Socket socket;
    socket.sock.family = AF_INET;
    socket.sock.protocol = IPPROTO_UDP;
    socket.sock.src_port = 2000;
    socket.netns_cookie = netns.cookie();
    sockets_.insert(socket);
  }
  bpf::SocketTable sockets_;
};

TEST_F(DeviceSockets, AreLookedUpInTheOtherEndsNamespace) {
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs, passing_to_sockets());
  EXPECT_EQ(deliver(packet()), nullptr);
  listen_in(*host_);
  EXPECT_EQ(deliver(packet()), nullptr);
  listen_in(*pod_);
  EXPECT_NE(deliver(packet()), nullptr);
}

TEST_F(DeviceSockets, AreNoneWithoutATable) {
  create(pair_spec(NetkitMode::kL2));
  attach(primary_->programs, passing_to_sockets());
  listen_in(*pod_);
  execution().set_sockets(nullptr);
  EXPECT_EQ(deliver(packet()), nullptr);
}

}  // namespace
}  // namespace netkit::device
