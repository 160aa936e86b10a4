// A TCP connection out of a capture file: what each side said, to be said again by end hosts where no stack
// is there that would say it.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace netkit {

struct RecordedSegment {
  bool from_client = true;
  std::vector<std::uint8_t> bytes;  // the TCP header with its options, and the data
};

struct TcpRecording {
  std::vector<RecordedSegment> segments;  // the first one is the client's SYN

  [[nodiscard]] std::uint64_t data_bytes() const;  // of both sides
};

// The first connection that the capture shows from its SYN on; packets of others are left out. `name` is for
// messages. EINVAL: no capture file, a damaged one, no such connection, or a packet of it that was not
// captured whole; EPROTONOSUPPORT as of PcapFile.
[[nodiscard]] Result<TcpRecording> read_tcp_recording(Fd file, std::string_view name);

}  // namespace netkit
