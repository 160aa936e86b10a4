#include "cli/words.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "cli/errors.h"

namespace netkit::cli {

std::string_view Words::take() {
  const std::string_view word = words_.front();
  words_ = words_.subspan(1);
  return word;
}

bool Words::take_if(std::string_view word) {
  if (empty() || peek() != word) return false;
  take();
  return true;
}

Result<std::string_view> Words::value(std::string_view keyword) {
  if (empty()) return usage_error("'" + std::string(keyword) + "' needs a value behind it");
  return take();
}

Result<std::uint32_t> Words::number(std::string_view keyword) {
  return static_cast<std::uint32_t>(TRY(parse_number(TRY(value(keyword)), keyword)));
}

Result<> Words::end() const {
  if (empty()) return {};
  return usage_error("what is " + quote(peek()) + "? Nothing was expected behind the command");
}

Result<std::string_view> choose(std::string_view word, std::span<const std::string_view> known,
                                std::string_view what) {
  if (const auto exact = std::ranges::find(known, word); exact != known.end()) return *exact;
  std::string fitting;
  std::string_view last;
  int count = 0;
  for (const std::string_view one : known) {
    if (word.empty() || !one.starts_with(word)) continue;
    fitting += (count++ == 0 ? "" : ", ") + std::string(one);
    last = one;
  }
  if (count == 1) return last;
  if (count > 1) return usage_error(quote(word) + " may be any of: " + fitting);
  std::string hint = did_you_mean(word, known);
  if (hint.empty()) {
    for (const std::string_view one : known)
      hint += (hint.empty() ? "; known are " : ", ") + std::string(one);
  }
  return usage_error("unknown " + std::string(what) + " " + quote(word) + hint);
}

Result<std::uint64_t> parse_number(std::string_view text, std::string_view keyword, std::uint64_t most) {
  const bool hexadecimal = text.starts_with("0x");
  const std::string_view digits = hexadecimal ? text.substr(2) : text;
  std::uint64_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value, hexadecimal ? 16 : 10);
  if (error != std::errc() || rest != end || value > most) {
    return usage_error("'" + std::string(keyword) + "' takes a number from 0 to " + std::to_string(most) +
                       ", not " + quote(text));
  }
  return value;
}

}  // namespace netkit::cli
