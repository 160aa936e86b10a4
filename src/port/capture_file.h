// A capture file that tcpdump and Wireshark open: Ethernet frames with nanosecond times, VLAN tags in the
// bytes, super-packets whole. As pcap, or as pcapng, which also marks directions and names the interface.
#pragma once

#include <cstdio>
#include <memory>
#include <mutex>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "packet/packet.h"

namespace netkit {

enum class CaptureFormat : std::uint8_t { kPcap, kPcapng };

// kPcapng for names that end in ".pcapng".
[[nodiscard]] CaptureFormat capture_format_of(std::string_view file_name);

// As epb_flags of pcapng has it, seen from the stack that owns the interface.
enum class Direction : std::uint8_t { kInbound = 1, kOutbound = 2 };

// What readers accept at most (libpcap's MAXIMUM_SNAPLEN); the rest of a longer packet is cut off, its length
// told.
inline constexpr std::uint32_t kSnapLength = 262'144;

// Packets may be written by several threads.
class CaptureFile {
 public:
  // `file` is empty and opened for writing. The headers are written at once.
  [[nodiscard]] static Result<std::unique_ptr<CaptureFile>> create(Fd file, CaptureFormat format,
                                                                   std::string_view interface);

  // `when`: of CLOCK_REALTIME. Data begins with the Ethernet header.
  void write(const Packet& packet, Nanoseconds when, Direction direction);
  void flush();
  // 0, or the errno of the first write that failed (a full disk); nothing is written any more from then on.
  [[nodiscard]] int error() const;

 private:
  struct Close {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  CaptureFile(std::FILE* file, CaptureFormat format) : file_(file), format_(format) {}

  void put(const void* bytes, std::size_t count);
  template <class... T>
  void put_values(T... values);
  void put_frame(const Packet& packet, std::uint32_t captured);
  void write_pcap(const Packet& packet, Nanoseconds when);
  void write_pcapng(const Packet& packet, Nanoseconds when, Direction direction);
  void write_headers(std::string_view interface);

  mutable std::mutex mutex_;
  std::unique_ptr<std::FILE, Close> file_;
  CaptureFormat format_;
  int error_ = 0;
};

}  // namespace netkit
