#include "bpf/object/object_reader.h"

#include <bpf/btf.h>
#include <elf.h>
#include <fmt/core.h>

#include <algorithm>
#include <bit>
#include <cctype>
#include <climits>
#include <cstring>
#include <iterator>
#include <optional>
#include <tuple>
#include <unordered_map>

#include "bpf/object/btf_ext.h"
#include "bpf/object/legacy_maps.h"

namespace netkit::bpf {
namespace {

constexpr std::string_view kMapsSection = ".maps";
constexpr std::string_view kLegacyMapsSection = "maps";
constexpr std::string_view kSettingsSection = ".kconfig";
constexpr std::string_view kKernelSymbolsSection = ".ksyms";
constexpr std::string_view kSubprogramSection = ".text";

// ".rodata" and ".rodata.anything".
bool is_named(std::string_view section, std::string_view stem) {
  return section.starts_with(stem) && (section.size() == stem.size() || section[stem.size()] == '.');
}

std::optional<DataKind> data_kind(const ElfSection& section) {
  if (section.type != SHT_PROGBITS && section.type != SHT_NOBITS) return std::nullopt;
  if (is_named(section.name, ".rodata")) return DataKind::kReadOnly;
  if (is_named(section.name, ".data")) return DataKind::kData;
  if (is_named(section.name, ".bss")) return DataKind::kBss;
  return std::nullopt;
}

// libbpf's internal_map_name: the kernel's 15 characters leave eight for the object; sections with a name of
// their own (".data.config") keep it alone. Characters that the kernel refuses become '_'.
std::string data_map_name(std::string_view object, std::string_view section) {
  constexpr std::size_t kObjectCharacters = 8;
  const bool own_name = section.find('.', 1) != std::string_view::npos;
  std::string name(own_name ? std::string_view{} : object.substr(0, kObjectCharacters));
  name += section;
  const auto allowed = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.'; };
  std::ranges::replace_if(name, [&](char c) { return !allowed(static_cast<unsigned char>(c)); }, '_');
  return name;
}

bool is_number(const btf_type* type, std::uint32_t bytes) {
  return (btf_is_int(type) || btf_is_any_enum(type)) && bytes <= sizeof(std::uint64_t) &&
         std::has_single_bit(bytes);
}

// A section's records fit its instructions.
template <class Record>
Result<> check_records(const std::vector<Record>& records, const CodeSection& code) {
  if (records.empty() || records.back().insn < code.insns.size()) return {};
  return fail(
      EINVAL,
      fmt::format(".BTF.ext describes instruction {} of section '{}', which has {}; compile the file again",
                  records.back().insn, code.name, code.insns.size()));
}

}  // namespace

Result<ObjectContents> ObjectReader::read() {
  elf_ = TRY(read_elf(bytes_));
  TRY(read_types());
  roles_.resize(elf_.sections.size());
  for (std::uint32_t index = 1; index < elf_.sections.size(); ++index) TRY(read_section(index));
  TRY(read_functions());
  TRY(add_records());
  TRY(read_variables());
  TRY(read_externs());
  read_tags();
  read_license();
  const std::vector<PlacedMap> maps = TRY(read_maps());
  TRY(relocate(maps));
  return std::move(contents_);
}

Result<> ObjectReader::read_types() {
  const ElfSection* section = elf_.find(".BTF");
  if (section != nullptr) btf_ = std::make_unique<Btf>(TRY(Btf::parse(section->content)));
  return {};
}

Result<> ObjectReader::read_section(std::uint32_t index) {
  const ElfSection& section = elf_.sections[index];
  if (section.size == 0) return {};
  if (section.name == kMapsSection || section.name == kLegacyMapsSection) {
    roles_[index] = {SectionUse::kMaps, 0};
    return {};
  }
  if (section.type == SHT_PROGBITS && (section.flags & SHF_EXECINSTR) != 0) return read_code(index);
  if (const auto kind = data_kind(section)) return read_data(index, *kind);
  return {};
}

Result<> ObjectReader::read_code(std::uint32_t index) {
  const ElfSection& section = elf_.sections[index];
  if (section.size % sizeof(Insn) != 0)
    return fail(EINVAL,
                fmt::format("section '{}' of {} bytes ends inside an instruction; compile the file again",
                            section.name, section.size));
  CodeSection code{.name = section.name, .insns = {}, .relocations = {}, .lines = {}, .core_relocations = {}};
  code.insns.resize(section.size / sizeof(Insn));
  std::memcpy(code.insns.data(), section.content.data(), section.content.size());
  roles_[index] = {SectionUse::kCode, static_cast<std::uint32_t>(contents_.code.size())};
  contents_.code.push_back(std::move(code));
  return {};
}

Result<> ObjectReader::read_data(std::uint32_t index, DataKind kind) {
  const ElfSection& section = elf_.sections[index];
  if (section.size > INT_MAX)  // array_map_alloc_check
    return fail(E2BIG, fmt::format("section '{}' has {} bytes, a map value has {} at most; make it smaller",
                                   section.name, section.size, INT_MAX));
  roles_[index] = {SectionUse::kData, static_cast<std::uint32_t>(contents_.data.size())};
  contents_.data.push_back({.section = section.name,
                            .map_name = data_map_name(prefix_, section.name),
                            .kind = kind,
                            .size = static_cast<std::uint32_t>(section.size),
                            .content = section.content});
  return {};
}

Result<> ObjectReader::read_functions() {
  for (const ElfSymbol& symbol : elf_.symbols) {
    if (symbol.type != STT_FUNC || symbol.section >= roles_.size()) continue;
    const SectionRole role = roles_[symbol.section];
    if (role.use != SectionUse::kCode) continue;
    const ElfSection& section = elf_.sections[symbol.section];
    if (symbol.value % sizeof(Insn) != 0 || symbol.size % sizeof(Insn) != 0 || symbol.size == 0 ||
        symbol.value > section.size || symbol.size > section.size - symbol.value)
      return fail(
          EINVAL,
          fmt::format("section '{}': function '{}' at {}+{} does not lie in {} bytes; compile the file again",
                      section.name, symbol.name, symbol.value, symbol.size, section.size));
    const bool hidden = symbol.visibility == STV_HIDDEN || symbol.visibility == STV_INTERNAL;
    ObjectFunction function{.name = symbol.name,
                            .section = role.index,
                            .first = static_cast<std::uint32_t>(symbol.value / sizeof(Insn)),
                            .count = static_cast<std::uint32_t>(symbol.size / sizeof(Insn)),
                            .global = symbol.binding != STB_LOCAL && !hidden,
                            .type_id = 0,
                            .program = std::nullopt};
    if (section.name != kSubprogramSection) function.program = program_kind(section.name);
    contents_.functions.push_back(function);
  }
  std::ranges::stable_sort(contents_.functions, {}, [](const ObjectFunction& function) {
    return std::pair(function.section, function.first);
  });
  return {};
}

Result<> ObjectReader::add_records() {
  const ElfSection* section = elf_.find(".BTF.ext");
  if (section == nullptr || btf_ == nullptr) return {};
  std::vector<SectionRecords> all = TRY(read_btf_ext(section->content, *btf_));
  for (SectionRecords& records : all) {
    const auto code = std::ranges::find(contents_.code, records.section, &CodeSection::name);
    if (code == contents_.code.end()) continue;
    TRY(check_records(records.functions, *code));
    TRY(check_records(records.lines, *code));
    TRY(check_records(records.core_relocations, *code));
    code->lines = std::move(records.lines);
    code->core_relocations = std::move(records.core_relocations);
    const auto number = static_cast<std::uint32_t>(code - contents_.code.begin());
    for (ObjectFunction& function : contents_.functions) {
      if (function.section != number) continue;
      const auto record =
          std::ranges::lower_bound(records.functions, function.first, {}, &FunctionRecord::insn);
      if (record != records.functions.end() && record->insn == function.first)
        function.type_id = record->type_id;
    }
  }
  return {};
}

Result<> ObjectReader::read_variables() {
  std::vector<std::unordered_map<std::string_view, std::uint32_t>> types(contents_.data.size());
  if (btf_ != nullptr) {
    for (std::uint32_t i = 0; i < types.size(); ++i)
      for (const std::uint32_t member : btf_->section_members(contents_.data[i].section))
        types[i].try_emplace(btf_->name(member), btf_->type(member)->type);
  }
  for (const ElfSymbol& symbol : elf_.symbols) {
    if (symbol.type != STT_OBJECT || symbol.section >= roles_.size()) continue;
    const SectionRole role = roles_[symbol.section];
    if (role.use != SectionUse::kData) continue;
    const DataSection& data = contents_.data[role.index];
    if (symbol.value > data.size || symbol.size > data.size - symbol.value)
      return fail(
          EINVAL,
          fmt::format("section '{}': variable '{}' at {}+{} does not lie in {} bytes; compile the file again",
                      data.section, symbol.name, symbol.value, symbol.size, data.size));
    Variable variable{.name = symbol.name,
                      .section = role.index,
                      .offset = static_cast<std::uint32_t>(symbol.value),
                      .size = static_cast<std::uint32_t>(symbol.size),
                      .type_id = 0,
                      .number = false};
    if (const auto type = types[role.index].find(symbol.name); type != types[role.index].end()) {
      variable.type_id = type->second;
      variable.number = is_number(btf_->type(btf_->underlying(type->second)), variable.size);
    }
    contents_.variables.push_back(variable);
  }
  return {};
}

Result<> ObjectReader::read_externs() {
  std::unordered_map<std::string_view, std::uint32_t> declarations;  // VAR or FUNC
  std::unordered_map<std::string_view, std::string_view> sections;
  if (btf_ != nullptr) {
    for (const std::string_view section : {kSettingsSection, kKernelSymbolsSection})
      for (const std::uint32_t member : btf_->section_members(section)) {
        declarations.try_emplace(btf_->name(member), member);
        sections.try_emplace(btf_->name(member), section);
      }
  }
  for (const ElfSymbol& symbol : elf_.symbols) {
    if (symbol.section != SHN_UNDEF || symbol.name.empty()) continue;
    Extern external{.name = symbol.name, .section = {}, .weak = symbol.binding == STB_WEAK};
    if (const auto section = sections.find(symbol.name); section != sections.end()) {
      external.section = section->second;
      external.kind = external.section == kSettingsSection                    ? ExternKind::kSetting
                      : btf_is_func(btf_->type(declarations.at(symbol.name))) ? ExternKind::kKernelFunction
                                                                              : ExternKind::kKernelVariable;
    }
    contents_.externs.push_back(external);
  }
  return place_settings(declarations);
}

// The externs of .kconfig become variables of a data section of their own, in libbpf's order
// (cmp_externs: large alignment first, then large size, then by name).
Result<> ObjectReader::place_settings(
    const std::unordered_map<std::string_view, std::uint32_t>& declarations) {
  struct Place {
    Extern* external;
    std::uint32_t type_id;
    std::uint32_t size;
    std::uint32_t alignment;
  };
  std::vector<Place> places;
  for (Extern& external : contents_.externs) {
    if (external.kind != ExternKind::kSetting) continue;
    const btf_type* variable = btf_->type(declarations.at(external.name));
    const auto size = btf_is_var(variable) ? btf_->size(variable->type) : std::nullopt;
    const int alignment = size ? btf__align_of(btf_->handle(), variable->type) : 0;
    if (!size || *size == 0 || alignment <= 0)
      return fail(
          EINVAL,
          fmt::format("section '.kconfig': extern '{}' has no type with a size; compile the file again",
                      external.name));
    places.push_back({&external, variable->type, *size, static_cast<std::uint32_t>(alignment)});
  }
  if (places.empty()) return {};
  std::ranges::sort(places, [](const Place& a, const Place& b) {
    return std::tuple(b.alignment, b.size, a.external->name) <
           std::tuple(a.alignment, a.size, b.external->name);
  });

  const auto section = static_cast<std::uint32_t>(contents_.data.size());
  std::uint64_t end = 0;
  for (const Place& place : places) {
    const std::uint64_t offset = (end + place.alignment - 1) / place.alignment * place.alignment;
    end = offset + place.size;
    if (end > INT_MAX) return fail(E2BIG, "section '.kconfig' is larger than a map value; remove externs");
    place.external->variable = static_cast<std::uint32_t>(contents_.variables.size());
    contents_.variables.push_back(
        {.name = place.external->name,
         .section = section,
         .offset = static_cast<std::uint32_t>(offset),
         .size = place.size,
         .type_id = place.type_id,
         .number = is_number(btf_->type(btf_->underlying(place.type_id)), place.size)});
  }
  contents_.data.push_back({.section = kSettingsSection,
                            .map_name = data_map_name(prefix_, kSettingsSection),
                            .kind = DataKind::kSettings,
                            .size = static_cast<std::uint32_t>(end),
                            .content = {}});
  return {};
}

void ObjectReader::read_tags() {
  if (btf_ == nullptr) return;
  std::unordered_multimap<std::uint32_t, std::string_view> of_functions;
  for (std::uint32_t id = 1; id < btf_->type_count(); ++id) {
    const btf_type* type = btf_->type(id);
    if (!btf_is_decl_tag(type)) continue;
    contents_.tags.push_back(
        {.text = btf_->name(id), .type_id = type->type, .component = btf_decl_tag(type)->component_idx});
    if (contents_.tags.back().component == -1) of_functions.emplace(type->type, btf_->name(id));
  }
  for (ObjectFunction& function : contents_.functions) {
    if (function.type_id == 0) continue;
    const auto [first, last] = of_functions.equal_range(function.type_id);
    for (auto tag = first; tag != last; ++tag) function.tags.push_back(tag->second);
  }
}

Result<std::vector<PlacedMap>> ObjectReader::read_maps() {
  std::vector<PlacedMap> maps;
  for (std::uint32_t index = 0; index < roles_.size(); ++index) {
    if (roles_[index].use != SectionUse::kMaps || elf_.sections[index].name != kMapsSection) continue;
    if (btf_ == nullptr) return fail(EINVAL, "section '.maps' cannot be read without BTF; compile with -g");
    std::ranges::move(TRY(read_map_definitions(elf_, index, *btf_)), std::back_inserter(maps));
  }
  for (std::uint32_t index = 0; index < roles_.size(); ++index) {
    if (roles_[index].use != SectionUse::kMaps || elf_.sections[index].name != kLegacyMapsSection) continue;
    std::ranges::move(TRY(read_legacy_maps(elf_, index, static_cast<std::uint32_t>(maps.size()))),
                      std::back_inserter(maps));
  }
  for (const PlacedMap& map : maps) contents_.maps.push_back(map.definition);
  return maps;
}

Result<> ObjectReader::relocate(const std::vector<PlacedMap>& maps) {
  const TargetResolver resolver(elf_, roles_, contents_, maps);
  std::vector<const ElfSection*> code_relocations(contents_.code.size());
  for (const ElfSection& section : elf_.sections) {
    if (section.type != SHT_REL || section.info >= roles_.size()) continue;
    const SectionRole role = roles_[section.info];
    // Pointers inside data sections stay as they are, as libbpf leaves them.
    if (role.use == SectionUse::kMaps) TRY(read_map_values(elf_, section, maps, resolver, contents_.maps));
    if (role.use == SectionUse::kCode) code_relocations[role.index] = &section;
  }
  for (std::uint32_t i = 0; i < contents_.code.size(); ++i) {
    CodeSection& code = contents_.code[i];
    code.relocations = TRY(read_code_relocations(elf_, code_relocations[i], i, code, resolver));
  }
  return {};
}

void ObjectReader::read_license() {
  const ElfSection* section = elf_.find("license");
  if (section == nullptr) return;
  const std::string_view text(reinterpret_cast<const char*>(section->content.data()),
                              section->content.size());
  contents_.license = text.substr(0, text.find('\0'));
}

}  // namespace netkit::bpf
