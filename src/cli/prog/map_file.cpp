#include "cli/prog/map_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>

#include "base/per_cpu.h"
#include "base/text.h"

namespace netkit::cli {
namespace {

using Bytes = std::vector<std::byte>;
using Json = nlohmann::json;

constexpr std::string_view kProgram = "prog:";  // before the name of one
constexpr std::size_t kCopyAlignment = 8;       // of a CPU's copy

std::optional<std::byte> byte_of(std::string_view digits, int base = 16) {
  std::uint8_t value = 0;
  const char* const end = digits.data() + digits.size();
  const auto [rest, error] = std::from_chars(digits.data(), end, value, base);
  if (digits.empty() || error != std::errc() || rest != end) return std::nullopt;
  return std::byte{value};
}

std::optional<Bytes> bytes_of(std::string_view digits) {
  if (digits.starts_with("0x")) digits.remove_prefix(2);
  if (digits.size() % 2 != 0) return std::nullopt;
  Bytes bytes;
  for (std::size_t at = 0; at < digits.size(); at += 2) {
    const auto byte = byte_of(digits.substr(at, 2));
    if (!byte) return std::nullopt;
    bytes.push_back(*byte);
  }
  return bytes;
}

// "0x1f" or "31", as bpftool and jq write them, or the number itself.
std::optional<Bytes> bytes_of(const Json& list) {
  if (!list.is_array()) return std::nullopt;
  Bytes bytes;
  for (const Json& one : list) {
    std::optional<std::byte> byte;
    if (one.is_string()) {
      const std::string_view word = one.get_ref<const std::string&>();
      byte = word.starts_with("0x") ? byte_of(word.substr(2)) : byte_of(word, 10);
    } else if (one.is_number_unsigned() && one.get<std::uint64_t>() <= 0xff) {
      byte = std::byte{one.get<std::uint8_t>()};
    }
    if (!byte) return std::nullopt;
    bytes.push_back(*byte);
  }
  return bytes;
}

class MapFile {
 public:
  MapFile(std::string_view name, const bpf::MapSpec& map) : name_(name), map_(&map) {}

  Result<std::vector<PresetEntry>> lines(std::string_view text) {
    std::vector<PresetEntry> entries;
    for (at_ = 1; !text.empty(); ++at_) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      std::string line(text.substr(0, std::min(end, text.find('#'))));
      text.remove_prefix(std::min(end + 1, text.size()));
      std::ranges::replace_if(line, [](char c) { return c == '\t' || c == '\r'; }, ' ');
      std::vector<std::string_view> words;
      for (const std::string_view word : split_words(line)) {
        if (!word.empty()) words.push_back(word);
      }
      if (words.empty()) continue;
      entries.push_back(TRY(line_entry(words)));
    }
    return entries;
  }

  Result<std::vector<PresetEntry>> json(std::string_view text) {
    const Json document = Json::parse(text, nullptr, false);
    if (!document.is_array()) return refuse("is no JSON list of entries, as `bpftool map dump -j` prints it");
    std::vector<PresetEntry> entries;
    at_ = 0;
    for (const Json& entry : document) {
      ++at_;
      if (!entry.is_object()) return refuse("is no entry");
      entries.push_back(TRY(json_entry(entry)));
    }
    return entries;
  }

 private:
  [[nodiscard]] Failure refuse(std::string_view what) const {
    const std::string where = at_ == 0 ? std::string(name_) : fmt::format("{}:{}", name_, at_);
    return fail(EINVAL, fmt::format("{}: map {}: {}", where, map_->name, what));
  }

