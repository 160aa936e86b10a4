// Changes that a client subscribed to, on their way to it: a bounded queue that the engine fills and the
// connection empties. The engine never waits for it: what does not fit is counted, and told.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "device/network.h"

namespace netkit::rpc {

struct Interest {
  bool links = false;
  bool namespaces = false;
  device::NamespaceRef netns;  // links of this one alone; null: of all
  bool trace = false;          // lines of bpf_trace_printk
};

class Changes {
 public:
  static constexpr std::size_t kLongest = 4096;

  // `news` is called when the queue is no longer empty, by whatever thread changed or printed something,
  // while it holds locks: it must only ring a bell.
  Changes(device::Network& network, Interest interest, std::function<void()> news);

  // Everything that waits, as notifications, a line each.
  [[nodiscard]] std::string take();

 private:
  struct Queue;
  std::shared_ptr<Queue> queue_;
  device::Subscription subscription_;
  std::shared_ptr<void> followed_trace_;
};

}  // namespace netkit::rpc
