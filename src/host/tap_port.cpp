#include "host/tap_port.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <mutex>
#include <utility>

#include "base/per_cpu.h"
#include "host/frame_address.h"
#include "host/tap_reader.h"
#include "host/vnet_header.h"
#include "packet/coalesce.h"
#include "packet/dissect.h"
#include "packet/headers.h"
#include "packet/jumbo.h"
#include "packet/segment.h"
#include "port/vlan.h"

namespace netkit::host {

// One sending thread's share of the port. Threads spread over the lanes; those that share one take turns.
// What a thread left to be merged is written before another one's packets go in: merging may take memory from
// the pool of the first packet, which belongs to its thread.
struct TapPort::Lane {
  Lane(int descriptor, CoalesceLimits limits) : fd(descriptor), coalescer(limits) {}
  int fd;  // of the queue that it writes to
  std::mutex turn;
  Coalescer coalescer;     // under `turn`
  std::size_t holder = 0;  // number of the thread whose packets are in the coalescer
};

namespace {

// What to ask for, best first: kernels before 6.2 refuse USO, and one refused bit refuses all.
constexpr unsigned kOffloadChoices[] = {kTunCsum | kTunTso4 | kTunTso6 | kTunTsoEcn | kTunUso4 | kTunUso6,
                                        kTunCsum | kTunTso4 | kTunTso6 | kTunTsoEcn,
                                        kTunCsum | kTunTso4 | kTunTso6, kTunCsum, 0};

Result<unsigned> negotiate_offloads(int fd) {
  for (const unsigned wanted : kOffloadChoices) {
    if (::ioctl(fd, TUNSETOFFLOAD, static_cast<unsigned long>(wanted)) == 0) return wanted;
  }
  return fail_errno("asking a TAP for offloads");
}

Result<> set_up_queue(int fd) {
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0)
    return fail_errno("making a TAP non-blocking");
  const int header_bytes = sizeof(VnetHeader);
  if (::ioctl(fd, TUNSETVNETHDRSZ, &header_bytes) != 0) return fail_errno("setting a TAP's header size");
  return {};
}

Result<Fd> poll_all(const std::vector<Fd>& queues) {
  if (queues.size() == 1) return Fd();
  Fd all(::epoll_create1(EPOLL_CLOEXEC));
  if (!all) return fail_errno("making an epoll descriptor");
  for (const Fd& queue : queues) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    if (::epoll_ctl(all.get(), EPOLL_CTL_ADD, queue.get(), &event) != 0)
      return fail_errno("polling a TAP's queues");
  }
  return all;
}

std::uint64_t packed(const MacAddress& mac) {
  std::uint64_t value = 0;
  std::memcpy(&value, mac.bytes.data(), mac.bytes.size());
  return value;
}

// Stable for a thread, different for the first threads that ask.
std::size_t thread_number() {
  static std::atomic<std::size_t> next{0};
  thread_local const std::size_t mine = next.fetch_add(1, std::memory_order_relaxed);
  return mine;
}

// How many packets of the engine a packet about to be written stands for. As in the kernel, the control
// buffer belongs to the layer that has the packet: here it remembers a super-packet that came as one.
void remember_kind(Packet& packet) {
  packet.meta.cb[0] = is_gso(packet) ? 1 : 0;
}
std::uint32_t packets_in(const Packet& packet) {
  const bool merged_here = is_gso(packet) && packet.meta.cb[0] == 0;
  return merged_here ? packet.meta.gso.segs : 1;
}

// Kernels before 7.0 demand the option in a BIG TCP packet over IPv6, and every kernel reads it.
bool insert_missing_jumbo_option(Packet& packet) {
  constexpr std::uint32_t kLongestWithout = 65535 + Ipv6Header::kSize;
  if (packet.len() <= kLongestWithout || (packet.meta.gso.type & kGsoTcp6) == 0) return true;
  const auto layout = dissect(packet);
  if (!layout || find_jumbo_option(packet.bytes(), *layout)) return true;
  return insert_jumbo_option(packet, *layout);
}

}  // namespace

Result<std::unique_ptr<TapPort>> TapPort::make(std::vector<Fd> queues, const TapPortOptions& options) {
  if (queues.empty()) return fail(EINVAL, "a TAP port needs at least one queue");
  for (const Fd& queue : queues) TRY(set_up_queue(queue.get()));
  const unsigned granted = TRY(negotiate_offloads(queues.front().get()));
  Fd poll = TRY(poll_all(queues));
  std::unique_ptr<TapPort> port(new TapPort(std::move(queues), options, granted));
  port->poll_ = std::move(poll);
  return port;
}

TapPort::TapPort(std::vector<Fd> queues, const TapPortOptions& options, unsigned granted)
    : queues_(std::move(queues)),
      // The kernel takes partial checksums and TCP super-packets from a TAP whatever it was asked to give.
      offloads_{.checksum = true,
                .tso4 = true,
                .tso6 = true,
                .uso = (granted & kTunUso4) != 0,
                .max_len = kMaxPacket},
      l3_(options.l3),
      coalesce_(options.coalesce),
      mac_(packed(options.mac)) {
  const std::size_t lanes = std::max<std::size_t>(queues_.size(), possible_cpus());
  for (std::size_t i = 0; i < lanes; ++i) {
    lanes_.push_back(
        std::make_unique<Lane>(queues_[i % queues_.size()].get(), CoalesceLimits{.udp = offloads_.uso}));
  }
}

TapPort::~TapPort() = default;

int TapPort::poll_fd() const {
  return poll_ ? poll_.get() : queues_.front().get();
}

std::size_t TapPort::queue_count() const {
  return queues_.size();
}

