// Ports on capture files: one replays a file into the engine, the other writes what the engine sends.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/fd.h"
#include "port/capture_file.h"
#include "port/port.h"

namespace netkit {

enum class ReplayPace : std::uint8_t {
  kAtOnce,
  kRecorded,  // with the gaps between packets that the file has, from the first receive on
};

struct ReplayOptions {
  ReplayPace pace = ReplayPace::kAtOnce;
  MacAddress own_mac{};  // of the device that gets the packets: decides between HOST and OTHERHOST
};

// The world sends what the file holds; what the engine sends has nowhere to go and is dropped as no_port. A
// damaged file ends where the damage is. VLAN tags of the file travel beside the bytes.
class PcapReaderPort : public Port {
 public:
  [[nodiscard]] static Result<std::unique_ptr<PcapReaderPort>> open(Fd file, std::string_view name,
                                                                    const ReplayOptions& options = {});
  // Everything was received.
  [[nodiscard]] virtual bool finished() const = 0;
  // What was wrong with the file, if it ended early.
  [[nodiscard]] virtual const Error* damage() const = 0;
};

// Writes what the engine sends, as frames that go out; receives nothing.
[[nodiscard]] std::unique_ptr<Port> make_pcap_writer_port(std::unique_ptr<CaptureFile> file);

}  // namespace netkit
