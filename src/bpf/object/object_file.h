// An object file as clang wrote it: what it holds, read and checked, nothing created yet.
//
// Theory of operation. parse() reads the ELF file once, resolves every relocation to what it refers to (a
// map, a place in a data section, a function, an extern) and gathers what .BTF and .BTF.ext say. It refuses a
// file that contradicts itself. What is well formed but cannot be used here (an unsupported section, an
// extern) is kept by name, and only link() of a program that refers to it fails: real objects mix programs
// for many hooks. Text fields are views into the file's bytes, which the ObjectFile owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "bpf/isa/insn.h"
#include "bpf/map/map.h"
#include "bpf/object/section_name.h"

namespace netkit::bpf {

class Btf;

// ---- what an instruction can refer to; numbers index the vectors of ObjectContents ----
struct MapTarget {
  std::uint32_t map = 0;
};
struct DataTarget {
  std::uint32_t section = 0;
  std::uint32_t offset = 0;
};
struct FunctionTarget {
  std::uint32_t function = 0;
};
struct ExternTarget {
  std::uint32_t external = 0;
};
// Something that no program can use here; `text` says what and why.
struct UnusableTarget {
  std::string text;
};
using Target = std::variant<MapTarget, DataTarget, FunctionTarget, ExternTarget, UnusableTarget>;

// An ld_imm64 or a call whose operand the linker fills in.
struct Relocation {
  std::uint32_t insn = 0;  // in the section
  Target target;
};

// A line of the source, from .BTF.ext.
struct LineRecord {
  std::uint32_t insn = 0;  // first instruction of the line, in the section
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string_view file;
  std::string_view text;
};

// A CO-RE relocation (struct bpf_core_relo).
struct CoreRelocation {
  std::uint32_t insn = 0;     // in the section
  std::uint32_t type_id = 0;  // of the object's BTF
  std::string_view access;    // "0:1:2"
  std::uint32_t kind = 0;     // enum bpf_core_relo_kind
};

// A section with instructions. All vectors are sorted by instruction.
struct CodeSection {
  std::string_view name;
  std::vector<Insn> insns;
  std::vector<Relocation> relocations;
  std::vector<LineRecord> lines;
  std::vector<CoreRelocation> core_relocations;
};

// A function symbol. Those outside .text are programs, those in .text are subprograms; a program may be
// called as a function too.
struct ObjectFunction {
  std::string_view name;
  std::uint32_t section = 0;             // index of the code section
  std::uint32_t first = 0;               // instruction in the section
  std::uint32_t count = 0;               // instructions
  bool global = false;                   // visible outside the object: the kernel verifies it on its own
  std::uint32_t type_id = 0;             // its FUNC in the object's BTF; 0: none
  std::optional<ProgramKind> program;    // from the section's name; none: a subprogram
  std::vector<std::string_view> tags{};  // texts of its BTF declaration tags
};

// A slot of a map's `values` initialiser: a program (PROG_ARRAY) or an inner map.
struct InitialValue {
  std::uint32_t slot = 0;
  Target target;
};

struct MapDefinition {
  MapSpec spec;          // name: the full ELF symbol
  std::uint32_t id = 0;  // of the section `maps`: what other definitions and section names know it by
  std::uint32_t numa_node = 0;
  std::uint32_t pinning = 0;  // LIBBPF_PIN_NONE 0, LIBBPF_PIN_BY_NAME 1; other numbers are the loader's own
  std::uint32_t key_type_id = 0;  // of the object's BTF; 0: only a size is known
  std::uint32_t value_type_id = 0;
  std::optional<MapSpec> inner;  // template from the `values` member of a map of maps
  std::vector<InitialValue> values;
};

enum class DataKind : std::uint8_t {
  kReadOnly,
  kData,
  kBss,
  kSettings,  // the externs of .kconfig: filled by the loader, read-only
};

// A data section; it becomes an ARRAY map with one entry.
struct DataSection {
  std::string_view section;
  std::string map_name;  // as libbpf names it: eight characters of the object's name and the section's name
  DataKind kind = DataKind::kData;
  std::uint32_t size = 0;              // bytes
  std::span<const std::byte> content;  // empty: all zero (.bss)
};

// A variable in a data section.
struct Variable {
  std::string_view name;      // ELF symbol: "config", or "function.name" for one inside a function
  std::uint32_t section = 0;  // index of the data section
  std::uint32_t offset = 0;
  std::uint32_t size = 0;     // bytes
  std::uint32_t type_id = 0;  // its type in the object's BTF; 0: unknown
  bool number = false;        // an integer, enum or bool (typedefs seen through) of 1, 2, 4 or 8 bytes
};

enum class ExternKind : std::uint8_t {
  kSetting,         // .kconfig: a setting of the kernel
  kKernelVariable,  // .ksyms
  kKernelFunction,  // .ksyms: a kfunc
  kUndefined,       // declared in no section: nothing can be meant
};

// A name that the object expects from elsewhere.
struct Extern {
  std::string_view name;
  std::string_view section;  // ".kconfig", ".ksyms", or empty
  bool weak = false;
  ExternKind kind = ExternKind::kUndefined;
  std::optional<std::uint32_t> variable{};  // kSetting: its place, in ObjectContents::variables
};

// A BTF declaration tag (btf_decl_tag attribute).
struct DeclarationTag {
  std::string_view text;
  std::uint32_t type_id = 0;    // what is tagged: a FUNC, VAR, struct, typedef
  std::int32_t component = -1;  // the member or parameter; -1: all of it
};

struct ObjectContents {
  std::string license;  // empty: the object has none
  std::vector<CodeSection> code;
  std::vector<ObjectFunction> functions;  // sorted by section and first instruction
  std::vector<MapDefinition> maps;        // those of .maps in their order, then those of `maps`
  std::vector<DataSection> data;
  std::vector<Variable> variables;
  std::vector<Extern> externs;
  std::vector<DeclarationTag> tags;  // in the order of BTF
};

class ObjectFile {
 public:
  // `name` is the file's name: it begins every error text, and data maps are named after its last part.
  // Errors: ENOENT and so on from reading, ENOEXEC for what is no BPF object, EINVAL for a file that
  // contradicts itself, ENOTSUP.
  [[nodiscard]] static Result<ObjectFile> parse(std::vector<std::byte> bytes, std::string name);
  [[nodiscard]] static Result<ObjectFile> read(const std::filesystem::path& path);

  ObjectFile(ObjectFile&&) noexcept;
  ObjectFile& operator=(ObjectFile&&) noexcept;
  ~ObjectFile();

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const ObjectContents& contents() const { return contents_; }
  // The object's types; null when it has none.
  [[nodiscard]] const Btf* btf() const { return btf_.get(); }

  // A program by function name, or null.
  [[nodiscard]] const ObjectFunction* find_program(std::string_view function) const;
  // A variable by name, or null; the first one when several sections have the name.
  [[nodiscard]] const Variable* find_variable(std::string_view variable) const;

 private:
  ObjectFile();
  std::string name_;
  std::vector<std::byte> bytes_;
  std::unique_ptr<Btf> btf_;
  ObjectContents contents_;
};

}  // namespace netkit::bpf
