#include "cli/prog/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/fd.h"
#include "packet/headers.h"
#include "port/pcap_file.h"

namespace netkit::cli {
namespace {

constexpr std::size_t kMostBytes = 64U << 20U;  // more than any packet, context or map file has
constexpr mode_t kFileMode = 0666;

Result<Fd> open_file(const std::string& file, int flags) {
  Fd fd(::open(file.c_str(), flags | O_CLOEXEC, kFileMode));
  if (!fd) return fail_errno(file);
  return fd;
}

}  // namespace

Result<std::vector<std::uint8_t>> read_whole(const std::string& file) {
  Fd opened;
  if (file != "-") opened = TRY(open_file(file, O_RDONLY));
  const int fd = file == "-" ? STDIN_FILENO : opened.get();
  std::vector<std::uint8_t> bytes;
  std::array<std::uint8_t, 65536> block;
  while (true) {
    const ssize_t got = ::read(fd, block.data(), block.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(file);
    if (got == 0) return bytes;
    bytes.insert(bytes.end(), block.begin(), block.begin() + got);
    if (bytes.size() > kMostBytes) return fail(EFBIG, file + ": no packet, context or map is that long");
  }
}

Result<> write_whole(const std::string& file, std::span<const std::uint8_t> bytes) {
  const Fd fd = TRY(open_file(file, O_WRONLY | O_CREAT | O_TRUNC));
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd.get(), bytes.data(), bytes.size());
    if (put < 0 && errno != EINTR) return fail_errno(file);
    if (put > 0) bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

Result<std::vector<CapturedPacket>> read_capture(const std::string& file) {
  PcapFile capture = TRY(PcapFile::open(TRY(open_file(file, O_RDONLY)), file));
  std::vector<CapturedPacket> packets;
  while (const auto record = TRY(capture.next())) {
    if (record->length > record->bytes.size())
      return fail(EINVAL, fmt::format("{}: packet {} was cut from {} bytes to {}: capture whole packets",
                                      file, packets.size() + 1, record->length, record->bytes.size()));
    CapturedPacket packet{.when = record->when, .bytes = {}};
    if (capture.raw_ip()) {
      packet.bytes.resize(kEthernetHeader);
      const bool v6 = !record->bytes.empty() && record->bytes[0] >> 4U == 6;
      write_header(packet.bytes.data(),
                   EthernetHeader{.destination = {}, .source = {}, .proto = v6 ? kProtoIpv6 : kProtoIpv4});
    }
    packet.bytes.insert(packet.bytes.end(), record->bytes.begin(), record->bytes.end());
    packets.push_back(std::move(packet));
  }
  return packets;
}

Result<CaptureWriter> CaptureWriter::create(const std::string& file) {
  Fd fd = TRY(open_file(file, O_WRONLY | O_CREAT | O_TRUNC));
  return CaptureWriter(file, TRY(CaptureFile::create(std::move(fd), capture_format_of(file), "prog-run")));
}

void CaptureWriter::write(std::span<const std::uint8_t> bytes, Nanoseconds when) {
  const PacketPtr packet = pool_->allocate(static_cast<std::uint32_t>(bytes.size()));
  std::ranges::copy(bytes, packet->data());
  file_->write(*packet, when, Direction::kInbound);
}

Result<> CaptureWriter::finish() {
  file_->flush();
  if (const int error = file_->error(); error != 0) return fail(error, name_ + ": " + errno_text(error));
  return {};
}

}  // namespace netkit::cli
