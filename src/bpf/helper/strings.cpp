// Strings at any address (kfuncs bpf_strlen, bpf_strstr and the like). The memory is the program's business:
// what it may not read ends the search with -EFAULT, or -ERANGE where the kernel would see an address of user
// space. All look at 65536 characters at most. Source: kernel/bpf/helpers.c.
#include <cerrno>
#include <cstdint>
#include <cstring>

#include "bpf/helper/call.h"
#include "bpf/helper/kfunc.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kMaxLength = 65536;  // XATTR_SIZE_MAX

enum class Case : std::uint8_t { kHeeded, kIgnored };

// Characters from an address on. `error` tells why one could not be read.
class Characters {
 public:
  Characters(const RunContext& run, std::uint64_t address) : regions_(&run.regions), address_(address) {
    const bool first_is_there = locate(0);
    const bool of_the_kernel = static_cast<std::int64_t>(address) < 0;
    if (!first_is_there) error_ = of_the_kernel ? -EFAULT : -ERANGE;
  }
  [[nodiscard]] std::int32_t error() const { return error_; }
  // The character at `index`; false: it cannot be read.
  bool read(std::uint64_t index, char& c) {
    if (!region_.holds(address_ + index, 1) && !locate(index)) {
      error_ = -EFAULT;
      return false;
    }
    std::memcpy(&c, reinterpret_cast<const void*>(address_ + index), 1);
    return true;
  }

 private:
  bool locate(std::uint64_t index) {
    const Region* region = regions_->find(address_ + index, 1);
    if (region == nullptr || region->kind == RegionKind::kContext) return false;
    region_ = *region;
    return true;
  }

  const RegionTable* regions_;
  std::uint64_t address_;
  Region region_;
  std::int32_t error_ = 0;
};

// tolower of the kernel's table of characters, which is that of Latin-1.
constexpr char lower(char c) {
  const auto code = static_cast<unsigned char>(c);
  const bool upper = (code >= 'A' && code <= 'Z') || (code >= 0xc0 && code <= 0xde && code != 0xd7);
  return upper ? static_cast<char>(code + 0x20) : c;
}
constexpr char folded(char c, Case letters) {
  return letters == Case::kIgnored ? lower(c) : c;
}

std::int32_t compare(RunContext& run, std::uint64_t first, std::uint64_t second, std::uint64_t length,
                     Case letters) {
  Characters a(run, first);
  Characters b(run, second);
  // Addresses of user space are found out first.
  for (const Characters& side : {a, b}) {
    if (side.error() == -ERANGE) return -ERANGE;
  }
  std::uint64_t i = 0;
  for (; i < length && i < kMaxLength; ++i) {
    char c = 0;
    char d = 0;
    if (!a.read(i, c) || !b.read(i, d)) return -EFAULT;
    c = folded(c, letters);
    d = folded(d, letters);
    // The kernel's characters have no sign.
    if (c != d) return static_cast<unsigned char>(c) < static_cast<unsigned char>(d) ? -1 : 1;
    if (c == 0) return 0;
  }
  return i == kMaxLength ? -E2BIG : 0;
}
std::int32_t strcmp(RunContext& run, std::uint64_t first, std::uint64_t second) {
  return compare(run, first, second, kMaxLength, Case::kHeeded);
}
std::int32_t strcasecmp(RunContext& run, std::uint64_t first, std::uint64_t second) {
  return compare(run, first, second, kMaxLength, Case::kIgnored);
}
std::int32_t strncasecmp(RunContext& run, std::uint64_t first, std::uint64_t second, std::uint64_t length) {
  return compare(run, first, second, length, Case::kIgnored);
}

std::int32_t strnchr(RunContext& run, std::uint64_t text, std::uint64_t count, char wanted) {
  Characters characters(run, text);
  if (characters.error() != 0) return characters.error();
  std::uint64_t i = 0;
  for (; i < count && i < kMaxLength; ++i) {
    char c = 0;
    if (!characters.read(i, c)) return -EFAULT;
    if (c == wanted) return static_cast<std::int32_t>(i);
    if (c == 0) return -ENOENT;
  }
  return i == kMaxLength ? -E2BIG : -ENOENT;
}
std::int32_t strchr(RunContext& run, std::uint64_t text, char wanted) {
  return strnchr(run, text, kMaxLength, wanted);
}

std::int32_t strchrnul(RunContext& run, std::uint64_t text, char wanted) {
  Characters characters(run, text);
  if (characters.error() != 0) return characters.error();
  for (std::uint64_t i = 0; i < kMaxLength; ++i) {
    char c = 0;
    if (!characters.read(i, c)) return -EFAULT;
    if (c == wanted || c == 0) return static_cast<std::int32_t>(i);
  }
  return -E2BIG;
}

std::int32_t strrchr(RunContext& run, std::uint64_t text, char wanted) {
  Characters characters(run, text);
  if (characters.error() != 0) return characters.error();
  std::int32_t last = -ENOENT;
  for (std::uint64_t i = 0; i < kMaxLength; ++i) {
    char c = 0;
    if (!characters.read(i, c)) return -EFAULT;
    if (c == wanted) last = static_cast<std::int32_t>(i);
    if (c == 0) return last;
  }
  return -E2BIG;
}

