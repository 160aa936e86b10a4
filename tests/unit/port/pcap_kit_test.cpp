// The port kit on the two pcap ports, each with the direction it has.
#include "packet/segment.h"
#include "port/atomic_counters.h"
#include "port/pcap_ports.h"
#include "tests/unit/port/port_kit.h"
#include "tests/unit/port/port_testing.h"

namespace netkit::testing_kit {
namespace {

// What the engine sends is read back from the file.
class WriterUnderTest final : public PortUnderTest {
 public:
  WriterUnderTest() {
    auto file = CaptureFile::create(file_.writable(), CaptureFormat::kPcap, "nk0");
    port_ = make_pcap_writer_port(*std::move(file));
    reader_ = *PcapReaderPort::open(file_.readable(), "kit.pcap");
  }
  Port& port() override { return *port_; }
  void world_send(PacketPtr) override {}
  std::vector<PacketPtr> world_receive(PacketPool& pool, std::size_t) override {
    // A reader stops at the end of the file: what was read before is read again and left out.
    reader_ = *PcapReaderPort::open(file_.readable(), "kit.pcap");
    std::vector<PacketPtr> packets;
    std::size_t number = 0;
    for (PacketBatch batch; !reader_->finished(); batch.clear()) {
      reader_->receive(pool, batch);
      for (PacketPtr& packet : batch)
        if (number++ >= seen_) packets.push_back(std::move(packet));
    }
    seen_ = number;
    return packets;
  }
  bool receives() const override { return false; }
  bool carries_metadata() const override { return false; }
  std::uint32_t largest_frame() const override { return 65535; }

 private:
  TemporaryFile file_{"kit-writer.pcap"};
  std::unique_ptr<Port> port_;
  std::unique_ptr<PcapReaderPort> reader_;
  std::size_t seen_ = 0;
};

// A reader port for each file that the world has filled: what a user who replays one file after the other
// has.
class FileAfterFile final : public Port {
 public:
  explicit FileAfterFile(const MacAddress& own) : own_(own) {}

  void add(PacketPtr packet) {
    if (writer_ == nullptr) {
      auto file = CaptureFile::create(file_.writable(), CaptureFormat::kPcap, "nk0");
      writer_ = make_pcap_writer_port(*std::move(file));
    }
    PacketBatch batch;
    batch.push(std::move(packet));
    writer_->send(batch);
  }

  void receive(PacketPool& pool, PacketBatch& batch) override {
    if (reader_ == nullptr && writer_ != nullptr) {
      writer_.reset();
      reader_ = *PcapReaderPort::open(file_.readable(), "kit.pcap", {.own_mac = own_});
    }
    if (reader_ == nullptr) return;
    const PortCounters before = reader_->counters();
    reader_->receive(pool, batch);
    const PortCounters after = reader_->counters();
    counters_.add_received(after.received_packets - before.received_packets,
                           after.received_bytes - before.received_bytes);
    if (reader_->finished()) reader_.reset();
  }
  void send(PacketBatch& batch) override { batch.clear(); }
  PortCounters counters() const override { return counters_.snapshot(); }
  std::string_view kind() const override { return "pcap"; }
  PortOffloads offloads() const override {
    return {.checksum = true, .tso4 = true, .tso6 = true, .uso = true};
  }

 private:
  MacAddress own_;
  TemporaryFile file_{"kit-reader.pcap"};
  std::unique_ptr<Port> writer_;
  std::unique_ptr<PcapReaderPort> reader_;
  AtomicPortCounters counters_;
};

class ReaderUnderTest final : public PortUnderTest {
 public:
  Port& port() override { return port_; }
  void world_send(PacketPtr packet) override { port_.add(std::move(packet)); }
  std::vector<PacketPtr> world_receive(PacketPool&, std::size_t) override { return {}; }
  bool sends() const override { return false; }
  bool carries_metadata() const override { return false; }
  std::uint32_t largest_frame() const override { return 65535; }

 private:
  FileAfterFile port_{engine_mac()};
};

INSTANTIATE_TEST_SUITE_P(
    Pcap, PortKit,
    testing::Values(PortMaker{"writer", [] { return std::make_unique<WriterUnderTest>(); }},
                    PortMaker{"reader", [] { return std::make_unique<ReaderUnderTest>(); }}),
    kit_name);

}  // namespace
}  // namespace netkit::testing_kit
