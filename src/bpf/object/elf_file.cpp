#include "bpf/object/elf_file.h"

#include <fmt/core.h>
#include <gelf.h>

#include <algorithm>
#include <bit>
#include <iterator>
#include <memory>
#include <optional>

#include "base/endian.h"
#include "bpf/object/names.h"

namespace netkit::bpf {
namespace {

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

Failure broken(std::string_view what) {
  return fail(EINVAL, fmt::format("{} ({}); the file is damaged, compile it again", what, elf_errmsg(-1)));
}

Result<> check_header(Elf* elf) {
  GElf_Ehdr header;
  if (elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr)
    return fail(ENOEXEC, "not an ELF file; expected an object made by `clang -target bpf -c`");
  const int byte_order = std::endian::native == std::endian::little ? ELFDATA2LSB : ELFDATA2MSB;
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_machine != EM_BPF || header.e_type != ET_REL)
    return fail(ENOEXEC,
                fmt::format("ELF file for machine {}, class {}, type {} is no relocatable BPF object; "
                            "compile with `clang -target bpf -c`",
                            header.e_machine, header.e_ident[EI_CLASS], header.e_type));
  if (header.e_ident[EI_DATA] != byte_order)
    return fail(ENOEXEC, "byte order differs from this machine's; compile with `-target bpf`");
  return {};
}

// The name at `offset` of a string table; none when it does not lie in it or is none that can be shown.
std::optional<std::string_view> name_at(std::span<const std::byte> table, std::uint64_t offset) {
  if (offset >= table.size()) return std::nullopt;
  const std::size_t longest = std::min(table.size() - offset, kLongestName);
  const std::string_view rest(reinterpret_cast<const char*>(table.data()) + offset, longest);
  const std::size_t end = rest.find('\0');
  if (end == std::string_view::npos || !is_printable(rest.substr(0, end))) return std::nullopt;
  return rest.substr(0, end);
}

Result<std::span<const std::byte>> read_content(Elf_Scn* scn, const GElf_Shdr& header) {
  if (header.sh_type == SHT_NOBITS || header.sh_type == SHT_NULL || header.sh_size == 0)
    return std::span<const std::byte>{};
  const Elf_Data* data = elf_rawdata(scn, nullptr);
  if (data == nullptr || data->d_buf == nullptr || data->d_size != header.sh_size)
    return broken(
        fmt::format("section {} of {} bytes does not lie in the file", elf_ndxscn(scn), header.sh_size));
  return std::span(static_cast<const std::byte*>(data->d_buf), data->d_size);
}

// No two sections share bytes of the file: what one says would change what the other holds.
Result<> check_overlap(const std::vector<ElfSection>& sections) {
  std::vector<const ElfSection*> by_place;
  for (const ElfSection& section : sections)
    if (!section.content.empty()) by_place.push_back(&section);
  std::ranges::sort(by_place, {}, [](const ElfSection* section) { return section->content.data(); });
  const auto overlap =
      std::ranges::adjacent_find(by_place, [](const ElfSection* first, const ElfSection* second) {
        return first->content.data() + first->content.size() > second->content.data();
      });
  if (overlap == by_place.end()) return {};
  return fail(EINVAL, fmt::format("sections '{}' and '{}' overlap; compile the file again", (*overlap)->name,
                                  (*std::next(overlap))->name));
}

Result<std::vector<ElfSymbol>> read_symbols(const ElfSection& table, std::span<const std::byte> names) {
  if (table.size % sizeof(Elf64_Sym) != 0)
    return fail(EINVAL,
                fmt::format("symbol table of {} bytes is cut off; compile the file again", table.size));
  std::vector<ElfSymbol> symbols;
  symbols.reserve(table.content.size() / sizeof(Elf64_Sym));
  for (std::size_t at = 0; at < table.content.size(); at += sizeof(Elf64_Sym)) {
    const auto raw = load_unaligned<Elf64_Sym>(table.content.data() + at);
    const auto name = name_at(names, raw.st_name);
    if (!name)
      return fail(EINVAL, fmt::format("symbol {} has no valid name; compile the file again", symbols.size()));
    symbols.push_back({.name = *name,
                       .value = raw.st_value,
                       .size = raw.st_size,
                       .type = static_cast<std::uint8_t>(ELF64_ST_TYPE(raw.st_info)),
                       .binding = static_cast<std::uint8_t>(ELF64_ST_BIND(raw.st_info)),
                       .visibility = static_cast<std::uint8_t>(ELF64_ST_VISIBILITY(raw.st_other)),
                       .section = raw.st_shndx});
  }
  return symbols;
}

}  // namespace

