#include "port/wrappers.h"

#include <fmt/format.h>

#include <atomic>
#include <string>

#include "port/atomic_counters.h"

namespace netkit {
namespace {

// Passes everything on to the port inside.
class Wrapper : public Port {
 public:
  Wrapper(std::unique_ptr<Port> inner, std::string_view word)
      : inner_(std::move(inner)), kind_(fmt::format("{}({})", word, inner_->kind())) {}

  void receive(PacketPool& pool, PacketBatch& batch) override { inner_->receive(pool, batch); }
  void send(PacketBatch& batch) override { inner_->send(batch); }
  void flush() override { inner_->flush(); }
  [[nodiscard]] int poll_fd() const override { return inner_->poll_fd(); }
  [[nodiscard]] PortState state() const override { return inner_->state(); }
  [[nodiscard]] PortOffloads offloads() const override { return inner_->offloads(); }
  [[nodiscard]] PortCounters counters() const override { return inner_->counters(); }
  void set_carrier(bool on) override { inner_->set_carrier(on); }
  [[nodiscard]] std::string_view kind() const override { return kind_; }

 private:
  std::unique_ptr<Port> inner_;
  std::string kind_;
};

class CapturePort final : public Wrapper {
 public:
  CapturePort(std::unique_ptr<Port> inner, std::unique_ptr<CaptureFile> file, Direction received)
      : Wrapper(std::move(inner), "capture"),
        file_(std::move(file)),
        received_(received),
        sent_(received == Direction::kInbound ? Direction::kOutbound : Direction::kInbound) {}

  void receive(PacketPool& pool, PacketBatch& batch) override {
    const std::size_t first = batch.size();
    Wrapper::receive(pool, batch);
    write(batch, first, received_);
  }
  void send(PacketBatch& batch) override {
    write(batch, 0, sent_);
    Wrapper::send(batch);
  }
  void flush() override {
    Wrapper::flush();
    file_->flush();
  }

 private:
  void write(PacketBatch& batch, std::size_t first, Direction direction) {
    if (first == batch.size()) return;
    const Nanoseconds now = realtime_ns();
    for (std::size_t i = first; i < batch.size(); ++i) file_->write(*batch[i], now, direction);
  }

  std::unique_ptr<CaptureFile> file_;
  Direction received_, sent_;
};

// Decides by a counter that is scrambled (SplitMix64), so that any thread may ask and a seed repeats itself.
class Chance {
 public:
  Chance(double share, std::uint64_t seed) : share_(share), state_(seed) {}

  [[nodiscard]] bool happens() {
    constexpr std::uint64_t kStep = 0x9e37'79b9'7f4a'7c15;
    std::uint64_t z = state_.fetch_add(kStep, std::memory_order_relaxed) + kStep;
    z = (z ^ (z >> 30U)) * 0xbf58'476d'1ce4'e5b9;
    z = (z ^ (z >> 27U)) * 0x94d0'49bb'1331'11eb;
    z ^= z >> 31U;
    constexpr double kScale = 1.0 / (std::uint64_t{1} << 53U);
    return static_cast<double>(z >> 11U) * kScale < share_;
  }

 private:
  double share_;
  std::atomic<std::uint64_t> state_;
};

class LossyPort final : public Wrapper {
 public:
  LossyPort(std::unique_ptr<Port> inner, const LossOptions& options)
      : Wrapper(std::move(inner), "loss"),
        receive_(options.receive, options.seed),
        send_(options.send, ~options.seed) {}

  void receive(PacketPool& pool, PacketBatch& batch) override {
    const std::size_t first = batch.size();
    Wrapper::receive(pool, batch);
    lost_.drop_received(DropReason::kLoss, thin_out(batch, first, receive_));
  }
  void send(PacketBatch& batch) override {
    lost_.drop(DropReason::kLoss, thin_out(batch, 0, send_));
    Wrapper::send(batch);
  }
  [[nodiscard]] PortCounters counters() const override {
    PortCounters counters = Wrapper::counters();
    const PortCounters lost = lost_.snapshot();
    for (std::size_t i = 0; i < kDropReasons; ++i) {
      counters.dropped[i] += lost.dropped[i];
      counters.receive_dropped[i] += lost.receive_dropped[i];
    }
    return counters;
  }

 private:
  static std::size_t thin_out(PacketBatch& batch, std::size_t first, Chance& chance) {
    std::size_t kept = first;
    const std::size_t present = batch.size();
    for (std::size_t i = first; i < present; ++i)
      if (!chance.happens()) std::swap(batch[kept++], batch[i]);
    batch.truncate(kept);
    return present - kept;
  }

  Chance receive_, send_;
  AtomicPortCounters lost_;
};

}  // namespace

std::unique_ptr<Port> capture(std::unique_ptr<Port> port, std::unique_ptr<CaptureFile> file,
                              const CaptureOptions& options) {
  return std::make_unique<CapturePort>(std::move(port), std::move(file), options.received);
}

std::unique_ptr<Port> lossy(std::unique_ptr<Port> port, const LossOptions& options) {
  return std::make_unique<LossyPort>(std::move(port), options);
}

}  // namespace netkit
