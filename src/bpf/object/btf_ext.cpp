#include "bpf/object/btf_ext.h"

#include <bpf/btf.h>
#include <fmt/core.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/endian.h"
#include "bpf/isa/insn.h"
#include "bpf/object/names.h"

namespace netkit::bpf {
namespace {

// struct btf_ext_header; the last pair is absent when hdr_len says so.
struct Header {
  std::uint16_t magic;
  std::uint8_t version;
  std::uint8_t flags;
  std::uint32_t header_length;
  std::uint32_t function_offset;
  std::uint32_t function_length;
  std::uint32_t line_offset;
  std::uint32_t line_length;
  std::uint32_t core_offset;
  std::uint32_t core_length;
};
constexpr std::size_t kHeaderWithoutCore = offsetof(Header, core_offset);

// The records as they stand in the file; tables may use longer ones, whose further fields are skipped.
struct RawFunction {
  std::uint32_t offset;
  std::uint32_t type_id;
};
struct RawLine {
  std::uint32_t offset;
  std::uint32_t file;
  std::uint32_t text;
  std::uint32_t position;  // line << 10 | column
};
struct RawCore {
  std::uint32_t offset;
  std::uint32_t type_id;
  std::uint32_t access;
  std::uint32_t kind;
};

class Reader {
 public:
  Reader(std::span<const std::byte> raw, const Btf& btf) : raw_(raw), btf_(btf) {}

  Result<std::vector<SectionRecords>> read() {
    if (raw_.size() < kHeaderWithoutCore) return broken(fmt::format("only {} bytes", raw_.size()));
    Header header{};
    std::memcpy(&header, raw_.data(), std::min(raw_.size(), sizeof header));
    if (header.magic != BTF_MAGIC || header.version != BTF_VERSION)
      return broken("unknown magic number or version");
    if (header.header_length < kHeaderWithoutCore || header.header_length > raw_.size())
      return broken(fmt::format("header of {} bytes", header.header_length));
    if (header.header_length < sizeof header) header.core_length = 0;
    body_ = raw_.subspan(header.header_length);

    TRY(read_table<RawFunction>("function", header.function_offset, header.function_length,
                                [this](SectionRecords& to, const RawFunction& raw) { return add(to, raw); }));
    TRY(read_table<RawLine>("line", header.line_offset, header.line_length,
                            [this](SectionRecords& to, const RawLine& raw) { return add(to, raw); }));
    TRY(read_table<RawCore>("CO-RE", header.core_offset, header.core_length,
                            [this](SectionRecords& to, const RawCore& raw) { return add(to, raw); }));
    for (SectionRecords& section : sections_) {
      std::ranges::stable_sort(section.functions, {}, &FunctionRecord::insn);
      std::ranges::stable_sort(section.lines, {}, &LineRecord::insn);
      std::ranges::stable_sort(section.core_relocations, {}, &CoreRelocation::insn);
    }
    return std::move(sections_);
  }

 private:
  static Failure broken(std::string_view what) {
    return fail(EINVAL, fmt::format(".BTF.ext: {}; compile the file again with -g", what));
  }

  // A table: the size of a record, then for each section its name, a count and the records.
  template <class Raw, class Add>
  Result<> read_table(std::string_view what, std::uint32_t offset, std::uint32_t length, Add add_record) {
    if (length == 0) return {};
    if (std::uint64_t{offset} + length > body_.size() || length < sizeof(std::uint32_t))
      return broken(
          fmt::format("{} records at {}+{} do not lie in {} bytes", what, offset, length, body_.size()));
    auto rest = body_.subspan(offset, length);
    const auto record_size = take<std::uint32_t>(rest);
    if (record_size < sizeof(Raw)) return broken(fmt::format("{} records of {} bytes", what, record_size));
    while (!rest.empty()) {
      if (rest.size() < 2 * sizeof(std::uint32_t)) return broken(fmt::format("{} records are cut off", what));
      const auto name = btf_.string(take<std::uint32_t>(rest));
      const auto count = take<std::uint32_t>(rest);
      if (!name || !is_printable(*name))
        return broken(fmt::format("{} records of a section without valid name", what));
      if (std::uint64_t{count} * record_size > rest.size())
        return broken(fmt::format("{} {} records for section '{}' are cut off", count, what, *name));
      SectionRecords& section = records_of(*name);
      for (std::uint32_t i = 0; i < count; ++i) {
        TRY(add_record(section, load_unaligned<Raw>(rest.data())));
        rest = rest.subspan(record_size);
      }
    }
    return {};
  }

  template <class T>
  static T take(std::span<const std::byte>& from) {
    const T value = load_unaligned<T>(from.data());
    from = from.subspan(sizeof(T));
    return value;
  }

  SectionRecords& records_of(std::string_view name) {
    const auto [entry, is_new] = index_.try_emplace(name, sections_.size());
    if (is_new) sections_.emplace_back().section = name;
    return sections_[entry->second];
  }

  static Result<std::uint32_t> insn_at(std::uint32_t offset) {
    if (offset % sizeof(Insn) == 0) return offset / static_cast<std::uint32_t>(sizeof(Insn));
    return broken(fmt::format("record for offset {}, which is inside an instruction", offset));
  }
  // One line of it: sources with carriage returns keep them in their lines.
  Result<std::string_view> string_at(std::uint32_t offset) const {
    const auto text = btf_.string(offset);
    if (!text) return broken(fmt::format("string at {} does not exist", offset));
    const auto end = std::ranges::find_if(*text, [](char c) { return is_control(c) && c != '\t'; });
    return text->substr(0, static_cast<std::size_t>(end - text->begin()));
  }

  Result<> add(SectionRecords& to, const RawFunction& raw) const {
    const btf_type* type = btf_.type(raw.type_id);
    if (type == nullptr || !btf_is_func(type))
      return broken(fmt::format("type {} is no function", raw.type_id));
    to.functions.push_back({.insn = TRY(insn_at(raw.offset)), .type_id = raw.type_id});
    return {};
  }
  Result<> add(SectionRecords& to, const RawLine& raw) const {
    to.lines.push_back({.insn = TRY(insn_at(raw.offset)),
                        .line = raw.position >> 10,
                        .column = raw.position & 0x3ff,
                        .file = TRY(string_at(raw.file)),
                        .text = TRY(string_at(raw.text))});
    return {};
  }
  Result<> add(SectionRecords& to, const RawCore& raw) const {
    if (btf_.type(raw.type_id) == nullptr) return broken(fmt::format("type {} does not exist", raw.type_id));
    to.core_relocations.push_back({.insn = TRY(insn_at(raw.offset)),
                                   .type_id = raw.type_id,
                                   .access = TRY(string_at(raw.access)),
                                   .kind = raw.kind});
    return {};
  }

  std::span<const std::byte> raw_;
  std::span<const std::byte> body_;
  const Btf& btf_;
  std::vector<SectionRecords> sections_;
  std::unordered_map<std::string_view, std::size_t> index_;  // of sections_, by name
};

}  // namespace

Result<std::vector<SectionRecords>> read_btf_ext(std::span<const std::byte> raw, const Btf& btf) {
  return Reader(raw, btf).read();
}

}  // namespace netkit::bpf
