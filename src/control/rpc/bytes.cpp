#include "control/rpc/bytes.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "control/rpc/error.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

constexpr off_t kLargestFile = off_t{64} << 20;

Result<std::vector<std::byte>> read_file(int file) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return fail_errno("the file passed along");
  if (!S_ISREG(status.st_mode))
    return fail(EINVAL, "the descriptor passed along is not one of a regular file");
  if (status.st_size > kLargestFile) return fail(EFBIG, "the file passed along has more than 64 MiB");
  std::vector<std::byte> content(static_cast<std::size_t>(status.st_size));
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count =
        ::pread(file, content.data() + done, content.size() - done, static_cast<off_t>(done));
    if (count < 0) return fail_errno("the file passed along");
    if (count == 0) return fail(EIO, "the file passed along became shorter while it was read");
    done += static_cast<std::size_t>(count);
  }
  return content;
}

}  // namespace

std::string to_hex(std::span<const std::byte> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{0xf})];
  }
  return text;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  return to_hex(std::as_bytes(bytes));
}

Result<std::vector<std::byte>> read_hex(const Params& params, std::string_view key) {
  const std::string text = TRY(params.text_or(key, ""));
  std::vector<std::byte> bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    std::uint8_t byte = 0;
    const char* const at = text.data() + 2 * i;
    if (std::from_chars(at, at + 2, byte, 16).ptr != at + 2) break;
    bytes[i] = std::byte{byte};
    if (i + 1 == bytes.size() && text.size() % 2 == 0) return bytes;
  }
  if (text.empty()) return bytes;
  return refuse(kInvalidParams, "parameter '" + std::string(key) + "' must be pairs of hexadecimal digits");
}

Result<std::vector<std::byte>> read_content(const Session& session, const Params& params,
                                            std::string_view key) {
  const Json* const value = params.find(key);
  if (value == nullptr || value->is_string()) return read_hex(params, key);
  return read_file(TRY(session.passed_from(*value, key)));
}

}  // namespace netkit::rpc
