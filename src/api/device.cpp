#include "netkit/device.h"

#include "api/states.h"
#include "control/attach.h"
#include "control/link.h"
#include "netkit/namespace.h"
#include "port/in_process.h"

namespace netkit::v1 {
namespace {

using control::LinkRequest;

std::uint32_t number(auto value) {
  return static_cast<std::uint32_t>(value);
}

}  // namespace

Device::Device(std::shared_ptr<const State> state) : state_(std::move(state)) {}
Device::~Device() = default;
Device::Device(const Device&) = default;
Device& Device::operator=(const Device&) = default;
Device::Device(Device&&) noexcept = default;
Device& Device::operator=(Device&&) noexcept = default;

std::string Device::name() const {
  const device::Rtnl rtnl = state_->engine->network().lock();
  return state_->device->name();
}

std::uint32_t Device::ifindex() const {
  return state_->device->ifindex();
}

std::uint32_t Device::flags() const {
  const device::Rtnl rtnl = state_->engine->network().lock();
  return state_->device->reported_flags();
}

std::uint32_t Device::mtu() const {
  return state_->device->mtu();
}

MacAddress Device::mac() const {
  return state_->device->mac().bytes;
}

Statistics Device::statistics() const {
  const device::LinkStats stats = state_->device->stats();
  Statistics out{.rx_packets = stats.rx_packets,
                 .rx_bytes = stats.rx_bytes,
                 .rx_dropped = stats.rx_dropped,
                 .tx_packets = stats.tx_packets,
                 .tx_bytes = stats.tx_bytes,
                 .tx_dropped = stats.tx_dropped,
                 .drops = {}};
  const DropCounts sent = state_->device->transmit_totals().dropped;
  const DropCounts received = state_->device->receive_totals().dropped;
  for (std::size_t i = 0; i < kDropReasons; ++i) {
    if (const std::uint64_t packets = sent[i] + received[i]; packets != 0)
      out.drops.push_back({std::string(netkit::describe(static_cast<DropReason>(i)).name), packets});
  }
  return out;
}

Result<> Device::State::change(LinkRequest request) const {
  return ask([&](control::Client& client, std::uint32_t ifindex) {
    request.header.index = static_cast<std::int32_t>(ifindex);
    return detail::out(control::set_link(client, request));
  });
}

control::AttachRequest Device::State::attachment(std::uint32_t ifindex, AttachPoint point,
                                                 const Program& program, const Position& position) {
  control::AttachRequest request;
  request.target_ifindex = ifindex;
  request.prog_fd = program.state_->fd();
  request.attach_type = number(point);
  request.expected_revision = position.revision_;
  switch (position.where_) {
    case Position::Where::kTail:
      break;
    case Position::Where::kHead:
      request.flags = device::kBefore;
      break;
    case Position::Where::kBefore:
      request.flags = device::kBefore | device::kId;
      request.relative = position.relative_;
      break;
    case Position::Where::kAfter:
      request.flags = device::kAfter | device::kId;
      request.relative = position.relative_;
      break;
    case Position::Where::kReplace:
      request.flags = device::kReplace;
      break;
  }
  return request;
}

Result<> Device::set_up(bool up) const {
  LinkRequest request;
  request.header.flags = up ? std::uint32_t{device::kUp} : 0;
  request.header.change = device::kUp;
  return state_->change(std::move(request));
}

Result<> Device::set_mtu(std::uint32_t bytes) const {
  LinkRequest request;
  request.attributes.u32(control::kIflaMtu, bytes);
  return state_->change(std::move(request));
}

Result<> Device::set_mac(const MacAddress& mac) const {
  LinkRequest request;
  request.attributes.bytes(control::kIflaAddress, mac);
  return state_->change(std::move(request));
}

Result<> Device::rename(std::string_view name) const {
  LinkRequest request;
  request.attributes.text(control::kIflaIfname, name);
  return state_->change(std::move(request));
}

Result<> Device::move(const Namespace& target) const {
  return state_->ask([&](control::Client& client, std::uint32_t ifindex) {
    const int netns = client.open(target.state_->netns);
    LinkRequest request;
    request.header.index = static_cast<std::int32_t>(ifindex);
    request.attributes.u32(control::kIflaNetNsFd, number(netns));
    const auto moved = control::set_link(client, request);
    (void)client.close(netns);
    return detail::out(moved);
  });
}

Result<> Device::remove() const {
  const auto removed = state_->ask([&](control::Client& client, std::uint32_t ifindex) {
    LinkRequest request;
    request.header.index = static_cast<std::int32_t>(ifindex);
    return detail::out(control::delete_link(client, request));
  });
  state_->engine->collect();
  return removed;
}
Result<Link> Device::attach(AttachPoint point, const Program& program, const Position& position) const {
  if (position.where_ == Position::Where::kReplace)
    return std::unexpected(
        Error{EINVAL, "a link takes no other program's place: update that program's link"});
  return state_->ask([&](control::Client& client, std::uint32_t ifindex) -> Result<Link> {
    const auto link = control::create_link_at(client, state_->attachment(ifindex, point, program, position));
    if (!link) return detail::out(link.error());
    return Link(std::make_unique<Link::State>(state_->engine, *link));
  });
}

Result<> Device::attach_permanently(AttachPoint point, const Program& program,
                                    const Position& position) const {
  return state_->ask([&](control::Client& client, std::uint32_t ifindex) -> Result<> {
    control::AttachRequest wanted = state_->attachment(ifindex, point, program, position);
    if (position.where_ != Position::Where::kReplace)
      return detail::out(control::attach_program(client, wanted));
    const auto replaced = control::open_program(client, position.relative_);
    if (!replaced) return detail::out(replaced.error());
    wanted.replace_fd = *replaced;
    const auto attached = control::attach_program(client, wanted);
    (void)client.close(*replaced);
    return detail::out(attached);
  });
}

Result<> Device::detach(AttachPoint point, const Program& program) const {
  return state_->ask([&](control::Client& client, std::uint32_t ifindex) {
    return detail::out(control::detach_program(client, state_->attachment(ifindex, point, program, {})));
  });
}

Result<Attached> Device::attached(AttachPoint point) const {
  return state_->ask([&](control::Client& client, std::uint32_t ifindex) -> Result<Attached> {
    control::QueryRequest query;
    query.target_ifindex = ifindex;
    query.attach_type = number(point);
    query.room = device::kMaxPrograms;
    control::QueryAnswer answer;
    if (const auto asked = control::query_programs(client, query, answer); !asked)
      return detail::out(asked.error());
    Attached attached{.revision = answer.revision, .entries = {}};
    for (std::size_t i = 0; i < answer.prog_ids.size(); ++i)
      attached.entries.push_back({.program = answer.prog_ids[i], .link = answer.link_ids[i]});
    return attached;
  });
}

Result<Port> Device::open_port() const {
  {
    const device::Rtnl rtnl = state_->engine->network().lock();
    if (!state_->device->registered()) return std::unexpected(Error{ENODEV, "the device has gone"});
    if (state_->device->upper_port() != nullptr)
      return std::unexpected(Error{EBUSY, "the device has a port already"});
  }
  InProcessPorts ends = make_in_process_ports();
  state_->engine->connect(state_->device, std::move(ends.first));
  return Port(std::make_unique<Port::State>(state_->engine, state_->device, std::move(ends.second)));
}
}  // namespace netkit::v1
