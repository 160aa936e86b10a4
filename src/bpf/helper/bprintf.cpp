// Theory of operation. As in the kernel, the whole format is checked before a character is written: parse()
// turns it into conversions that hold their value or the text they name, and render() writes them with the
// literals between. parse() also keeps the account of the kernel's buffer for binary arguments, whose
// exhaustion is ENOSPC.
#include "bpf/helper/bprintf.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace netkit::bpf {
namespace {

constexpr std::size_t kArgumentBuffer = 512;         // MAX_BPRINTF_BIN_ARGS
constexpr std::uint32_t kMaxWidth = (1U << 23) - 1;  // FIELD_WIDTH_MAX of lib/vsprintf.c
constexpr std::uint32_t kPointerDigits = 16;

// The kernel's character classes, which are those of Latin-1 (lib/ctype.c).
constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
constexpr bool is_latin1_letter(unsigned char c) {
  return c >= 0xc0 && c != 0xd7 && c != 0xf7;
}
constexpr bool is_alnum(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         is_latin1_letter(static_cast<unsigned char>(c));
}
constexpr bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
constexpr bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}
constexpr bool is_printable(char c) {
  return is_ascii(c) ? c >= ' ' && c <= '~' : static_cast<unsigned char>(c) >= 0xa0;
}
// Zero, white space or punctuation.
constexpr bool ends_specifier(char c) {
  return c == 0 || is_space(c) || (is_printable(c) && !is_alnum(c));
}

enum class Kind : std::uint8_t {
  kSigned,
  kUnsigned,
  kHexLower,
  kHexUpper,
  kCharacter,
  kString,
  kSymbol,
  kAddress
};

struct Conversion {
  std::size_t begin = 0;  // of the '%' in the format
  std::size_t end = 0;    // behind the last character that belongs to it
  Kind kind = Kind::kSigned;
  bool left = false;
  bool plus = false;
  bool space = false;
  bool zero = false;
  std::uint32_t width = 0;
  std::uint64_t value = 0;
  std::string_view text;  // kString
};

// An IP address as text: at most eight groups of four digits and seven colons.
using AddressText = std::array<char, 40>;

std::string_view format_address(AddressText& text, std::span<const std::uint8_t> bytes, bool plain) {
  constexpr char kDigits[] = "0123456789abcdef";
  char* at = text.data();
  if (bytes.size() == 4) {
    for (const std::uint8_t byte : bytes) {
      if (at != text.data()) *at++ = '.';
      if (plain && byte < 100) *at++ = '0';
      if (plain && byte < 10) *at++ = '0';
      at = std::to_chars(at, text.end(), byte).ptr;
    }
  } else {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      if (!plain && i != 0 && i % 2 == 0) *at++ = ':';
      *at++ = kDigits[bytes[i] >> 4];
      *at++ = kDigits[bytes[i] & 15];
    }
  }
  return {text.data(), at};
}

class Parser {
 public:
  Parser(std::string_view format, std::span<const std::uint64_t> arguments, const RegionTable& memory)
      : format_(format), arguments_(arguments), memory_(memory) {}

  // 0 or a negative errno.
  std::int64_t parse() {
    for (position_ = 0; position_ < format_.size(); ++position_) {
      const char c = at(0);
      if (is_ascii(c) && !is_printable(c) && !is_space(c)) return -EINVAL;
      if (c != '%') continue;
      if (at(1) == '%') {
        ++position_;
        continue;
      }
      if (count_ == arguments_.size()) return -EINVAL;
      if (const std::int64_t error = parse_conversion(); error != 0) return error;
    }
    return 0;
  }

  [[nodiscard]] std::span<const Conversion> conversions() const { return {conversions_.data(), count_}; }

 private:
  // The character `ahead` of the present one; 0 behind the end.
  [[nodiscard]] char at(std::size_t ahead) const {
    return position_ + ahead < format_.size() ? format_[position_ + ahead] : '\0';
  }

  // Present: the '%'. Afterwards: the last character of the conversion.
  std::int64_t parse_conversion() {
    Conversion& conversion = conversions_[count_];
    conversion.begin = position_++;
    conversion.value = arguments_[count_];
    parse_flags_and_width(conversion);
    const std::int64_t error = at(0) == 'p'   ? parse_pointer(conversion)
                               : at(0) == 's' ? parse_string(conversion)
                               : at(0) == 'c' ? parse_character(conversion)
                                              : parse_number(conversion);
    conversion.end = position_ + 1;
    ++count_;
    return error;
  }

