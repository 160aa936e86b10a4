#include "tests/differential/generated/coverage.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>
#include <string_view>

#include "bpf/helper/helper.h"
#include "bpf/isa/disassembler.h"
#include "bpf/isa/instruction.h"
#include "bpf/object/image.h"
#include "bpf/run/program.h"

namespace netkit::differential {
namespace {

using namespace bpf;

// Helpers that generated programs do not call, and why. Their comparison with the kernel is elsewhere, mostly
// in helper_differential_test, by hand.
struct LeftOut {
  std::uint32_t number;
  std::string_view why;
};
constexpr std::string_view kPrints = "writes to the machine's trace";
constexpr std::string_view kSockets = "no socket is found: by hand, with a table of sockets";
constexpr std::string_view kSpecial =
    "works on a special member of a value, whose type the program must have: by hand";
constexpr std::string_view kRings = "its ring must be emptied from outside: by hand";
constexpr std::string_view kSecret = "cookies are of the kernel's own key: by hand";
constexpr auto kLeftOut = std::to_array<LeftOut>({
    {6, kPrints},
    {13, "sends through devices of the machine: live, by hand"},
    {16, "tells of the task that runs the test"},
    {25, kRings},
    {33, "needs a cgroup"},
    {66, "kernels may be built without it"},
    {69, "asks for the machine's routes: by hand, with a table of routes"},
    {86, kSockets},
    {93, kSpecial},
    {94, kSpecial},
    {95, kSockets},
    {96, kSockets},
    {98, kSockets},
    {100, kSecret},
    {107, kSockets},
    {108, kSockets},
    {110, kSecret},
    {112, "reads a task's memory"},
    {113, "reads memory of the kernel: by hand"},
    {114, "reads a task's memory"},
    {115, "reads memory of the kernel: by hand"},
    {123, "tells of the task that runs the test"},
    {124, kSockets},
    {130, kRings},
    {131, kRings},
    {132, kRings},
    {133, kRings},
    {134, kRings},
    {136, kSockets},
    {137, kSockets},
    {138, kSockets},
    {139, kSockets},
    {140, kSockets},
    {169, kSpecial},
    {170, kSpecial},
    {171, kSpecial},
    {172, kSpecial},
    {177, kPrints},
    {178, kSockets},
    {196, kSockets},
    {198, kRings},
    {199, kRings},
    {200, kRings},
    {204, kSecret},
    {205, kSecret},
    {206, kSecret},
    {207, kSecret},
    {209, kRings},
});

bool left_out(std::uint32_t number) {
  return std::ranges::find(kLeftOut, number, &LeftOut::number) != kLeftOut.end();
}

// What tells one operation from the other: the opcode, and what modifies it in other fields.
std::uint64_t key_of(const Insn& insn) {
  const std::uint8_t kind = insn_class(insn.opcode);
  std::uint64_t modifier = 0;
  if (kind == kAlu || kind == kAlu64) {
    const std::uint8_t op = insn.opcode & 0xf0;
    modifier = op == kEnd ? static_cast<std::uint64_t>(insn.imm) : static_cast<std::uint16_t>(insn.off);
  } else if (kind == kStx && (insn.opcode & 0xe0) == kModeAtomic) {
    modifier = static_cast<std::uint64_t>(insn.imm);
  } else if (is_wide(insn) || insn.opcode == kCallImm) {
    modifier = insn.src;
  }
  return modifier << 8 | insn.opcode;
}

enum class Memory : std::uint8_t { kStack, kSpill, kPacket, kContext, kMapValue, kGlobalData, kOther };
constexpr auto kMemoryNames = std::to_array<std::string_view>(
    {"stack", "spilled pointer", "packet", "context", "map value", "global data", "other"});
enum class Use : std::uint8_t { kLoad, kStore, kAtomic };
constexpr auto kUseNames = std::to_array<std::string_view>({"load", "store", "atomic"});

std::uint64_t memory_key(Memory memory, Use use, unsigned bytes) {
  return static_cast<std::uint64_t>(memory) << 16 | static_cast<std::uint64_t>(use) << 8 | bytes;
}

Memory memory_of(const Region* region) {
  if (region == nullptr) return Memory::kStack;  // not touched before
  switch (region->kind) {
    case RegionKind::kStack:
      return Memory::kStack;
    case RegionKind::kPacket:
      return Memory::kPacket;
    case RegionKind::kContext:
      return Memory::kContext;
    case RegionKind::kMapValue:
      return Memory::kMapValue;
    case RegionKind::kGlobalData:
      return Memory::kGlobalData;
    default:
      return Memory::kOther;
  }
}

// One of everything that the instruction set has and generated programs may hold, as the disassembler writes
// it.
std::vector<Insn> all_instructions(const InstructionSet& set) {
  std::vector<Insn> all;
  const auto add = [&](const Instruction& instruction) { all.push_back(to_insns(instruction).front()); };
  const std::array<Operand, 2> operands = {Operand(Reg::r2), Operand(3)};
  for (const Width width : {Width::k64, Width::k32}) {
    for (const Operand& operand : operands) {
      for (const AluOp op : {kAdd, kSub, kMul, kDiv, kOr, kAnd, kLsh, kRsh, kMod, kXor, kMov, kArsh})
        add(Alu{op, width, false, Reg::r1, operand});
      if (set.fourth_version) {
        for (const AluOp op : {kDiv, kMod}) add(Alu{op, width, true, Reg::r1, operand});
      }
      for (const JmpOp op : {kJeq, kJgt, kJge, kJset, kJne, kJsgt, kJsge, kJlt, kJle, kJslt, kJsle})
        add(ConditionalJump{op, width, Reg::r1, operand, 1});
    }
    add(Negate{width, Reg::r1});
    for (const std::uint8_t bits : std::to_array<std::uint8_t>({8, 16, 32})) {
      if (set.fourth_version && (width == Width::k64 || bits != 32))
        add(MoveSignExtended{width, bits, Reg::r1, Reg::r2});
    }
  }
  for (const std::uint8_t bits : std::to_array<std::uint8_t>({16, 32, 64})) {
    add(SwapBytes{ByteOrder::kToLittle, bits, Reg::r1});
    add(SwapBytes{ByteOrder::kToBig, bits, Reg::r1});
    if (set.fourth_version) add(SwapBytes{ByteOrder::kSwap, bits, Reg::r1});
  }
  for (const InsnSize size : {kB, kH, kW, kDw}) {
    add(Load{size, false, Reg::r1, Reg::r2, 0});
    if (set.fourth_version && size != kDw) add(Load{size, true, Reg::r1, Reg::r2, 0});
    for (const Operand& operand : operands) add(Store{size, Reg::r1, 0, operand});
    if (set.ordered) {
      add(LoadAcquire{size, Reg::r1, Reg::r2, 0});
      add(StoreRelease{size, Reg::r1, 0, Reg::r2});
    }
    if (size != kDw) {
      add(LegacyLoad{size, false, Reg::r0, 0});
      add(LegacyLoad{size, true, Reg::r1, 0});
    }
  }
  for (const InsnSize size : {kW, kDw}) {
    for (const std::int32_t op : {kAtomicAdd, kAtomicOr, kAtomicAnd, kAtomicXor}) {
      add(Atomic{op, false, size, Reg::r1, 0, Reg::r2});
      add(Atomic{op, true, size, Reg::r1, 0, Reg::r2});
    }
    for (const std::int32_t op : {kAtomicXchg, kAtomicCmpxchg})
      add(Atomic{op, true, size, Reg::r1, 0, Reg::r2});
  }
  for (const PseudoLoad kind : {kImm64, kMapFd, kMapValue, kFunction}) add(LoadImm64{kind, Reg::r1, 0, 0});
  add(Jump{1, false});
  add(CallHelper{1});
  add(CallLocal{1});
  add(Exit{});
  return all;
}

std::string name_of(const Insn& insn) {
  const std::array<Insn, 2> slots = {insn, Insn{}};
  return disassemble(decode(slots).value());
}

}  // namespace

void Coverage::step(const Step& step) {
  const Insn& insn = step.run.program->image->insns[step.insn];
  ++instructions_[key_of(insn)];

  if (step.depth > depth_ && !called_) ++callbacks_;
  depth_ = step.depth;
  called_ = insn.opcode == kCallImm && insn.src == kCallLocal;
  calls_ += called_ ? 1 : 0;
  if (step.run.tail_calls > tail_calls_before_) ++tail_calls_;
  tail_calls_before_ = step.run.tail_calls;

  if (insn.opcode == kCallImm && insn.src == kCallHelper) ++helpers_[static_cast<std::uint64_t>(insn.imm)];
  const std::uint8_t kind = insn_class(insn.opcode);
  const std::uint8_t mode = insn.opcode & 0xe0;
  if (kind == kLdx || kind == kSt || kind == kStx) {
    if (mode == kModeMem || mode == kModeMemsx || mode == kModeAtomic) memory(step, insn);
  }
}

void Coverage::end() {
  depth_ = 0;
  called_ = false;
}

void Coverage::memory(const Step& step, const Insn& insn) {
  const bool loads = insn_class(insn.opcode) == kLdx;
  const unsigned bytes = bytes_of(static_cast<InsnSize>(insn.opcode & 0x18));
  const std::uint64_t base = step.registers[loads ? insn.src : insn.dst];
  const std::uint64_t address = base + static_cast<std::uint64_t>(std::int64_t{insn.off});
  Memory where = memory_of(step.run.regions.find(address, bytes));
  const bool pointer = loads ? insn.dst >= 6 && insn.dst <= 8 : insn.src >= 6 && insn.src <= 8;
  const bool atomic = (insn.opcode & 0xe0) == kModeAtomic;
  if (where == Memory::kStack && bytes == 8 && pointer && !atomic && insn_class(insn.opcode) != kSt)
    where = Memory::kSpill;
  ++memory_[memory_key(where, atomic ? Use::kAtomic : loads ? Use::kLoad : Use::kStore, bytes)];
}

std::vector<Coverage::Row> Coverage::instruction_rows(const InstructionSet& set) const {
  std::vector<Row> rows;
  for (const Insn& insn : all_instructions(set)) {
    const auto found = instructions_.find(key_of(insn));
    rows.push_back({name_of(insn), found == instructions_.end() ? 0 : found->second});
  }
  return rows;
}

std::vector<Coverage::Row> Coverage::memory_rows() const {
  std::vector<Row> rows;
  const auto add = [&](Memory memory, Use use, unsigned bytes) {
    const auto found = memory_.find(memory_key(memory, use, bytes));
    rows.push_back({fmt::format("{} {} of {}", kMemoryNames[static_cast<std::size_t>(memory)],
                                kUseNames[static_cast<std::size_t>(use)], bytes),
                    found == memory_.end() ? 0 : found->second});
  };
  for (const unsigned bytes : {1U, 2U, 4U, 8U}) {
    for (const Memory memory : {Memory::kStack, Memory::kPacket, Memory::kMapValue}) {
      add(memory, Use::kLoad, bytes);
      add(memory, Use::kStore, bytes);
      if (memory != Memory::kPacket && bytes >= 4) add(memory, Use::kAtomic, bytes);
    }
    add(Memory::kContext, Use::kLoad, bytes);
    if (bytes >= 4) add(Memory::kContext, Use::kStore, bytes);
  }
  add(Memory::kGlobalData, Use::kStore, 8);
  add(Memory::kSpill, Use::kStore, 8);
  add(Memory::kSpill, Use::kLoad, 8);
  return rows;
}

std::vector<Coverage::Row> Coverage::helper_rows() const {
  std::vector<Row> rows;
  for (const Helper* helper : all_helpers()) {
    if (left_out(helper->number)) continue;
    const auto found = helpers_.find(helper->number);
    rows.push_back(
        {fmt::format("{}#{}", helper->name, helper->number), found == helpers_.end() ? 0 : found->second});
  }
  return rows;
}

std::vector<Coverage::Row> Coverage::control_rows() const {
  return {{"calls of functions", calls_}, {"callbacks", callbacks_}, {"tail calls", tail_calls_}};
}

void Coverage::print(std::ostream& out, const InstructionSet& set) const {
  const auto table = [&](std::string_view title, const std::vector<Row>& rows) {
    out << title << '\n';
    for (const Row& row : rows) out << fmt::format("  {:<44} {:>12}\n", row.name, row.count);
  };
  table("instructions", instruction_rows(set));
  table("memory", memory_rows());
  table("helpers", helper_rows());
  table("control", control_rows());
  out << "helpers left out\n";
  for (const LeftOut& one : kLeftOut)
    out << fmt::format("  {:<44} {}\n", kernel_helper_name(one.number), one.why);
}

std::vector<std::string> Coverage::empty_cells(const InstructionSet& set) const {
  std::vector<std::string> empty;
  for (const auto& rows : {instruction_rows(set), memory_rows(), helper_rows(), control_rows()}) {
    for (const Row& row : rows) {
      if (row.count == 0) empty.push_back(row.name);
    }
  }
  return empty;
}

}  // namespace netkit::differential
