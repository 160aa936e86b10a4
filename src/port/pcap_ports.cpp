#include "port/pcap_ports.h"

#include <sys/timerfd.h>

#include <optional>

#include "packet/checksum.h"
#include "packet/dissect.h"
#include "packet/headers.h"
#include "packet/segment.h"
#include "port/atomic_counters.h"
#include "port/pcap_file.h"
#include "port/vlan.h"

namespace netkit {
namespace {

// The descriptor is a timer that runs out when the next packet is due; at the end it is disarmed.
class ReaderPort final : public PcapReaderPort {
 public:
  ReaderPort(PcapFile file, Fd timer, const ReplayOptions& options)
      : file_(std::move(file)), timer_(std::move(timer)), options_(options) {
    advance();
    set_timer(1);
  }

  void receive(PacketPool& pool, PacketBatch& batch) override {
    if (!record_) return;
    const Nanoseconds now = monotonic_ns();
    if (started_at_ == 0) {
      started_at_ = now;
      first_recorded_ = record_->when;
    }
    for (; record_ && !batch.full(); advance()) {
      if (due() > now) return set_timer(due());
      if (PacketPtr packet = make_packet(pool)) {
        counters_.add_received(1, packet->len());
        batch.push(std::move(packet));
      }
    }
    if (!record_) set_timer(0);
  }

  void send(PacketBatch& batch) override {
    counters_.drop(DropReason::kNoPort, batch.size());
    batch.clear();
  }

  [[nodiscard]] int poll_fd() const override { return timer_.get(); }
  [[nodiscard]] PortCounters counters() const override { return counters_.snapshot(); }
  [[nodiscard]] std::string_view kind() const override { return "pcap"; }
  [[nodiscard]] bool finished() const override { return !record_; }
  [[nodiscard]] const Error* damage() const override { return damage_ ? &*damage_ : nullptr; }

 private:
  void advance() {
    auto next = file_.next();
    if (!next) damage_ = std::move(next).error();
    record_ = next ? *next : std::nullopt;
  }

  // By CLOCK_MONOTONIC; in the past for a packet that is older than the first one.
  [[nodiscard]] Nanoseconds due() const {
    if (options_.pace == ReplayPace::kAtOnce || record_->when <= first_recorded_) return started_at_;
    return started_at_ + (record_->when - first_recorded_);
  }

  // Absolute; 0 disarms.
  void set_timer(Nanoseconds at) const {
    constexpr Nanoseconds kSecond = 1'000'000'000;
    itimerspec due{};
    due.it_value = {.tv_sec = static_cast<time_t>(at / kSecond), .tv_nsec = static_cast<long>(at % kSecond)};
    (void)::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &due, nullptr);
  }

  PacketPtr make_packet(PacketPool& pool) {
    const std::span<const std::uint8_t> bytes = record_->bytes;
    const std::uint32_t header = file_.raw_ip() ? kEthernetHeader : 0;
    const auto length = static_cast<std::uint32_t>(bytes.size()) + header;
    PacketPtr packet = pool.allocate(length);
    if (packet == nullptr) return lost(DropReason::kNoMemory);
    if (file_.raw_ip()) {
      const bool v6 = !bytes.empty() && bytes[0] >> 4U == 6;
      write_header(packet->data(),
                   EthernetHeader{
                       .destination = options_.own_mac, .source = {}, .proto = v6 ? kProtoIpv6 : kProtoIpv4});
    }
    std::copy(bytes.begin(), bytes.end(), packet->data() + header);
    if (!take_vlan_tag(*packet) || !parse_headers(*packet, options_.own_mac))
      return lost(DropReason::kMalformed);
    packet->meta.tstamp = record_->when;
    return packet;
  }

  PacketPtr lost(DropReason reason) {
    counters_.drop_received(reason);
    return nullptr;
  }

  PcapFile file_;
  Fd timer_;
  ReplayOptions options_;
  std::optional<PcapFile::Record> record_;  // the next one
  std::optional<Error> damage_;
  Nanoseconds started_at_ = 0;
  Nanoseconds first_recorded_ = 0;
  AtomicPortCounters counters_;
};

class WriterPort final : public Port {
 public:
  explicit WriterPort(std::unique_ptr<CaptureFile> file) : file_(std::move(file)) {}

  void receive(PacketPool&, PacketBatch&) override {}
  void send(PacketBatch& batch) override {
    const Nanoseconds now = realtime_ns();
    std::uint64_t packets = 0, bytes = 0;
    for (PacketPtr& packet : batch) {
      // A file cannot say that a checksum is still to be computed.
      if (!is_gso(*packet) && !complete_checksum(*packet)) {
        counters_.drop(DropReason::kMalformed);
        continue;
      }
      file_->write(*packet, now, Direction::kOutbound);
      ++packets;
      bytes += packet->len();
    }
    batch.clear();
    if (file_->error() == 0)
      counters_.add_sent(packets, bytes);
    else
      counters_.drop(DropReason::kPortError, packets);
  }
  void flush() override { file_->flush(); }

  [[nodiscard]] PortOffloads offloads() const override {
    return {.checksum = true, .tso4 = true, .tso6 = true, .uso = true, .max_len = kMaxPacket};
  }
  [[nodiscard]] PortCounters counters() const override { return counters_.snapshot(); }
  [[nodiscard]] std::string_view kind() const override { return "pcap"; }

 private:
  std::unique_ptr<CaptureFile> file_;
  AtomicPortCounters counters_;
};

}  // namespace

Result<std::unique_ptr<PcapReaderPort>> PcapReaderPort::open(Fd file, std::string_view name,
                                                             const ReplayOptions& options) {
  auto opened = TRY(PcapFile::open(std::move(file), name));
  Fd timer(::timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC));
  if (!timer) return fail_errno("cannot make a timer for the replay");
  return std::make_unique<ReaderPort>(std::move(opened), std::move(timer), options);
}

std::unique_ptr<Port> make_pcap_writer_port(std::unique_ptr<CaptureFile> file) {
  return std::make_unique<WriterPort>(std::move(file));
}

}  // namespace netkit
