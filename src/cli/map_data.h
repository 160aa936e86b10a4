// Keys and values of maps as bpftool reads and prints them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/print.h"
#include "cli/words.h"

namespace netkit::cli {

using Json = nlohmann::json;

// What is known of a map's entries (bpf.obj_get_info_by_fd).
class MapShape {
 public:
  explicit MapShape(const Json& info);

  [[nodiscard]] std::uint32_t key_size() const { return key_size_; }
  [[nodiscard]] std::uint32_t value_size() const { return value_size_; }
  [[nodiscard]] bool per_cpu() const { return per_cpu_; }
  [[nodiscard]] bool holds_programs() const { return holds_programs_; }
  [[nodiscard]] bool holds_maps() const { return holds_maps_; }

  // An entry; key and value in hexadecimal digits. Maps without keys: the value alone.
  [[nodiscard]] std::string to_text(const std::string& key, const std::string& value) const;
  [[nodiscard]] OrderedJson to_json(const std::string& key, const std::string& value) const;

 private:
  // The copies of a per-CPU value, each without its padding.
  [[nodiscard]] std::vector<std::string> copies(const std::string& value) const;

  std::uint32_t key_size_;
  std::uint32_t value_size_;
  bool per_cpu_;
  bool holds_programs_;
  bool holds_maps_;
};

// DATA: `size` bytes, each decimal, 0x or, behind the word `hex`, two hexadecimal digits; as one string of
// hexadecimal digits.
[[nodiscard]] Result<std::string> read_bytes(Words& words, std::uint32_t size, std::string_view what);

// "01 02 ...", 16 in a line.
[[nodiscard]] std::string hex_lines(const std::string& digits);
// ["0x01", "0x02", ...]
[[nodiscard]] OrderedJson hex_list(const std::string& digits);

}  // namespace netkit::cli