  Result<PresetEntry> line_entry(std::span<const std::string_view> words) {
    const bool has_key = map_->key_size != 0;
    if (words.size() != (has_key ? 2U : 1U))
      return refuse(has_key ? "a line is `KEYHEX VALUEHEX` or `KEYHEX prog:NAME`" : "a line is `VALUEHEX`");
    PresetEntry entry;
    if (has_key) entry.key = TRY(sized_key(bytes_of(words.front())));
    if (words.back().starts_with(kProgram)) {
      if (map_->type != bpf::MapType::kProgArray) return refuse("only prog arrays hold programs");
      entry.value = std::string(words.back().substr(kProgram.size()));
      return entry;
    }
    if (map_->type == bpf::MapType::kProgArray) return refuse("a prog array's value is `prog:NAME`");
    entry.value = TRY(sized_value(bytes_of(words.back())));
    return entry;
  }

  Result<PresetEntry> json_entry(const Json& entry) {
    PresetEntry preset;
    if (map_->key_size != 0) {
      if (!entry.contains("key")) return refuse("the entry has no key");
      preset.key = TRY(sized_key(bytes_of(entry["key"])));
    }
    if (entry.contains("values") && bpf::is_per_cpu(map_->type)) {
      preset.value = TRY(values_of_cpus(entry["values"]));
    } else if (entry.contains("value")) {
      preset.value = TRY(sized_value(bytes_of(entry["value"])));
    } else {
      return refuse("the entry has no value");
    }
    return preset;
  }

  [[nodiscard]] std::size_t stride() const {
    return (map_->value_size + kCopyAlignment - 1) / kCopyAlignment * kCopyAlignment;
  }

  // CPUs that the file does not name, and those that this machine does not have: zero, and left out.
  Result<Bytes> values_of_cpus(const Json& values) {
    Bytes all(stride() * possible_cpus());
    if (!values.is_array()) return refuse("`values` is no list");
    for (const Json& one : values) {
      if (!one.is_object() || !one.contains("cpu") || !one["cpu"].is_number_unsigned() ||
          !one.contains("value"))
        return refuse("an element of `values` is {\"cpu\": N, \"value\": [...]}");
      const Bytes copy = TRY(whole(bytes_of(one["value"]), map_->value_size, "value"));
      const auto cpu = one["cpu"].get<std::uint64_t>();
      if (cpu < possible_cpus())
        std::ranges::copy(copy, all.begin() + static_cast<std::ptrdiff_t>(cpu * stride()));
    }
    return all;
  }

  Result<Bytes> sized_key(std::optional<Bytes> bytes) {
    return whole(std::move(bytes), map_->key_size, "key");
  }
  // The one value given is that of every CPU.
  Result<Bytes> sized_value(std::optional<Bytes> bytes) {
    Bytes value = TRY(whole(std::move(bytes), map_->value_size, "value"));
    if (!bpf::is_per_cpu(map_->type)) return value;
    value.resize(stride());
    Bytes all;
    for (std::size_t cpu = 0; cpu < possible_cpus(); ++cpu) all.insert(all.end(), value.begin(), value.end());
    return all;
  }
  Result<Bytes> whole(std::optional<Bytes> bytes, std::size_t size, std::string_view what) {
    if (!bytes) return refuse(fmt::format("the {} is not made of bytes in hexadecimal digits", what));
    if (bytes->size() != size)
      return refuse(fmt::format("the {} has {} bytes, the map's have {}", what, bytes->size(), size));
    return *std::move(bytes);
  }

  std::string_view name_;
  const bpf::MapSpec* map_;
  std::size_t at_ = 0;  // line or entry, from 1; 0: the whole file
};

}  // namespace

Result<std::vector<PresetEntry>> parse_map_file(std::string_view text, std::string_view name,
                                                const bpf::MapSpec& map) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  MapFile file(name, map);
  if (first != std::string_view::npos && (text[first] == '[' || text[first] == '{')) return file.json(text);
  return file.lines(text);
}

std::vector<std::string> programs_named_in(std::string_view text) {
  std::vector<std::string> names;
  for (std::size_t at = text.find(kProgram); at != std::string_view::npos; at = text.find(kProgram, at)) {
    at += kProgram.size();
    names.emplace_back(text.substr(at, text.find_first_of(" \t\r\n", at) - at));
  }
  return names;
}

}  // namespace netkit::cli