  void parse_flags_and_width(Conversion& conversion) {
    for (;; ++position_) {
      switch (at(0)) {
        case '0':
          conversion.zero = true;
          continue;
        case '+':
          conversion.plus = true;
          continue;
        case '-':
          conversion.left = true;
          continue;
        case ' ':
          conversion.space = true;
          continue;
        default:
          break;
      }
      break;
    }
    for (; is_digit(at(0)); ++position_) {
      const auto digit = static_cast<std::uint32_t>(at(0) - '0');
      conversion.width = std::min(conversion.width * 10 + digit, kMaxWidth);
    }
  }

  std::int64_t parse_number(Conversion& conversion) {
    std::uint32_t size = 4;
    for (int i = 0; i < 2 && at(0) == 'l'; ++i, ++position_) size = 8;
    switch (at(0)) {
      case 'd':
      case 'i':
        conversion.kind = Kind::kSigned;
        if (size == 4)
          conversion.value = static_cast<std::uint64_t>(static_cast<std::int32_t>(conversion.value));
        break;
      case 'u':
        conversion.kind = Kind::kUnsigned;
        break;
      case 'x':
        conversion.kind = Kind::kHexLower;
        break;
      case 'X':
        conversion.kind = Kind::kHexUpper;
        break;
      default:
        return -EINVAL;
    }
    if (size == 4 && conversion.kind != Kind::kSigned)
      conversion.value = static_cast<std::uint32_t>(conversion.value);
    return take_words(size);
  }

  std::int64_t parse_character(Conversion& conversion) {
    conversion.kind = Kind::kCharacter;
    return take(1) ? 0 : -ENOSPC;
  }

  std::int64_t parse_string(Conversion& conversion) {
    if (!ends_specifier(at(1))) return -EINVAL;
    return name_string(conversion);
  }

  std::int64_t parse_pointer(Conversion& conversion) {
    const char kind = at(1);
    if ((kind == 'k' || kind == 'u') && at(2) == 's') {
      position_ += 2;
      if (!ends_specifier(at(1))) return -EINVAL;
      conversion.width = 0;
      return name_string(conversion);
    }
    if ((kind == 'i' || kind == 'I') && (at(2) == '4' || at(2) == '6')) {
      position_ += 2;
      const std::int64_t error = name_address(conversion, at(0) == '4' ? 4 : 16, kind == 'i');
      swallow_word();
      return error;
    }
    std::int64_t error = 0;
    if (ends_specifier(kind) || kind == 'x' || kind == 'K') {
      conversion.kind = Kind::kAddress;
      error = take_words(8);
    } else if (kind == 's' || kind == 'S' || kind == 'B') {
      conversion.kind = Kind::kSymbol;
      if (kind == 'B') conversion.width = 0;
      error = take_words(8);
    } else {
      error = -EINVAL;
    }
    swallow_word();
    return error;
  }

  // bstr_printf takes all letters and digits that follow %p for a part of it.
  void swallow_word() {
    while (is_alnum(at(1))) ++position_;
  }

  // The string that the value points to, up to its zero, the end of its region or of the argument buffer.
  std::int64_t name_string(Conversion& conversion) {
    conversion.kind = Kind::kString;
    if (used_ == kArgumentBuffer) return -ENOSPC;
    conversion.text = {};
    if (const Region* region = memory_.find(conversion.value, 1)) {
      const std::size_t in_region = region->size - (conversion.value - region->base);
      const auto* start = reinterpret_cast<const char*>(conversion.value);
      conversion.text = {start, ::strnlen(start, std::min(in_region, kArgumentBuffer - used_ - 1))};
    }
    used_ += conversion.text.size() + 1;
    return 0;
  }

  std::int64_t name_address(Conversion& conversion, std::size_t size, bool plain) {
    conversion.kind = Kind::kString;
    conversion.width = 0;
    if (kArgumentBuffer - used_ < size) return -ENOSPC;
    std::array<std::uint8_t, 16> bytes{};
    if (memory_.find(conversion.value, size) != nullptr) {
      std::memcpy(bytes.data(), reinterpret_cast<const void*>(conversion.value), size);
    }
    conversion.text = format_address(addresses_[count_], std::span(bytes).first(size), plain);
    used_ = std::min(used_ + conversion.text.size() + 1, kArgumentBuffer);
    return 0;
  }

  bool take(std::size_t bytes) {
    if (kArgumentBuffer - used_ < bytes) return false;
    used_ += bytes;
    return true;
  }
  std::int64_t take_words(std::size_t bytes) {
    used_ = std::min((used_ + 3) & ~std::size_t{3}, kArgumentBuffer);
    return take(bytes) ? 0 : -ENOSPC;
  }

