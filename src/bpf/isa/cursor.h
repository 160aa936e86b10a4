// The scanner of the assembler: takes words, numbers and registers off a statement.
#pragma once

#include <cctype>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "bpf/isa/instruction.h"

namespace netkit::bpf {

// Reads one statement from left to right. What is asked for is either there, and consumed, or nothing moves.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) { skip_space(); }

  [[nodiscard]] bool at_end() const { return rest_.empty(); }
  [[nodiscard]] std::string_view rest() const { return rest_; }

  bool accept(std::string_view symbol) {
    if (!rest_.starts_with(symbol)) return false;
    advance(symbol.size());
    return true;
  }
  // A whole word: not the beginning of a longer one.
  bool accept_word(std::string_view word) {
    if (!rest_.starts_with(word) || (rest_.size() > word.size() && is_word(rest_[word.size()]))) return false;
    advance(word.size());
    return true;
  }
  std::string_view word() {
    std::size_t length = 0;
    while (length < rest_.size() && is_word(rest_[length])) ++length;
    const std::string_view found = rest_.substr(0, length);
    advance(length);
    return found;
  }
  // The first of the table's texts that stands here; longer ones must come first in the table.
  template <class Table>
  auto choose(const Table& table) -> std::optional<decltype(table.front().second)> {
    for (const auto& [text, value] : table) {
      if (accept(text)) return value;
    }
    return std::nullopt;
  }
  // Decimal or 0x..., with a sign. All 64 bits; wraps for negative ones.
  std::optional<std::uint64_t> number() {
    std::string_view text = rest_;
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    const bool hex = text.starts_with("0x");
    if (hex) text.remove_prefix(2);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, hex ? 16 : 10);
    if (error != std::errc() || (end != text.data() + text.size() && is_word(*end))) return std::nullopt;
    advance(static_cast<std::size_t>(end - rest_.data()));
    return negative ? 0 - value : value;
  }
  // "r3" or "w3".
  std::optional<std::pair<Reg, Width>> reg() {
    const Cursor before = *this;
    const std::string_view text = word();
    unsigned number = 0;
    if (text.size() >= 2 && (text[0] == 'r' || text[0] == 'w')) {
      const auto [end, error] = std::from_chars(text.data() + 1, text.data() + text.size(), number);
      if (error == std::errc() && end == text.data() + text.size() && number <= number_of(kFramePointer)) {
        return std::pair{static_cast<Reg>(number), text[0] == 'r' ? Width::k64 : Width::k32};
      }
    }
    *this = before;
    return std::nullopt;
  }

 private:
  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }
  void skip_space() {
    while (!rest_.empty() && std::isspace(static_cast<unsigned char>(rest_.front())) != 0)
      rest_.remove_prefix(1);
  }
  void advance(std::size_t count) {
    rest_.remove_prefix(count);
    skip_space();
  }
  std::string_view rest_;
};

}  // namespace netkit::bpf
