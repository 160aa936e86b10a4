#include "control/rpc/changes.h"

#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>
#include <vector>

#include "base/address.h"
#include "bpf/run/trace_log.h"
#include "control/rpc/protocol.h"
#include "device/device.h"
#include "device/namespace.h"

namespace netkit::rpc {
namespace {

using device::Event;
using device::EventKind;

// What a notification says: copied while the lock is held, written out later.
struct Change {
  EventKind kind = EventKind::kNewLink;
  std::string netns;
  std::string name;
  std::uint32_t ifindex = 0;
  std::string_view link_kind{};
  std::uint32_t changed = 0;
  std::uint32_t flags = 0;
  std::uint32_t mtu = 0;
  MacAddress mac{};
  device::OperState operstate = device::OperState::kUnknown;
};

Change copy(const Event& event) {
  Change change{.kind = event.kind,
                .netns = event.netns->name(),
                .name = event.name,
                .ifindex = event.ifindex,
                .changed = event.changed};
  if (event.device != nullptr) {
    change.link_kind = device::kind_name(event.device->kind());
    change.flags = event.device->reported_flags();
    change.mtu = event.device->mtu();
    change.mac = event.device->mac();
    change.operstate = event.device->operstate();
  }
  return change;
}

std::string_view method_of(EventKind kind) {
  switch (kind) {
    case EventKind::kNewLink:
      return "rtnl.newlink";
    case EventKind::kDelLink:
      return "rtnl.dellink";
    case EventKind::kNewNamespace:
      return "netns.new";
    case EventKind::kDelNamespace:
      return "netns.gone";
  }
  std::unreachable();
}

Json params_of(const Change& change) {
  const bool about_netns = change.kind == EventKind::kNewNamespace || change.kind == EventKind::kDelNamespace;
  if (about_netns) return {{"name", change.netns}};
  return {{"netns", change.netns},
          {"ifname", change.name},
          {"ifindex", change.ifindex},
          {"kind", change.link_kind},
          {"changed", change.changed},
          {"flags", change.flags},
          {"mtu", change.mtu},
          {"address", to_string(change.mac)},
          {"operstate", std::to_underlying(change.operstate)}};
}

std::string encode(const Change& change) {
  return encode_notification(method_of(change.kind), params_of(change));
}

struct TraceLine {
  std::string text;
};
std::string encode(const TraceLine& line) {
  return encode_notification("bpf.trace", {{"line", line.text}});
}

using News = std::variant<Change, TraceLine>;

}  // namespace

struct Changes::Queue {
  std::function<void()> news;
  std::mutex mutex;
  std::vector<News> waiting;
  std::uint64_t lost = 0;

  template <class Make>
  void put(Make make) {
    const std::lock_guard guard(mutex);
    if (waiting.size() == kLongest) {
      ++lost;
      return;
    }
    waiting.push_back(make());
    if (waiting.size() == 1) news();
  }
};

Changes::Changes(device::Network& network, Interest interest, std::function<void()> news)
    : queue_(std::make_shared<Queue>()) {
  queue_->news = std::move(news);
  const bool follows_trace = interest.trace;
  subscription_ = network.subscribe([queue = queue_, interest = std::move(interest)](const Event& event) {
    const bool about_link = event.kind == EventKind::kNewLink || event.kind == EventKind::kDelLink;
    if (about_link ? !interest.links : !interest.namespaces) return;
    if (about_link && interest.netns != nullptr && interest.netns.get() != event.netns) return;
    queue->put([&event] { return News(copy(event)); });
  });
  if (!follows_trace) return;
  followed_trace_ = bpf::TraceLog::instance().follow([queue = queue_](std::string_view line) {
    queue->put([line] { return News(TraceLine{std::string(line)}); });
  });
}

std::string Changes::take() {
  std::vector<News> waiting;
  std::uint64_t lost = 0;
  {
    const std::lock_guard guard(queue_->mutex);
    waiting.swap(queue_->waiting);
    lost = std::exchange(queue_->lost, 0);
  }
  std::string lines;
  for (const News& news : waiting) lines += std::visit([](const auto& one) { return encode(one); }, news);
  if (lost > 0) lines += encode_notification("overrun", {{"lost", lost}});
  return lines;
}

}  // namespace netkit::rpc
