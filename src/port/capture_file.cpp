#include "port/capture_file.h"

#include <algorithm>
#include <array>

#include "base/endian.h"
#include "packet/headers.h"

namespace netkit {
namespace {

constexpr std::uint32_t kLinkTypeEthernet = 1;
constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint32_t kMacAddresses = 12;

// draft-ietf-opsawg-pcap
constexpr std::uint32_t kPcapNanosecondMagic = 0xa1b2'3c4d;
// draft-ietf-opsawg-pcapng
constexpr std::uint32_t kSectionHeader = 0x0a0d'0d0a;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b'3c4d;
constexpr std::uint32_t kInterfaceDescription = 1;
constexpr std::uint32_t kEnhancedPacket = 6;
constexpr std::uint16_t kEndOfOptions = 0, kPacketFlags = 2, kInterfaceName = 2, kTimestampResolution = 9;

constexpr std::uint32_t padding(std::uint32_t length) {
  return (4 - length % 4) % 4;
}
constexpr std::array<char, 4> kZeros{};

std::uint32_t frame_length(const Packet& packet) {
  return packet.len() + (packet.meta.vlan.present && packet.len() >= kMacAddresses ? VlanHeader::kSize : 0);
}

}  // namespace

CaptureFormat capture_format_of(std::string_view file_name) {
  return file_name.ends_with(".pcapng") ? CaptureFormat::kPcapng : CaptureFormat::kPcap;
}

Result<std::unique_ptr<CaptureFile>> CaptureFile::create(Fd file, CaptureFormat format,
                                                         std::string_view interface) {
  std::FILE* stream = ::fdopen(file.get(), "wb");
  if (stream == nullptr) return fail_errno("cannot write the capture file");
  (void)file.release();
  std::unique_ptr<CaptureFile> capture(new CaptureFile(stream, format));
  capture->write_headers(interface);
  capture->flush();
  if (const int code = capture->error(); code != 0) {
    errno = code;
    return fail_errno("cannot write the capture file");
  }
  return capture;
}

int CaptureFile::error() const {
  const std::scoped_lock lock(mutex_);
  return error_;
}

void CaptureFile::flush() {
  const std::scoped_lock lock(mutex_);
  if (std::fflush(file_.get()) != 0 && error_ == 0) error_ = errno;
}

void CaptureFile::write(const Packet& packet, Nanoseconds when, Direction direction) {
  const std::scoped_lock lock(mutex_);
  if (error_ != 0) return;
  if (format_ == CaptureFormat::kPcap)
    write_pcap(packet, when);
  else
    write_pcapng(packet, when, direction);
}

void CaptureFile::put(const void* bytes, std::size_t count) {
  if (error_ == 0 && std::fwrite(bytes, 1, count, file_.get()) != count) error_ = errno != 0 ? errno : EIO;
}

template <class... T>
void CaptureFile::put_values(T... values) {
  (put(&values, sizeof values), ...);
}

// The frame as it would be on a wire: the tag that is held beside the bytes stands in them.
void CaptureFile::put_frame(const Packet& packet, std::uint32_t captured) {
  const std::uint8_t* data = packet.data();
  if (frame_length(packet) == packet.len()) return put(data, captured);
  std::array<std::uint8_t, kMacAddresses + VlanHeader::kSize> start{};
  std::copy_n(data, kMacAddresses, start.begin());
  store_unaligned(start.data() + kMacAddresses, packet.meta.vlan.proto);
  store_unaligned(start.data() + kMacAddresses + 2, Be16(packet.meta.vlan.tci));
  put(start.data(), start.size());
  put(data + kMacAddresses, captured - start.size());
}

void CaptureFile::write_headers(std::string_view interface) {
  if (format_ == CaptureFormat::kPcap) {
    constexpr std::uint16_t kMajor = 2, kMinor = 4;
    return put_values(kPcapNanosecondMagic, kMajor, kMinor, std::uint32_t{0}, std::uint32_t{0}, kSnapLength,
                      kLinkTypeEthernet);
  }
  constexpr std::uint32_t kSectionLength = 28;
  put_values(kSectionHeader, kSectionLength, kByteOrderMagic, std::uint16_t{1}, std::uint16_t{0},
             ~std::uint64_t{0}, kSectionLength);

  const auto name = static_cast<std::uint32_t>(std::min<std::size_t>(interface.size(), 255));
  const std::uint32_t length = 20 + (4 + name + padding(name)) + 8 + 4;
  put_values(kInterfaceDescription, length, kLinkTypeEthernet,
             kSnapLength);  // link type, reserved: 16 bits each
  put_values(kInterfaceName, static_cast<std::uint16_t>(name));
  put(interface.data(), name);
  put(kZeros.data(), padding(name));
  constexpr std::uint32_t kNanoseconds = 9;  // one byte, and its padding
  put_values(kTimestampResolution, std::uint16_t{1}, kNanoseconds, kEndOfOptions, std::uint16_t{0}, length);
}

void CaptureFile::write_pcap(const Packet& packet, Nanoseconds when) {
  const std::uint32_t captured = std::min(frame_length(packet), kSnapLength);
  put_values(static_cast<std::uint32_t>(when / kSecond), static_cast<std::uint32_t>(when % kSecond), captured,
             frame_length(packet));
  put_frame(packet, captured);
}

void CaptureFile::write_pcapng(const Packet& packet, Nanoseconds when, Direction direction) {
  const std::uint32_t captured = std::min(frame_length(packet), kSnapLength);
  const std::uint32_t length = 28 + captured + padding(captured) + 8 + 4 + 4;
  put_values(kEnhancedPacket, length, std::uint32_t{0}, static_cast<std::uint32_t>(when >> 32U),
             static_cast<std::uint32_t>(when), captured, frame_length(packet));
  put_frame(packet, captured);
  put(kZeros.data(), padding(captured));
  put_values(kPacketFlags, std::uint16_t{4}, static_cast<std::uint32_t>(direction), kEndOfOptions,
             std::uint16_t{0}, length);
}

}  // namespace netkit
