// Reads capture files (pcap and pcapng, Ethernet or raw IP) through libpcap, which is seen nowhere else.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

struct pcap;

namespace netkit {

class PcapFile {
 public:
  struct Record {
    Nanoseconds when = 0;                 // CLOCK_REALTIME of the capture
    std::span<const std::uint8_t> bytes;  // valid until the next record is read
    std::uint32_t length = 0;             // of the packet; more than bytes.size() where it was cut
  };

  // `name` is for messages. EINVAL for what is no capture file, EPROTONOSUPPORT for another link type.
  [[nodiscard]] static Result<PcapFile> open(Fd file, std::string_view name);

  // The next packet; nothing at the end. EINVAL where the file is damaged; nothing follows then.
  [[nodiscard]] Result<std::optional<Record>> next();
  // The packets begin with an IP header: an Ethernet header has to be made for them.
  [[nodiscard]] bool raw_ip() const { return raw_ip_; }

 private:
  struct Close {
    void operator()(pcap* handle) const;
  };
  PcapFile(pcap* handle, bool raw_ip, std::string_view name)
      : handle_(handle), raw_ip_(raw_ip), name_(name) {}

  std::unique_ptr<pcap, Close> handle_;
  bool raw_ip_;
  std::string name_;
};

}  // namespace netkit
