// Theory of operation of the wake-up. The reader's descriptor is an eventfd that is cleared only by a receive
// which finds the queue empty; that receive also arms the channel. Whoever sends and finds the channel armed
// disarms it and signals. Arming and disarming are exchanges of one flag, so either the writer sees it armed,
// or the reader, who looks at the queue once more after arming, sees the packet.
#include "port/in_process.h"

#include <sys/eventfd.h>

#include <atomic>

#include "base/fd.h"
#include "port/atomic_counters.h"
#include "port/bounded_queue.h"

namespace netkit {
namespace {

// One direction: written by one end, read by the other.
class Channel {
 public:
  explicit Channel(std::size_t capacity) : queue_(capacity) {}
  ~Channel() {
    if (const int fd = event_.load(std::memory_order_relaxed); fd >= 0) ::close(fd);
  }
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  // ---- the writing end ----
  [[nodiscard]] bool push(PacketPtr& packet) { return queue_.push(packet); }
  // After a batch.
  void wake() {
    if (armed_.exchange(false, std::memory_order_acq_rel)) signal();
  }
  [[nodiscard]] bool reader_gone() const { return reader_gone_.load(std::memory_order_acquire); }

  // ---- the reading end ----
  std::size_t pop_into(PacketBatch& batch) {
    std::size_t count = 0;
    while (!batch.full()) {
      PacketPtr packet = queue_.pop();
      if (packet == nullptr) break;
      batch.push(std::move(packet));
      ++count;
    }
    return count;
  }
  // The queue was found empty: the next packet shall signal. Returns what came meanwhile.
  std::size_t arm(PacketBatch& batch) {
    const int fd = event_.load(std::memory_order_relaxed);
    if (fd < 0 || armed_.load(std::memory_order_relaxed)) return 0;
    eventfd_t ignored = 0;
    (void)::eventfd_read(fd, &ignored);
    armed_.exchange(true, std::memory_order_acq_rel);
    const std::size_t count = pop_into(batch);
    if (count != 0) wake();  // there may be more than the batch took
    return count;
  }
  int open_event() {
    if (const int fd = event_.load(std::memory_order_relaxed); fd >= 0) return fd;
    // Readable from the start: the first receive that finds nothing arms it.
    const int fd = ::eventfd(1, EFD_NONBLOCK | EFD_CLOEXEC);
    event_.store(fd, std::memory_order_release);
    return fd;
  }
  void leave() {
    reader_gone_.store(true, std::memory_order_release);
    while (queue_.pop() != nullptr) continue;
  }

 private:
  void signal() { (void)::eventfd_write(event_.load(std::memory_order_acquire), 1); }

  BoundedPacketQueue queue_;
  std::atomic<bool> armed_{false};
  std::atomic<bool> reader_gone_{false};
  std::atomic<int> event_{-1};
};

class InProcessPort final : public Port {
 public:
  InProcessPort(std::shared_ptr<Channel> in, std::shared_ptr<Channel> out, const PortOffloads& offloads)
      : in_(std::move(in)), out_(std::move(out)), offloads_(offloads) {}
  ~InProcessPort() override {
    in_->leave();
    out_->wake();  // the other end shall notice
  }

  void receive(PacketPool&, PacketBatch& batch) override {
    const std::size_t first = batch.size();
    std::size_t count = in_->pop_into(batch);
    if (count == 0 && !batch.full()) count = in_->arm(batch);
    std::uint64_t bytes = 0;
    for (std::size_t i = first; i < batch.size(); ++i) bytes += batch[i]->len();
    if (count != 0) counters_.add_received(count, bytes);
  }

  void send(PacketBatch& batch) override {
    if (batch.empty()) return;
    if (out_->reader_gone()) {
      counters_.drop(DropReason::kPortGone, batch.size());
      return batch.clear();
    }
    std::uint64_t packets = 0, bytes = 0, full = 0;
    for (PacketPtr& packet : batch) {
      const std::uint32_t len = packet->len();
      packet->meta.dev = nullptr;  // the device is this side's
      if (out_->push(packet)) {
        ++packets;
        bytes += len;
      } else {
        ++full;
      }
    }
    batch.clear();
    out_->wake();
    counters_.add_sent(packets, bytes);
    if (full != 0) counters_.drop(DropReason::kPortFull, full);
  }

  [[nodiscard]] int poll_fd() const override { return in_->open_event(); }
  [[nodiscard]] PortState state() const override {
    return out_->reader_gone() ? PortState::kGone : PortState::kReady;
  }
  [[nodiscard]] PortOffloads offloads() const override { return offloads_; }
  [[nodiscard]] PortCounters counters() const override { return counters_.snapshot(); }
  [[nodiscard]] std::string_view kind() const override { return "in-process"; }

 private:
  std::shared_ptr<Channel> in_;
  std::shared_ptr<Channel> out_;
  PortOffloads offloads_;
  AtomicPortCounters counters_;
};

}  // namespace

InProcessPorts make_in_process_ports(const InProcessOptions& options) {
  auto forth = std::make_shared<Channel>(options.capacity);
  auto back = std::make_shared<Channel>(options.capacity);
  return {.first = std::make_unique<InProcessPort>(back, forth, options.offloads),
          .second = std::make_unique<InProcessPort>(forth, back, options.offloads)};
}

}  // namespace netkit
