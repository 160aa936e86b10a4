#include "cli/map_data.h"

#include <fmt/format.h>

#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "bpf/run/types.h"
#include "cli/errors.h"

namespace netkit::cli {
namespace {

// From so many bytes on, bpftool prints key and value on lines of their own.
constexpr std::uint32_t kLongWord = 16;
constexpr std::uint32_t kShortLine = 24;
constexpr std::uint32_t kCopyAlignment = 8;  // of a CPU's copy

Result<std::uint8_t> read_byte(std::string_view word, bool hexadecimal) {
  const bool prefixed = word.starts_with("0x");
  const std::string_view digits = prefixed ? word.substr(2) : word;
  std::uint8_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value, prefixed || hexadecimal ? 16 : 10);
  if (error == std::errc() && rest == end) return value;
  return usage_error(quote(word) + " is no byte: say 0 to 255, 0x00 to 0xff, or `hex` and two digits each");
}

}  // namespace

MapShape::MapShape(const Json& info)
    : key_size_(info["key_size"].get<std::uint32_t>()), value_size_(info["value_size"].get<std::uint32_t>()) {
  const auto type = static_cast<bpf::MapType>(info["type"].get<std::uint32_t>());
  per_cpu_ = bpf::is_per_cpu(type);
  holds_programs_ = type == bpf::MapType::kProgArray;
  holds_maps_ = bpf::is_map_of_maps(type);
}

std::vector<std::string> MapShape::copies(const std::string& value) const {
  const std::size_t stride =
      std::size_t{2} * ((value_size_ + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment);
  std::vector<std::string> all;
  for (std::size_t at = 0; at < value.size(); at += stride)
    all.push_back(value.substr(at, std::size_t{2} * value_size_));
  return all;
}

std::string MapShape::to_text(const std::string& key, const std::string& value) const {
  if (per_cpu_) {
    std::string text = "key:\n" + hex_lines(key) + "\n";
    std::size_t cpu = 0;
    for (const std::string& copy : copies(value))
      text += fmt::format("value (CPU {:02}):{}{}\n", cpu++, value_size_ > kLongWord ? '\n' : ' ',
                          hex_lines(copy));
    return text;
  }
  if (key_size_ == 0)
    return fmt::format("value:{}{}\n", value_size_ > kLongWord ? '\n' : ' ', hex_lines(value));
  const bool breaks = key_size_ > kLongWord || value_size_ > kLongWord;
  const bool one_line = key_size_ + value_size_ <= kShortLine && !breaks;
  const char behind_name = breaks ? '\n' : ' ';
  return fmt::format("key:{}{}{}value:{}{}\n", behind_name, hex_lines(key), one_line ? "  " : "\n",
                     behind_name, hex_lines(value));
}

OrderedJson MapShape::to_json(const std::string& key, const std::string& value) const {
  OrderedJson entry{{"key", hex_list(key)}};
  if (!per_cpu_) {
    entry["value"] = hex_list(value);
    return entry;
  }
  entry["values"] = OrderedJson::array();
  for (const std::string& copy : copies(value))
    entry["values"].push_back({{"cpu", entry["values"].size()}, {"value", hex_list(copy)}});
  return entry;
}

Result<std::string> read_bytes(Words& words, std::uint32_t size, std::string_view what) {
  const bool hexadecimal = words.take_if("hex");
  std::string digits;
  for (std::uint32_t i = 0; i < size; ++i) {
    if (words.empty()) return usage_error(fmt::format("{} expected {} bytes got {}", what, size, i));
    digits += fmt::format("{:02x}", TRY(read_byte(words.take(), hexadecimal)));
  }
  return digits;
}

std::string hex_lines(const std::string& digits) {
  std::string text;
  for (std::size_t i = 0; i < digits.size() / 2; ++i) {
    if (i != 0) text += i % 16 == 0 ? "\n" : i % 8 == 0 ? "  " : " ";
    text += digits.substr(2 * i, 2);
  }
  return text;
}

OrderedJson hex_list(const std::string& digits) {
  OrderedJson list = OrderedJson::array();
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) list.push_back("0x" + digits.substr(i, 2));
  return list;
}

}  // namespace netkit::cli
