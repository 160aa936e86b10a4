#include "topology/datum.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "base/endian.h"

namespace netkit::topology {
namespace {

class Encoder {
 public:
  Encoder(std::size_t size, const DatumNames& names) : size_(size), names_(names) {}

  Result<> operator()(const Integer& integer) {
    const std::size_t size = integer.size != 0 ? integer.size : size_;
    if (size != 1 && size != 2 && size != 4 && size != 8)
      return fail(EINVAL,
                  fmt::format("a number alone cannot fill {} bytes; write the fields as a list", size));
    if (!fits(integer, size))
      return fail(EINVAL, fmt::format("{} does not fit {} bytes", text(integer), size));
    for (std::size_t i = 0; i < size; ++i) {
      const bool low_first = (std::endian::native == std::endian::little) != integer.big_endian;
      bytes_.push_back(static_cast<std::uint8_t>(integer.value >> 8U * (low_first ? i : size - 1 - i)));
    }
    return {};
  }
  Result<> operator()(const Bytes& bytes) { return append(bytes.bytes); }
  Result<> operator()(const IpAddress& address) { return append(address.bytes()); }
  Result<> operator()(const MacAddress& mac) { return append(mac.bytes); }
  Result<> operator()(const LpmKey& key) {
    append_u32(key.prefix.length);
    return append(key.prefix.address.bytes());
  }
  Result<> operator()(const IfindexOf& device) { return append_u32(TRY(names_.ifindex(device.end))); }
  Result<> operator()(const MacOf& device) { return append(TRY(names_.mac(device.end)).bytes); }
  Result<> operator()(const ProgramSlot& slot) { return append_u32(TRY(names_.program_id(slot.program))); }

  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  static bool fits(const Integer& integer, std::size_t size) {
    if (size == 8) return true;
    const auto bits = static_cast<unsigned>(8 * size);
    if (integer.negative) return static_cast<std::int64_t>(integer.value) >= -(std::int64_t{1} << (bits - 1));
    return integer.value >> bits == 0;
  }
  static std::string text(const Integer& integer) {
    return integer.negative ? std::to_string(static_cast<std::int64_t>(integer.value))
                            : std::to_string(integer.value);
  }
  Result<> append(std::span<const std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Result<> append_u32(std::uint32_t value) {
    std::array<std::uint8_t, sizeof value> bytes{};
    store_unaligned(bytes.data(), value);
    return append(bytes);
  }

  std::size_t size_;
  const DatumNames& names_;
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

Result<std::vector<std::uint8_t>> encode(const Datum& datum, std::size_t size, const DatumNames& names) {
  Encoder encoder(size, names);
  for (const Field& field : datum.fields) TRY(std::visit(encoder, field));
  std::vector<std::uint8_t> bytes = encoder.take();
  if (bytes.size() == size) return bytes;
  return fail(EINVAL,
              fmt::format("this is {} bytes, {} are needed; {}", bytes.size(), size,
                          bytes.size() < size ? "add the missing fields or {pad: N}" : "remove fields"));
}

}  // namespace netkit::topology
