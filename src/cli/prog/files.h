// Bytes and packets in files, as commands take and leave them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "packet/pool.h"
#include "port/capture_file.h"

namespace netkit::cli {

// "-": standard input.
[[nodiscard]] Result<std::vector<std::uint8_t>> read_whole(const std::string& file);
[[nodiscard]] Result<> write_whole(const std::string& file, std::span<const std::uint8_t> bytes);

struct CapturedPacket {
  Nanoseconds when = 0;
  std::vector<std::uint8_t> bytes;  // with an Ethernet header, which is made for raw IP
};
// EINVAL: it is no capture file or damaged, or a packet of it was cut.
[[nodiscard]] Result<std::vector<CapturedPacket>> read_capture(const std::string& file);

// A capture file that grows packet by packet.
class CaptureWriter {
 public:
  [[nodiscard]] static Result<CaptureWriter> create(const std::string& file);
  void write(std::span<const std::uint8_t> bytes, Nanoseconds when);
  // The errno of the first write that failed.
  [[nodiscard]] Result<> finish();

 private:
  CaptureWriter(std::string name, std::unique_ptr<CaptureFile> file)
      : name_(std::move(name)), file_(std::move(file)), pool_(std::make_unique<PacketPool>()) {}

  std::string name_;
  std::unique_ptr<CaptureFile> file_;
  std::unique_ptr<PacketPool> pool_;
};

}  // namespace netkit::cli
