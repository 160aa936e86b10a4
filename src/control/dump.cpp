#include "control/dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "bpf/helper/helper.h"
#include "bpf/isa/disassembler.h"
#include "control/xlated.h"

namespace netkit::control {
namespace {

using bpf::Insn;

std::string pseudo_text(const bpf::LoadImm64& load) {
  switch (load.kind) {
    case bpf::kMapFd:
      return fmt::format("map[id:{}]", load.low);
    case bpf::kMapValue:
      return fmt::format("map[id:{}][0]{:+d}", load.low, load.high);
    case bpf::kFunction:
      return fmt::format("subprog[{:+d}]", load.low);
    default:
      return {};
  }
}

const bpf::Naming& naming() {
  static const bpf::Naming kNaming{
      .helper = [](std::uint32_t number) { return std::string(bpf::kernel_helper_name(number)); },
      .pseudo = pseudo_text,
      .kfunc = {}};
  return kNaming;
}

// Every program that was loaded decodes.
std::string text_of(std::span<const Insn> code) {
  const Result<bpf::Instruction> instruction = bpf::decode(code);
  return fmt::format("({:02x}) {}", code.front().opcode,
                     instruction ? bpf::disassemble(*instruction, naming()) : instruction.error().text);
}

void add_source(const bpf::ProgramImage& image, XlatedInsn& insn) {
  const auto function = std::ranges::find(image.functions, insn.at, &bpf::Function::first);
  if (function != image.functions.end()) insn.proto = function->prototype;
  const bpf::SourceLine* const line = image.line_of(insn.at);
  if (line == nullptr || line->insn != insn.at) return;
  insn.src = line->text.substr(std::min(line->text.find_first_not_of(" \t"), line->text.size()));
  insn.file = line->file;
  insn.line_num = line->line;
  insn.line_col = line->column;
}

// fprint_hex: "b7 00 00 00 00 00 00 00"
void append_bytes(std::string& text, const Insn& insn) {
  const auto bytes = std::as_bytes(std::span(&insn, 1));
  for (std::size_t i = 0; i < bytes.size(); ++i)
    fmt::format_to(std::back_inserter(text), "{}{:02x}", i == 0 ? "" : " ", static_cast<unsigned>(bytes[i]));
}

}  // namespace

Result<std::vector<XlatedInsn>> dump_xlated(Client& client, int prog_fd) {
  const auto program = TRY(client.get<bpf::ProgramRef>(prog_fd));
  if (!client.privileged()) return fail(EPERM, "instructions are shown to privileged clients only");
  return dump_xlated(*program->image);
}

std::vector<XlatedInsn> dump_xlated(const bpf::ProgramImage& image) {
  const std::vector<Insn> insns = xlated_insns(image);
  std::vector<XlatedInsn> dump;
  for (std::size_t at = 0; at < insns.size();) {
    const std::size_t slots = bpf::is_wide(insns[at]) ? 2 : 1;
    const auto code = std::span(insns).subspan(at);
    XlatedInsn& insn = dump.emplace_back(XlatedInsn{.at = static_cast<std::uint32_t>(at)});
    insn.slots.assign(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(slots));
    insn.disasm = text_of(code);
    add_source(image, insn);
    at += slots;
  }
  return dump;
}

std::string to_text(std::span<const XlatedInsn> insns, const DumpStyle& style) {
  std::string text;
  const auto out = std::back_inserter(text);
  for (const XlatedInsn& insn : insns) {
    if (!insn.proto.empty()) fmt::format_to(out, "{}:\n", insn.proto);
    if (!insn.src.empty() && style.linum) {
      fmt::format_to(out, "; {} [file:{} line_num:{} line_col:{}]\n", insn.src, insn.file, insn.line_num,
                     insn.line_col);
    } else if (!insn.src.empty()) {
      fmt::format_to(out, "; {}\n", insn.src);
    }
    fmt::format_to(out, "{:4}: {}\n", insn.at, insn.disasm);
    if (!style.opcodes) continue;
    text += "       ";
    for (std::size_t slot = 0; slot < insn.slots.size(); ++slot) {
      if (slot > 0) text += ' ';
      append_bytes(text, insn.slots[slot]);
    }
    text += '\n';
  }
  return text;
}

}  // namespace netkit::control
