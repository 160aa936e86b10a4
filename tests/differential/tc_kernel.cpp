#include "tests/differential/tc_kernel.h"

#include <linux/netlink.h>
#include <sys/socket.h>

#include <cstring>

#include "host/netlink.h"
#include "host/netlink_socket.h"

namespace netkit::differential {

Result<KernelTc> KernelTc::make() {
  host::NetworkNamespace netns = TRY(host::NetworkNamespace::make());
  host::InsideNamespace inside = TRY(host::InsideNamespace::enter(netns));
  host::Netlink links = TRY(host::Netlink::open());
  TRY(links.make_veth("v0", "v1", netns.fd()));
  Fd socket = TRY(host::open_netlink_socket());
  KernelTc made(std::move(netns), std::move(inside), std::move(socket));
  made.v0_ = TRY(links.link("v0")).ifindex;
  made.v1_ = TRY(links.link("v1")).ifindex;
  for (const std::uint32_t end : {made.v0_, made.v1_}) TRY(links.change_link(end, {.up = true}));
  return made;
}

Result<std::vector<TcMessage>> KernelTc::ask(TcVerb verb, const control::TcRequest& request, bool dump) {
  const control::Bytes& attributes = request.attributes.all();
  nlmsghdr header{};
  header.nlmsg_len = static_cast<std::uint32_t>(sizeof header + sizeof request.header + attributes.size());
  header.nlmsg_type = static_cast<std::uint16_t>(verb);
  header.nlmsg_flags =
      static_cast<std::uint16_t>(NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK) | request.flags);
  header.nlmsg_seq = ++sequence_;
  control::Bytes wire(sizeof header + sizeof request.header);
  std::memcpy(wire.data(), &header, sizeof header);
  std::memcpy(wire.data() + sizeof header, &request.header, sizeof request.header);
  wire.insert(wire.end(), attributes.begin(), attributes.end());
  if (::send(socket_.get(), wire.data(), wire.size(), 0) < 0) return fail_errno("sending");

  std::vector<TcMessage> answers;
  std::vector<std::uint8_t> buffer;
  while (true) {
    const host::NetlinkDatagram datagram = TRY(host::receive_datagram(socket_.get(), buffer));
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= datagram.bytes.size();) {
      auto* const message = reinterpret_cast<nlmsghdr*>(datagram.bytes.data() + at);
      if (message->nlmsg_type == NLMSG_ERROR || message->nlmsg_type == NLMSG_DONE) {
        TRY(host::read_acknowledgement(message));
        return answers;
      }
      TcMessage answer;
      const std::span<std::uint8_t> payload =
          datagram.bytes.subspan(at, message->nlmsg_len).subspan(sizeof *message);
      std::memcpy(&answer.header, payload.data(), sizeof answer.header);
      answer.attributes.assign(payload.begin() + sizeof answer.header, payload.end());
      answers.push_back(std::move(answer));
      at += NLMSG_ALIGN(message->nlmsg_len);
    }
  }
}

}  // namespace netkit::differential
