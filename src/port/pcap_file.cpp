#include "port/pcap_file.h"

#include <fmt/format.h>
#include <pcap/pcap.h>

#include <array>

namespace netkit {

void PcapFile::Close::operator()(pcap* handle) const {
  ::pcap_close(handle);
}

Result<PcapFile> PcapFile::open(Fd file, std::string_view name) {
  std::FILE* stream = ::fdopen(file.get(), "rb");
  if (stream == nullptr) return fail_errno(fmt::format("{}: cannot read the capture file", name));
  (void)file.release();
  std::array<char, PCAP_ERRBUF_SIZE> error{};
  // On success the handle owns the stream.
  pcap_t* handle =
      ::pcap_fopen_offline_with_tstamp_precision(stream, PCAP_TSTAMP_PRECISION_NANO, error.data());
  if (handle == nullptr) {
    std::fclose(stream);
    return fail(EINVAL, fmt::format("{}: no capture file: {}", name, error.data()));
  }
  const int link_type = ::pcap_datalink(handle);
  PcapFile opened(handle, link_type == DLT_RAW, name);
  if (link_type == DLT_EN10MB || link_type == DLT_RAW) return opened;
  const char* type = ::pcap_datalink_val_to_name(link_type);
  return fail(EPROTONOSUPPORT, fmt::format("{}: link type {} is not supported; Ethernet and raw IP are", name,
                                           type != nullptr ? type : std::to_string(link_type)));
}

Result<std::optional<PcapFile::Record>> PcapFile::next() {
  pcap_pkthdr* header = nullptr;
  const u_char* bytes = nullptr;
  switch (::pcap_next_ex(handle_.get(), &header, &bytes)) {
    case 1:
      break;
    case PCAP_ERROR_BREAK:
      return std::optional<Record>();
    default:
      return fail(EINVAL, fmt::format("{}: damaged capture file: {}", name_, ::pcap_geterr(handle_.get())));
  }
  constexpr Nanoseconds kSecond = 1'000'000'000;
  // With nanosecond precision tv_usec counts nanoseconds.
  const Nanoseconds when =
      static_cast<Nanoseconds>(header->ts.tv_sec) * kSecond + static_cast<Nanoseconds>(header->ts.tv_usec);
  return Record{.when = when, .bytes = {bytes, header->caplen}, .length = header->len};
}

}  // namespace netkit