int TapPort::queue_poll_fd(std::size_t queue) const {
  return queues_[queue].get();
}

MacAddress TapPort::mac() const {
  const std::uint64_t value = mac_.load(std::memory_order_relaxed);
  MacAddress mac;
  std::memcpy(mac.bytes.data(), &value, mac.bytes.size());
  return mac;
}

void TapPort::set_mac(const MacAddress& mac) {
  mac_.store(packed(mac), std::memory_order_relaxed);
}

void TapPort::set_carrier(bool on) {
  int value = on ? 1 : 0;
  if (::ioctl(queues_.front().get(), TUNSETCARRIER, &value) != 0 && errno == EBADFD) gone_.store(true);
}

// ---- from the pod ----

void TapPort::receive(PacketPool& pool, PacketBatch& batch) {
  for (std::size_t i = 0; i < queues_.size() && !batch.full(); ++i) receive_from(i, pool, batch);
}

void TapPort::receive_from(std::size_t queue, PacketPool& pool, PacketBatch& batch) {
  TapReader reader(queues_[queue].get(), pool);
  std::uint64_t packets = 0, bytes = 0;
  while (!batch.full()) {
    PacketPtr packet;
    VnetHeader header;
    const TapReader::Outcome outcome = reader.read(packet, header);
    if (outcome == TapReader::Outcome::kNothing) break;
    if (outcome == TapReader::Outcome::kGone) {
      gone_.store(true);
      break;
    }
    if (outcome != TapReader::Outcome::kFrame) {
      const bool no_memory = outcome == TapReader::Outcome::kNoMemory;
      counters_.drop_received(no_memory ? DropReason::kNoMemory : DropReason::kTooShort);
      continue;
    }
    if (!accept(*packet, header)) {
      counters_.drop_received(DropReason::kMalformed);
      continue;
    }
    ++packets;
    bytes += packet->len();
    batch.push(std::move(packet));
  }
  if (packets != 0) counters_.add_received(packets, bytes);
}

// What the kernel's stack would have set before it called the driver's transmit routine.
bool TapPort::accept(Packet& packet, const VnetHeader& header) const {
  if (!read_vnet_header(header, packet)) return false;
  const MacAddress own = mac();
  if (!take_vlan_tag(packet) || !parse_headers(packet, own)) return false;
  packet.meta.pkt_type =
      PacketType::kHost;  // of what a stack sends; the device finds out what it is for the other end
  if (packet.meta.gso.size != 0) {
    packet.meta.gso.segs = segment_count(packet);
    // The kernel tells how much of a super-packet is linear; the rest lies in page fragments there.
    packet.set_linear_len(std::max<std::uint32_t>(header.hdr_len, kEthernetHeader));
  }
  if (packet.meta.csum.state == ChecksumState::kPartial)
    packet.meta.transport_header = packet.meta.csum.start;
  if (l3_) hide_own_address(packet, own);
  return true;
}

// ---- to the pod ----

void TapPort::send(PacketBatch& batch) {
  const std::size_t thread = thread_number();
  Lane& lane = *lanes_[thread % lanes_.size()];
  const MacAddress own = mac();
  const auto write_out = [&](PacketPtr packet) { write(lane.fd, *packet); };
  const std::scoped_lock turn(lane.turn);
  if (std::exchange(lane.holder, thread) != thread) lane.coalescer.flush(write_out);
  for (PacketPtr& packet : batch) {
    const DropReason reason = prepare(*packet, own);
    if (reason != DropReason::kNone) {
      counters_.drop(reason);
    } else if (coalesce_) {
      lane.coalescer.add(std::move(packet), write_out);
    } else {
      write_out(std::move(packet));
    }
  }
  batch.clear();
}

void TapPort::flush() {
  Lane& lane = *lanes_[thread_number() % lanes_.size()];
  const std::scoped_lock turn(lane.turn);
  lane.coalescer.flush([&](PacketPtr packet) { write(lane.fd, *packet); });
}

// Changes the packet into the frame that goes onto the descriptor.
DropReason TapPort::prepare(Packet& packet, const MacAddress& own) const {
  if (packet.len() < kEthernetHeader) return DropReason::kTooShort;
  const DropReason reason = address_for_pod(packet, own, l3_);
  if (reason != DropReason::kNone) return reason;
  if (!insert_missing_jumbo_option(packet) || !put_vlan_tag(packet)) return DropReason::kNoMemory;
  remember_kind(packet);
  return DropReason::kNone;
}

void TapPort::write(int fd, Packet& packet) {
  const std::uint32_t packets = packets_in(packet);
  auto header = make_vnet_header(packet);
  if (!header) return counters_.drop(DropReason::kUnsupportedGso, packets);
  const std::array<iovec, 2> parts{{{&*header, sizeof *header}, {packet.data(), packet.len()}}};
  ssize_t size = 0;
  do {
    size = ::writev(fd, parts.data(), static_cast<int>(parts.size()));
  } while (size < 0 && errno == EINTR);
  if (size < 0) return counters_.drop(reason_of(errno), packets);
  // Each packet that was merged had headers of its own.
  counters_.add_sent(packets, packet.len() + (packets - 1) * std::uint64_t{header->hdr_len});
}

DropReason TapPort::reason_of(int code) {
  switch (code) {
    case EAGAIN:
    case ENOBUFS:
      return DropReason::kPortFull;
    case EIO:  // tun_get_user: the interface is down
      return DropReason::kDeviceDown;
    case ENOMEM:
      return DropReason::kNoMemory;
    case EBADFD:
      gone_.store(true);
      return DropReason::kPortGone;
    default:
      return DropReason::kPortError;
  }
}

}  // namespace netkit::host
