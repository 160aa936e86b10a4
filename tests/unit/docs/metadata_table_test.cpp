// The columns of docs/differences.md that need no kernel interface; the TAP's are in
// tests/e2e/metadata_tap_test.cpp.
#include <gmock/gmock.h>

#include "packet/headers.h"
#include "port/in_process.h"
#include "port/pcap_file.h"
#include "port/pcap_ports.h"
#include "port/wrappers.h"
#include "tests/support/metadata_table.h"
#include "tests/unit/port/port_testing.h"

namespace netkit::testing {
namespace {

class MetadataTableTest : public ::testing::Test {
 protected:
  std::unique_ptr<CaptureFile> capture_file() {
    return *CaptureFile::create(file_.writable(), CaptureFormat::kPcap, "nk0");
  }
  // Into one port and out of the other one.
  Passage pass(ProbeKind kind, Port& in, Port& out) {
    PacketBatch batch;
    const Sight sent = put(kind, in);
    out.receive(pool_, batch);
    return {sent, batch.empty() ? Sight{} : look_at(*batch[0])};
  }
  Sight put(ProbeKind kind, Port& port) {
    PacketBatch batch;
    batch.push(make_probe(kind, pool_));
    const Sight sent = look_at(*batch[0]);
    port.send(batch);
    port.flush();
    return sent;
  }
  // What somebody who opens the file knows.
  Sight in_file() {
    auto file = PcapFile::open(file_.readable(), "t.pcap");
    const auto record = file->next();
    if (!record || !*record) return {};
    Sight sight;
    sight.meta.tstamp = (*record)->when;
    sight.frame.assign((*record)->bytes.begin(), (*record)->bytes.end());
    return sight;
  }

  PacketPool pool_;
  TemporaryFile file_{"metadata"};
};

TEST_F(MetadataTableTest, ColumnsAreThoseThatHaveATest) {
  EXPECT_THAT(metadata_columns(),
              ::testing::ElementsAre("in-process", "capture", "capture's file", "pcap read", "pcap write",
                                     "TAP receive", "TAP send"));
}

TEST_F(MetadataTableTest, InProcess) {
  const InProcessPorts ports = make_in_process_ports();
  expect_column("in-process", [&](ProbeKind kind) { return pass(kind, *ports.first, *ports.second); });
  expect_column("in-process", [&](ProbeKind kind) { return pass(kind, *ports.second, *ports.first); });
}

TEST_F(MetadataTableTest, ThroughACapture) {
  InProcessPorts ports = make_in_process_ports();
  const auto engine = capture(std::move(ports.first), capture_file());
  expect_column("capture", [&](ProbeKind kind) { return pass(kind, *engine, *ports.second); });
  expect_column("capture", [&](ProbeKind kind) { return pass(kind, *ports.second, *engine); });
}

TEST_F(MetadataTableTest, InACapturesFileWhenSent) {
  expect_column("capture's file", [&](ProbeKind kind) {
    InProcessPorts ports = make_in_process_ports();
    const auto engine = capture(std::move(ports.first), capture_file());
    const Sight sent = put(kind, *engine);
    return Passage{sent, in_file()};
  });
}

TEST_F(MetadataTableTest, InACapturesFileWhenReceived) {
  expect_column("capture's file", [&](ProbeKind kind) {
    InProcessPorts ports = make_in_process_ports();
    const auto engine = capture(std::move(ports.first), capture_file());
    const Sight sent = pass(kind, *ports.second, *engine).sent;
    engine->flush();
    return Passage{sent, in_file()};
  });
}

// The file holds what a capture of the probe at kProbeTime looks like.
TEST_F(MetadataTableTest, ReadFromPcap) {
  expect_column("pcap read", [&](ProbeKind kind) {
    const PacketPtr probe = make_probe(kind, pool_);
    capture_file()->write(*probe, kProbeTime, Direction::kInbound);
    Passage passage{look_at(*probe), {}};
    passage.sent.frame = in_file().frame;
    PacketBatch batch;
    (*PcapReaderPort::open(file_.readable(), "t.pcap", {.own_mac = kProbeSource}))->receive(pool_, batch);
    if (!batch.empty()) passage.seen = look_at(*batch[0]);
    return passage;
  });
}

TEST_F(MetadataTableTest, WrittenAsPcap) {
  expect_column("pcap write", [&](ProbeKind kind) {
    const auto port = make_pcap_writer_port(capture_file());
    const Sight sent = put(kind, *port);
    return Passage{sent, in_file()};
  });
}

}  // namespace
}  // namespace netkit::testing
