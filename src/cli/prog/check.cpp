#include "cli/prog/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>
#include <span>

#include "bpf/exec/load.h"
#include "bpf/helper/helper.h"
#include "bpf/isa/instruction.h"
#include "bpf/object/kernel_types.h"
#include "bpf/object/section_name.h"
#include "cli/errors.h"
#include "cli/print.h"
#include "control/rpc/describe_objects.h"
#include "control/rpc/words.h"

namespace netkit::cli {
namespace {

using bpf::ProgramImage;

// What the linker had to fill in, by what it stood for.
struct Relocations {
  std::size_t maps = 0;
  std::size_t data = 0;
  std::size_t functions = 0;
  std::size_t externs = 0;
  std::size_t core = 0;

  [[nodiscard]] std::size_t all() const { return maps + data + functions + externs + core; }
};

struct ProgramCheck {
  const bpf::Program* program = nullptr;
  Relocations relocations;
  std::set<std::string> helpers;
};

bool is_within(std::uint32_t insn, const bpf::ObjectFunction& function) {
  return insn >= function.first && insn < function.first + function.count;
}

// Those of the program and of every function in its image.
Relocations relocations_of(const ProgramImage& image, const bpf::ObjectContents& object) {
  Relocations count;
  for (const bpf::Function& placed : image.functions) {
    const auto function = std::ranges::find(object.functions, placed.name, &bpf::ObjectFunction::name);
    if (function == object.functions.end()) continue;
    const bpf::CodeSection& code = object.code[function->section];
    for (const bpf::Relocation& relocation : code.relocations) {
      if (!is_within(relocation.insn, *function)) continue;
      if (std::holds_alternative<bpf::MapTarget>(relocation.target)) ++count.maps;
      if (std::holds_alternative<bpf::DataTarget>(relocation.target)) ++count.data;
      if (std::holds_alternative<bpf::FunctionTarget>(relocation.target)) ++count.functions;
      if (std::holds_alternative<bpf::ExternTarget>(relocation.target)) ++count.externs;
    }
    count.core += static_cast<std::size_t>(std::ranges::count_if(
        code.core_relocations,
        [&](const bpf::CoreRelocation& relocation) { return is_within(relocation.insn, *function); }));
  }
  return count;
}

std::set<std::string> helpers_of(const ProgramImage& image) {
  std::set<std::string> names;
  for (std::size_t at = 0; at < image.insns.size(); ++at) {
    const bpf::Insn& insn = image.insns[at];
    if (bpf::is_wide(insn)) {
      ++at;
    } else if (insn.opcode == bpf::kCallImm && insn.src == bpf::kCallHelper &&
               insn.imm != bpf::kPoisonedCall) {
      if (const bpf::Helper* helper = bpf::find_helper(static_cast<std::uint32_t>(insn.imm)))
        names.insert(bpf::c_name(*helper));
    }
  }
  return names;
}

std::string attach_type_name(bpf::AttachType type) {
  if (type == bpf::AttachType::kNone) return "none";
  const std::string_view name = rpc::name_of(rpc::kAttachTypes, static_cast<std::uint32_t>(type));
  return name.empty() ? std::to_string(static_cast<std::uint32_t>(type)) : std::string(name);
}

std::string tag_text(const bpf::Program& program) {
  return fmt::format("{:02x}", fmt::join(program.tag, ""));
}

std::vector<std::string> map_names(const ProgramImage& image) {
  std::vector<std::string> names;
  for (const auto& map : image.maps) names.push_back(map->spec().name);
  return names;
}

// All but the program itself.
std::vector<std::string> subprograms(const ProgramImage& image) {
  std::vector<std::string> names;
  for (const bpf::Function& function :
       std::span(image.functions).subspan(std::min<std::size_t>(1, image.functions.size())))
    names.push_back(function.name);
  return names;
}

template <class Names>
void append_list(std::string& text, std::string_view what, const Names& names) {
  if (!names.empty()) fmt::format_to(std::back_inserter(text), "\t{} {}\n", what, fmt::join(names, ", "));
}

std::string to_text(const ProgramCheck& check) {
  const bpf::Program& program = *check.program;
  const ProgramImage& image = *program.image;
  const Relocations& relocations = check.relocations;
  std::string text = fmt::format("{}  name {}  tag {}{}\n", bpf::program_type_name(program.type),
                                 program.name, tag_text(program), program.gpl_compatible ? "  gpl" : "");
  fmt::format_to(std::back_inserter(text), "\tsection {}  attach_type {}  insns {}\n", image.section,
                 attach_type_name(program.expected_attach_type), image.insns.size());
  append_list(text, "subprograms", subprograms(image));
  append_list(text, "maps", map_names(image));
  fmt::format_to(std::back_inserter(text),
                 "\trelocations {}: maps {}, data {}, functions {}, externs {}, CO-RE {}\n",
                 relocations.all(), relocations.maps, relocations.data, relocations.functions,
                 relocations.externs, relocations.core);
  append_list(text, "helpers", check.helpers);
  append_list(text, "kfuncs", image.kfuncs);
  return text;
}

OrderedJson to_json(const ProgramCheck& check) {
  const bpf::Program& program = *check.program;
  const ProgramImage& image = *program.image;
  return {{"type", bpf::program_type_name(program.type)},
          {"name", program.name},
          {"tag", tag_text(program)},
          {"gpl_compatible", program.gpl_compatible},
          {"section", image.section},
          {"attach_type", attach_type_name(program.expected_attach_type)},
          {"insns", image.insns.size()},
          {"subprograms", subprograms(image)},
          {"maps", map_names(image)},
          {"relocations",
           {{"maps", check.relocations.maps},
            {"data", check.relocations.data},
            {"functions", check.relocations.functions},
            {"externs", check.relocations.externs},
            {"core", check.relocations.core}}},
          {"helpers", check.helpers},
          {"kfuncs", image.kfuncs}};
}

OrderedJson to_json(const bpf::MapSpec& map) {
  return {{"name", map.name},
          {"type", bpf::map_type_name(map.type)},
          {"bytes_key", map.key_size},
          {"bytes_value", map.value_size},
          {"max_entries", map.max_entries},
          {"flags", map.flags}};
}

// Programs of the object that were left out: for other hooks than ours, or only loaded when asked for.
struct LeftOut {
  std::string_view name;
  std::string_view type;
};
std::vector<LeftOut> left_out(const bpf::ObjectContents& object, const bpf::LoadedObject& loaded) {
  std::vector<LeftOut> all;
  for (const bpf::ObjectFunction& function : object.functions) {
    if (!function.program || loaded.find_program(function.name) != nullptr) continue;
    all.push_back({function.name, bpf::program_type_name(function.program->type)});
  }
  return all;
}

}  // namespace

Result<> check_object(const Options& options, Words words) {
  const std::string file(TRY(words.value("load")));
  bpf::LinkOptions link;
  for (;;) {
    if (words.take_if("--prog")) {
      if (!link.programs) link.programs.emplace();
      link.programs->emplace_back(TRY(words.value("--prog")));
    } else if (words.take_if("--btf")) {
      link.kernel_types = TRY(bpf::KernelTypes::read(std::string(TRY(words.value("--btf")))));
    } else {
      break;
    }
  }
  TRY(words.end());
  const bpf::ObjectFile object = TRY(bpf::ObjectFile::read(file));
  const bpf::LoadedObject loaded = TRY(bpf::load_object(object, link));
  const std::vector<LeftOut> skipped = left_out(object.contents(), loaded);
  if (loaded.programs.empty() && skipped.empty()) return fail(ENOENT, file + ": no program in it");
  std::string text;
  OrderedJson json{{"programs", OrderedJson::array()}, {"maps", OrderedJson::array()}};
  for (const bpf::ProgramRef& program : loaded.programs) {
    const ProgramCheck check{.program = program.get(),
                             .relocations = relocations_of(*program->image, object.contents()),
                             .helpers = helpers_of(*program->image)};
    text += to_text(check);
    json["programs"].push_back(to_json(check));
  }
  for (const bpf::LinkedMap& linked : loaded.maps) {
    const bpf::MapSpec& map = linked.map->spec();
    text += fmt::format("{}  name {}  key {}B  value {}B  max_entries {}  flags {:#x}\n",
                        bpf::map_type_name(map.type), map.name, map.key_size, map.value_size, map.max_entries,
                        map.flags);
    json["maps"].push_back(to_json(map));
  }
  for (const LeftOut& one : skipped) {
    text += fmt::format("{}  name {}  not loaded\n", one.type, one.name);
    json["not_loaded"].push_back({{"name", one.name}, {"type", one.type}});
  }
  if (options.json) {
    print(json, options);
  } else {
    print(text);
  }
  return {};
}

Result<nlohmann::json> dump_object(const std::string& file, const std::string& program,
                                   const control::DumpStyle& style) {
  bpf::LinkOptions link;
  if (!program.empty()) link.programs = {program};
  const bpf::LoadedObject loaded = TRY(bpf::load_object(std::filesystem::path(file), link));
  std::vector<std::string> names;
  for (const bpf::ProgramRef& one : loaded.programs) names.push_back(one->name);
  if (names.empty()) return fail(ENOENT, file + ": no tc, tcx or netkit program in it");
  if (program.empty() && names.size() > 1)
    return usage_error(fmt::format("{} has {} programs: say which by `--prog`: {}", file, names.size(),
                                   fmt::join(names, ", ")));
  const std::vector<control::XlatedInsn> insns = control::dump_xlated(*loaded.programs.front()->image);
  return nlohmann::json{{"insns", rpc::describe(insns)}, {"text", control::to_text(insns, style)}};
}

}  // namespace netkit::cli
