// The words of a command line, taken one after another as `ip` takes them.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace netkit::cli {

class Words {
 public:
  explicit Words(std::span<const std::string_view> words) : words_(words) {}

  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] std::string_view peek() const { return words_.front(); }
  std::string_view take();
  // Takes the next word if it is this one.
  bool take_if(std::string_view word);
  // What stands behind a keyword that was just taken.
  [[nodiscard]] Result<std::string_view> value(std::string_view keyword);
  [[nodiscard]] Result<std::uint32_t> number(std::string_view keyword);
  [[nodiscard]] std::span<const std::string_view> rest() const { return words_; }
  // There are no more words.
  [[nodiscard]] Result<> end() const;

 private:
  std::span<const std::string_view> words_;
};

// The word of the list that `word` is, or is the beginning of no other than. `what`: "command".
[[nodiscard]] Result<std::string_view> choose(std::string_view word, std::span<const std::string_view> known,
                                              std::string_view what);

// A whole number, decimal or 0x.
[[nodiscard]] Result<std::uint64_t> parse_number(
    std::string_view text, std::string_view keyword,
    std::uint64_t most = std::numeric_limits<std::uint32_t>::max());

}  // namespace netkit::cli