std::int32_t strnlen(RunContext& run, std::uint64_t text, std::uint64_t count) {
  Characters characters(run, text);
  if (characters.error() != 0) return characters.error();
  std::uint64_t i = 0;
  for (; i < count && i < kMaxLength; ++i) {
    char c = 0;
    if (!characters.read(i, c)) return -EFAULT;
    if (c == 0) break;
  }
  return i == kMaxLength ? -E2BIG : static_cast<std::int32_t>(i);
}
std::int32_t strlen(RunContext& run, std::uint64_t text) {
  return strnlen(run, text, kMaxLength);
}

// How many characters from the start on are in the set (or are not).
std::int32_t span_of(RunContext& run, std::uint64_t text, std::uint64_t set, bool in_set) {
  Characters characters(run, text);
  Characters wanted(run, set);
  for (const Characters& side : {characters, wanted}) {
    if (side.error() == -ERANGE) return -ERANGE;
  }
  for (std::uint64_t i = 0; i < kMaxLength; ++i) {
    char c = 0;
    if (!characters.read(i, c)) return -EFAULT;
    if (c == 0) return static_cast<std::int32_t>(i);
    char member = 0;
    std::uint64_t j = 0;
    for (; j < kMaxLength; ++j) {
      if (!wanted.read(j, member)) return -EFAULT;
      if (member == c || member == 0) break;
    }
    if (j == kMaxLength) return -E2BIG;
    if ((member != 0) != in_set) return static_cast<std::int32_t>(i);
  }
  return -E2BIG;
}
std::int32_t strspn(RunContext& run, std::uint64_t text, std::uint64_t accept) {
  return span_of(run, text, accept, true);
}
std::int32_t strcspn(RunContext& run, std::uint64_t text, std::uint64_t reject) {
  return span_of(run, text, reject, false);
}

// Where `part` begins in the first `length` characters of `text`.
std::int32_t find(RunContext& run, std::uint64_t text, std::uint64_t part, std::uint64_t length,
                  Case letters) {
  Characters characters(run, text);
  Characters wanted(run, part);
  for (const Characters& side : {characters, wanted}) {
    if (side.error() == -ERANGE) return -ERANGE;
  }
  for (std::uint64_t i = 0; i < kMaxLength; ++i) {
    std::uint64_t j = 0;
    for (; i + j <= length && j < kMaxLength; ++j) {
      char d = 0;
      if (!wanted.read(j, d)) return -EFAULT;
      if (d == 0) return static_cast<std::int32_t>(i);
      if (i + j == length) break;  // the part must end here
      char c = 0;
      if (!characters.read(i + j, c)) return -EFAULT;
      if (c == 0) return -ENOENT;
      if (folded(c, letters) != folded(d, letters)) break;
    }
    if (j == kMaxLength) return -E2BIG;
    if (i + j == length) return -ENOENT;
  }
  return -E2BIG;
}
std::int32_t strstr(RunContext& run, std::uint64_t text, std::uint64_t part) {
  return find(run, text, part, kMaxLength, Case::kHeeded);
}
std::int32_t strnstr(RunContext& run, std::uint64_t text, std::uint64_t part, std::uint64_t length) {
  return find(run, text, part, length, Case::kHeeded);
}
std::int32_t strcasestr(RunContext& run, std::uint64_t text, std::uint64_t part) {
  return find(run, text, part, kMaxLength, Case::kIgnored);
}
std::int32_t strncasestr(RunContext& run, std::uint64_t text, std::uint64_t part, std::uint64_t length) {
  return find(run, text, part, length, Case::kIgnored);
}

// The contract of a function of two or three arguments, any numbers: addresses are held against the run's
// regions when they are read.
constexpr Contract kOfTwo = {.arguments = {Arg::kAnything, Arg::kAnything}, .effects = kNeedsPerfmon};
constexpr Contract kOfThree = {.arguments = {Arg::kAnything, Arg::kAnything, Arg::kAnything},
                               .effects = kNeedsPerfmon};

constexpr Helper kKfuncs[] = {
    {.name = "bpf_strcasecmp", .contract = kOfTwo, .function = helper_call<strcasecmp>},
    {.name = "bpf_strcasestr", .contract = kOfTwo, .function = helper_call<strcasestr>},
    {.name = "bpf_strchr", .contract = kOfTwo, .function = helper_call<strchr>},
    {.name = "bpf_strchrnul", .contract = kOfTwo, .function = helper_call<strchrnul>},
    {.name = "bpf_strcmp", .contract = kOfTwo, .function = helper_call<strcmp>},
    {.name = "bpf_strcspn", .contract = kOfTwo, .function = helper_call<strcspn>},
    {.name = "bpf_strlen",
     .contract = {.arguments = {Arg::kAnything}, .effects = kNeedsPerfmon},
     .function = helper_call<strlen>},
    {.name = "bpf_strncasecmp", .contract = kOfThree, .function = helper_call<strncasecmp>},
    {.name = "bpf_strncasestr", .contract = kOfThree, .function = helper_call<strncasestr>},
    {.name = "bpf_strnchr", .contract = kOfThree, .function = helper_call<strnchr>},
    {.name = "bpf_strnlen", .contract = kOfTwo, .function = helper_call<strnlen>},
    {.name = "bpf_strnstr", .contract = kOfThree, .function = helper_call<strnstr>},
    {.name = "bpf_strrchr", .contract = kOfTwo, .function = helper_call<strrchr>},
    {.name = "bpf_strspn", .contract = kOfTwo, .function = helper_call<strspn>},
    {.name = "bpf_strstr", .contract = kOfTwo, .function = helper_call<strstr>},
};

}  // namespace

std::span<const Helper> string_kfuncs() {
  return kKfuncs;
}

}  // namespace netkit::bpf