const ElfSection* ElfFile::find(std::string_view name) const {
  const auto found = std::ranges::find(sections, name, &ElfSection::name);
  return found == sections.end() ? nullptr : &*found;
}

Result<ElfFile> read_elf(std::span<const std::byte> bytes) {
  elf_version(EV_CURRENT);
  // libelf's interface is not const; it only reads from an image opened this way.
  auto* image = const_cast<char*>(reinterpret_cast<const char*>(bytes.data()));
  const ElfHandle elf(elf_memory(image, bytes.size()));
  if (elf == nullptr)
    return fail(ENOEXEC, "not an ELF file; expected an object made by `clang -target bpf -c`");
  TRY(check_header(elf.get()));

  std::size_t names = 0;
  std::size_t count = 0;
  if (elf_getshdrstrndx(elf.get(), &names) != 0 || elf_getshdrnum(elf.get(), &count) != 0)
    return broken("unreadable section table");
  if (count == 0) return fail(EINVAL, "the file ends before its section table; compile it again");

  ElfFile file;
  std::vector<GElf_Shdr> headers;
  for (std::size_t index = 0; index < count; ++index) {
    Elf_Scn* scn = elf_getscn(elf.get(), index);
    GElf_Shdr header;
    if (scn == nullptr || gelf_getshdr(scn, &header) == nullptr)
      return broken(fmt::format("section {} of {} has no readable header", index, count));
    file.sections.push_back({.name = {},
                             .type = header.sh_type,
                             .flags = header.sh_flags,
                             .info = header.sh_info,
                             .size = header.sh_size,
                             .content = TRY(read_content(scn, header))});
    headers.push_back(header);
  }

  const auto content_of = [&](std::size_t index) {
    return index < count ? file.sections[index].content : std::span<const std::byte>{};
  };
  for (std::size_t index = 1; index < count; ++index) {
    ElfSection& section = file.sections[index];
    const auto name = name_at(content_of(names), headers[index].sh_name);
    if (!name)
      return fail(EINVAL, fmt::format("section {} has no valid name; compile the file again", index));
    section.name = *name;
    if (section.type != SHT_SYMTAB) continue;
    if (!file.symbols.empty()) return fail(EINVAL, "the file has two symbol tables; compile it again");
    file.symbols = TRY(read_symbols(section, content_of(headers[index].sh_link)));
  }
  TRY(check_overlap(file.sections));
  return file;
}

Result<std::vector<ElfRelocation>> read_relocations(const ElfFile& elf, const ElfSection& section) {
  if (section.size % sizeof(Elf64_Rel) != 0)
    return fail(EINVAL,
                fmt::format("relocation section '{}' is cut off; compile the file again", section.name));
  std::vector<ElfRelocation> relocations;
  relocations.reserve(section.content.size() / sizeof(Elf64_Rel));
  for (std::size_t at = 0; at < section.content.size(); at += sizeof(Elf64_Rel)) {
    const auto raw = load_unaligned<Elf64_Rel>(section.content.data() + at);
    const ElfRelocation relocation{.offset = raw.r_offset,
                                   .type = static_cast<std::uint32_t>(ELF64_R_TYPE(raw.r_info)),
                                   .symbol = static_cast<std::uint32_t>(ELF64_R_SYM(raw.r_info))};
    if (relocation.symbol >= elf.symbols.size())
      return fail(EINVAL,
                  fmt::format("relocation {} of section '{}' names symbol {} of {}; compile the file again",
                              relocations.size(), section.name, relocation.symbol, elf.symbols.size()));
    relocations.push_back(relocation);
  }
  return relocations;
}

}  // namespace netkit::bpf