  std::string_view format_;
  std::span<const std::uint64_t> arguments_;
  const RegionTable& memory_;
  std::size_t position_ = 0;
  std::size_t used_ = 0;  // of the argument buffer
  std::size_t count_ = 0;
  std::array<Conversion, kMaxPrintArguments> conversions_;
  std::array<AddressText, kMaxPrintArguments> addresses_;
};

// Counts everything and stores what fits.
class Output {
 public:
  explicit Output(std::span<char> room) : room_(room) {}

  void put(std::string_view text) {
    const std::size_t room = length_ < room_.size() ? room_.size() - length_ : 0;
    if (room != 0) std::ranges::copy(text.substr(0, room), room_.data() + length_);
    length_ += text.size();
  }
  void pad(char c, std::size_t count) {
    if (length_ < room_.size())
      std::memset(room_.data() + length_, c, std::min(count, room_.size() - length_));
    length_ += count;
  }
  std::int64_t finish() {
    if (!room_.empty()) room_[std::min(length_, room_.size() - 1)] = '\0';
    return static_cast<std::int64_t>(length_);
  }

 private:
  std::span<char> room_;
  std::size_t length_ = 0;
};

void put_text(Output& out, const Conversion& conversion, std::string_view text) {
  const std::size_t padding = conversion.width > text.size() ? conversion.width - text.size() : 0;
  if (!conversion.left) out.pad(' ', padding);
  out.put(text);
  if (conversion.left) out.pad(' ', padding);
}

void put_number(Output& out, const Conversion& conversion, std::string_view sign, std::string_view digits) {
  const std::size_t length = sign.size() + digits.size();
  const std::size_t padding = conversion.width > length ? conversion.width - length : 0;
  const bool zeros = conversion.zero && !conversion.left;
  if (!zeros && !conversion.left) out.pad(' ', padding);
  out.put(sign);
  if (zeros) out.pad('0', padding);
  out.put(digits);
  if (conversion.left) out.pad(' ', padding);
}

void put_conversion(Output& out, Conversion conversion) {
  std::array<char, 24> buffer;
  const auto digits = [&](std::uint64_t value, int base) {
    return std::string_view(buffer.data(), std::to_chars(buffer.begin(), buffer.end(), value, base).ptr);
  };
  switch (conversion.kind) {
    case Kind::kSigned: {
      const bool negative = static_cast<std::int64_t>(conversion.value) < 0;
      const std::string_view sign = negative ? "-" : conversion.plus ? "+" : conversion.space ? " " : "";
      return put_number(out, conversion, sign,
                        digits(negative ? 0 - conversion.value : conversion.value, 10));
    }
    case Kind::kUnsigned:
      return put_number(out, conversion, "", digits(conversion.value, 10));
    case Kind::kHexLower:
      return put_number(out, conversion, "", digits(conversion.value, 16));
    case Kind::kHexUpper: {
      const std::string_view text = digits(conversion.value, 16);
      std::ranges::transform(text, buffer.begin(),
                             [](char c) { return c >= 'a' ? static_cast<char>(c - 32) : c; });
      return put_number(out, conversion, "", text);
    }
    case Kind::kAddress:
      if (conversion.width == 0) {
        conversion.width = kPointerDigits;
        conversion.zero = true;
      }
      return put_number(out, conversion, "", digits(conversion.value, 16));
    case Kind::kSymbol: {
      std::array<char, 20> text{'0', 'x'};
      const char* end = std::to_chars(text.begin() + 2, text.end(), conversion.value, 16).ptr;
      return put_text(out, conversion, {text.data(), end});
    }
    case Kind::kCharacter: {
      const char c = static_cast<char>(conversion.value);
      return put_text(out, conversion, {&c, 1});
    }
    case Kind::kString:
      return put_text(out, conversion, conversion.text);
  }
}

// Text without conversions: only %% stands for something else than itself.
void put_literal(Output& out, std::string_view text) {
  for (std::size_t percent; (percent = text.find("%%")) != text.npos; text.remove_prefix(percent + 2)) {
    out.put(text.substr(0, percent + 1));
  }
  out.put(text);
}

}  // namespace

std::int64_t bprintf(std::span<char> out, std::string_view format, std::span<const std::uint64_t> arguments,
                     const RegionTable& memory) {
  Parser parser(format, arguments.first(std::min(arguments.size(), kMaxPrintArguments)), memory);
  if (const std::int64_t error = parser.parse(); error != 0) return error;

  Output output(out);
  std::size_t done = 0;
  for (const Conversion& conversion : parser.conversions()) {
    put_literal(output, format.substr(done, conversion.begin - done));
    put_conversion(output, conversion);
    done = conversion.end;
  }
  put_literal(output, format.substr(done));
  return output.finish();
}

}  // namespace netkit::bpf
