// A relocatable BPF ELF file as tables of plain values; everything in them was checked against the file's
// bounds.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace netkit::bpf {

// All views point into the bytes given to read_elf.
struct ElfSection {
  std::string_view name;
  std::uint32_t type = 0;   // SHT_*
  std::uint64_t flags = 0;  // SHF_*
  std::uint32_t info = 0;   // of SHT_REL: the section that is relocated
  std::uint64_t size = 0;   // bytes; SHT_NOBITS has them without content
  std::span<const std::byte> content;
};

struct ElfSymbol {
  std::string_view name;
  std::uint64_t value = 0;
  std::uint64_t size = 0;
  std::uint8_t type = 0;        // STT_*
  std::uint8_t binding = 0;     // STB_*
  std::uint8_t visibility = 0;  // STV_*
  std::uint16_t section = 0;    // index, or SHN_UNDEF, SHN_ABS ...
};

struct ElfRelocation {
  std::uint64_t offset = 0;  // bytes, in the section that is relocated
  std::uint32_t type = 0;    // R_BPF_*
  std::uint32_t symbol = 0;  // index of an existing symbol
};

// Relocation types of the BPF back end of LLVM (llvm/include/llvm/BinaryFormat/ELFRelocs/BPF.def).
enum ElfRelocationType : std::uint32_t {
  kRelocNone = 0,
  kReloc64 = 1,        // R_BPF_64_64: ld_imm64
  kRelocAbs64 = 2,     // R_BPF_64_ABS64: a pointer in data
  kRelocAbs32 = 3,     // R_BPF_64_ABS32
  kRelocNoDyld32 = 4,  // R_BPF_64_NODYLD32: .BTF and .BTF.ext, already in place
  kReloc32 = 10,       // R_BPF_64_32: call
};

struct ElfFile {
  std::vector<ElfSection> sections;  // [0] is the null section
  std::vector<ElfSymbol> symbols;

  // The first section with that name; null: none.
  [[nodiscard]] const ElfSection* find(std::string_view name) const;
};

// Errors: ENOEXEC for what is no little-endian 64-bit relocatable BPF object, EINVAL for one that contradicts
// itself.
[[nodiscard]] Result<ElfFile> read_elf(std::span<const std::byte> bytes);

// The entries of a SHT_REL section. EINVAL: entries of odd size or symbols that do not exist.
[[nodiscard]] Result<std::vector<ElfRelocation>> read_relocations(const ElfFile& elf,
                                                                  const ElfSection& section);

}  // namespace netkit::bpf
