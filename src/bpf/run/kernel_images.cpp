#include "bpf/run/kernel_images.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>

#include "bpf/run/context.h"
#include "bpf/run/memory_access.h"

namespace netkit::bpf {
namespace {

template <class Image>
Region region_of(const Image& image) {
  return {reinterpret_cast<std::uint64_t>(&image), sizeof image, RegionKind::kMemory, false, 0};
}

// ---- images ----

void make_device(RunContext& run) {
  KernelImages& images = run.kernel;
  kernel::net_device& device = images.device;
  const Outside& outside = *run.outside;
  DeviceFacts facts{.ifindex = run.packet->meta.ifindex};
  if (outside.device_facts != nullptr) outside.device_facts(outside.self, run, facts);
  device = {};
  device.ifindex = static_cast<int>(facts.ifindex);
  device.mtu = facts.mtu;
  device.flags = facts.flags;
  device.type = facts.type;
  device.needed_headroom = facts.needed_headroom;
  device.needed_tailroom = facts.needed_tailroom;
  device.hard_header_len = kEthernetHeader;
  device.addr_len = facts.address_length;
  images.device_address.fill(0);
  std::copy_n(facts.address.begin(), facts.address_length, images.device_address.begin());
  device.dev_addr = images.device_address.data();
  std::ranges::copy(facts.name, device.name);
  device.nd_net.net = &images.net;
  images.net = {};
  images.net.ns.inum = facts.netns_inum;
  images.net.net_cookie = facts.netns_cookie;
}

// The kernel keeps positions in 16 bits.
std::uint16_t position(std::uint32_t from_buffer) {
  return static_cast<std::uint16_t>(
      std::min<std::uint32_t>(from_buffer, std::numeric_limits<std::uint16_t>::max()));
}

void make_skb(RunContext& run) {
  Packet& packet = *run.packet;
  const PacketMeta& meta = packet.meta;
  kernel::sk_buff& skb = run.kernel.skb;
  skb = {};
  skb.dev = &run.kernel.device;
  skb.tstamp = static_cast<kernel::ktime_t>(meta.tstamp);
  // struct qdisc_skb_cb: what programs know as cb[] lies behind 8 bytes of the scheduler's.
  constexpr std::size_t kSchedulerBytes = 8;
  static_assert(kSchedulerBytes + sizeof meta.cb <= sizeof skb.cb);
  std::memcpy(skb.cb + kSchedulerBytes, meta.cb.data(), sizeof meta.cb);
  skb.len = packet.len();
  skb.data_len = packet.len() - packet.linear_len();
  skb.mac_len = meta.mac_len;
  skb.queue_mapping = meta.queue_mapping;
  skb.pkt_type = static_cast<std::uint8_t>(meta.pkt_type) & 7U;
  skb.ignore_df = meta.ignore_df;
  skb.ip_summed = static_cast<std::uint8_t>(meta.csum.state) & 3U;
  skb.tstamp_type = static_cast<std::uint8_t>(meta.tstamp_type) & 3U;
  skb.tc_at_ingress = meta.at_ingress;
  skb.csum_level = meta.csum.level & 3U;
  skb.l4_hash = meta.l4_hash;
  skb.sw_hash = meta.sw_hash;
  skb.encapsulation = meta.encapsulation;
  skb.redirected = meta.redirected;
  skb.from_ingress = meta.from_ingress;
  skb.nf_skip_egress = meta.nf_skip_egress;
  skb.tc_index = meta.tc_index;
  if (meta.csum.state == ChecksumState::kPartial) {
    skb.csum_start = position(meta.csum.start);
    skb.csum_offset = meta.csum.offset;
  } else {
    skb.csum = meta.csum.sum;
  }
  skb.priority = meta.priority;
  skb.skb_iif = static_cast<int>(meta.skb_iif);
  skb.hash = meta.hash;
  if (meta.vlan.present) {
    skb.vlan_proto = meta.vlan.proto.raw();
    skb.vlan_tci = meta.vlan.tci;
  }
  skb.napi_id = meta.napi_id;
  skb.mark = meta.mark;
  skb.protocol = meta.protocol.raw();
  skb.inner_mac_header = position(meta.inner_mac_header);
  skb.inner_network_header = position(meta.inner_network_header);
  skb.inner_transport_header = position(meta.inner_transport_header);
  skb.mac_header = position(meta.mac_header);
  skb.network_header = position(meta.network_header);
  skb.transport_header = position(meta.transport_header);
  skb.head = packet.buffer();
  skb.data = packet.data();
  skb.tail = packet.headroom() + packet.linear_len();
  skb.end = packet.capacity();
  skb.truesize = packet.capacity();
}

void make_shared(RunContext& run) {
  kernel::skb_shared_info& shared = run.kernel.shared;
  const PacketMeta& meta = run.packet->meta;
  shared = {};
  shared.meta_len = static_cast<std::uint8_t>(meta.meta_len);
  shared.nr_frags = run.packet->is_linear() ? 0 : 1;
  shared.gso_size = meta.gso.size;
  shared.gso_segs = meta.gso.segs;
  shared.gso_type = meta.gso.type;
}

// ---- where an address leads ----

template <class Image>
bool read_image(RunContext& run, const Region& place, const Image& image, void (*make)(RunContext&),
                std::uint64_t address, std::span<std::byte> to) {
  if (!place.holds(address, to.size())) return false;
  make(run);
  std::memcpy(to.data(), reinterpret_cast<const std::byte*>(&image) + (address - place.base), to.size());
  return true;
}

template <class Image>
bool read_image(RunContext& run, const Image& image, void (*make)(RunContext&), std::uint64_t address,
                std::span<std::byte> to) {
  return read_image(run, region_of(image), image, make, address, to);
}

bool read_images(RunContext& run, std::uint64_t address, std::span<std::byte> to) {
  const KernelImages& images = run.kernel;
  const Region context{run.context_address(), sizeof images.skb, RegionKind::kContext, false, 0};
  const std::uint64_t end = reinterpret_cast<std::uint64_t>(run.packet->buffer()) + run.packet->capacity();
  const Region behind_packet{end, sizeof images.shared, RegionKind::kMemory, false, 0};
  return read_image(run, context, images.skb, make_skb, address, to) ||
         read_image(run, images.skb, make_skb, address, to) ||
         read_image(run, images.device, make_device, address, to) ||
         read_image(run, images.device_address, make_device, address, to) ||
         read_image(run, images.net, make_device, address, to) ||
         read_image(run, images.shared, make_shared, address, to) ||
         read_image(run, behind_packet, images.shared, make_shared, address, to);
}

// From the first header that was pulled off to the last byte, linear or not.
Region packet_region(Packet& packet) {
  const std::uint32_t data = packet.headroom();
  std::uint32_t first = data - packet.meta.meta_len;
  for (const std::uint32_t header : {packet.meta.mac_header, packet.meta.network_header})
    if (header != kUnset) first = std::min(first, header);
  return {reinterpret_cast<std::uint64_t>(packet.buffer()) + first,
          std::uint64_t{data} - first + packet.len(), RegionKind::kPacket, false, 0};
}

}  // namespace

bool read_kernel_memory(RunContext& run, std::uint64_t address, std::span<std::byte> to) {
  // A callback of a timer has no packet.
  if (run.packet != nullptr) {
    if (read_images(run, address, to)) return true;
    if (packet_region(*run.packet).holds(address, to.size())) {
      std::memcpy(to.data(), reinterpret_cast<const void*>(address), to.size());
      return true;
    }
  }
  const Region* region = run.regions.find(address, to.size());
  if (region == nullptr || region->kind == RegionKind::kContext) return false;
  copy_from_shared(to.data(), reinterpret_cast<const void*>(address), to.size());
  return true;
}

std::int64_t unreadable(std::uint64_t address) {
  return static_cast<std::int64_t>(address) < 0 ? -EFAULT : -ERANGE;
}

}  // namespace netkit::bpf
