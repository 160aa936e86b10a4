#include "bpf/isa/assembler.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string>

#include "bpf/isa/assembler_words.h"
#include "bpf/isa/cursor.h"
#include "bpf/isa/instruction.h"

namespace netkit::bpf {
namespace {

struct Memory {
  InsnSize size;
  bool is_signed;
  Reg base;
  std::int16_t off;
};

class Assembler {
 public:
  Result<std::vector<Insn>> run(std::string_view text) {
    for (std::size_t line = 1; !text.empty(); ++line) {
      std::string_view row = take_until(text, "\n");
      row = row.substr(0, row.find("//"));
      while (!row.empty()) {
        Cursor statement(take_until(row, ";"));
        if (const Result<> done = assemble_statement(statement); !done) {
          return fail(EINVAL, fmt::format("line {}: {}", line, done.error().text));
        }
      }
    }
    TRY(resolve_labels());
    return std::move(insns_);
  }

 private:
  static std::string_view take_until(std::string_view& text, std::string_view separator) {
    const std::size_t end = text.find(separator);
    const std::string_view taken = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + separator.size());
    return taken;
  }

  static Failure expected(std::string_view what, const Cursor& at) {
    return fail(EINVAL, fmt::format("expected {} at '{}'", what, at.rest()));
  }

  Result<> assemble_statement(Cursor& at) {
    while (accept_label(at)) {
    }
    if (at.at_end()) return {};
    if (at.accept_word("raw")) return raw(at);
    const Instruction instruction = TRY(parse(at));
    if (!at.at_end()) return expected("the end of the instruction", at);
    const Encoded encoded = encode(instruction);
    insns_.insert(insns_.end(), encoded.insns().begin(), encoded.insns().end());
    return {};
  }

  bool accept_label(Cursor& at) {
    Cursor ahead = at;
    const std::string_view name = ahead.word();
    if (name.empty() || !ahead.accept(":")) return false;
    labels_[std::string(name)] = insns_.size();
    at = ahead;
    return true;
  }

  Result<> raw(Cursor& at) {
    std::array<std::uint64_t, 5> fields{};
    for (std::uint64_t& field : fields) {
      const auto number = at.number();
      if (!number) return expected("five numbers: opcode dst src off imm", at);
      field = *number;
    }
    insns_.push_back({.opcode = static_cast<std::uint8_t>(fields[0]),
                      .dst = static_cast<std::uint8_t>(fields[1] & 0xfU),
                      .src = static_cast<std::uint8_t>(fields[2] & 0xfU),
                      .off = static_cast<std::int16_t>(fields[3]),
                      .imm = static_cast<std::int32_t>(fields[4])});
    return {};
  }

  Result<Instruction> parse(Cursor& at) {
    if (at.accept_word("exit")) return Exit{};
    if (at.accept_word("gotol")) return Jump{TRY(target(at, true)), true};
    if (at.accept_word("goto")) return Jump{TRY(target(at, false)), false};
    if (at.accept_word("may_goto")) return MayGoto{static_cast<std::int16_t>(TRY(target(at, false)))};
    if (at.accept_word("if")) return conditional_jump(at);
    if (at.accept_word("call")) return call(at);
    if (at.accept_word("lock")) return locked(at);
    if (at.accept_word("store_release")) return store_release(at);
    if (at.accept("*")) return store(at);
    return assignment(at);
  }

  // A distance; for a label it is filled in at the end.
  Result<std::int32_t> target(Cursor& at, bool is_long) {
    Cursor ahead = at;
    if (ahead.accept("pc")) {
      if (const auto distance = ahead.number()) {
        at = ahead;
        return static_cast<std::int32_t>(*distance);
      }
    }
    const std::string_view label = at.word();
    if (label.empty()) return expected("a label or pc+N", at);
    references_.push_back({insns_.size(), std::string(label), is_long});
    return 0;
  }

  Result<Instruction> conditional_jump(Cursor& at) {
    const auto dst = at.reg();
    if (!dst) return expected("a register", at);
    const auto op = at.choose(kJumpSigns);
    if (!op) return expected("a comparison", at);
    const Operand source = TRY(operand(at));
    if (!at.accept_word("goto")) return expected("goto", at);
    return ConditionalJump{*op, dst->second, dst->first, source,
                           static_cast<std::int16_t>(TRY(target(at, false)))};
  }

  Result<Instruction> call(Cursor& at) {
    if (const auto number = at.number()) return CallHelper{static_cast<std::int32_t>(*number)};
    Cursor ahead = at;
    const std::string_view name = ahead.word();
    if (ahead.accept("#")) {
      const auto number = ahead.number();
      if (!number) return expected("the helper's number", ahead);
      at = ahead;
      const auto id = static_cast<std::int32_t>(*number);
      if (name == "kernel") return CallKfunc{id, 0};
      return CallHelper{id};
    }
    return CallLocal{TRY(target(at, true))};
  }

  Result<Operand> operand(Cursor& at) {
    if (const auto reg = at.reg()) return Operand{reg->first};
    return Operand{TRY(constant(at))};
  }

  static Result<std::int32_t> constant(Cursor& at) {
    const Cursor before = at;
    const auto number = at.number();
    if (!number) return expected("a register or a number", at);
    const auto value = static_cast<std::int64_t>(*number);
    if (value < std::numeric_limits<std::int32_t>::min() ||
        value > std::numeric_limits<std::uint32_t>::max()) {
      return expected("a number of 32 bits", before);
    }
    return static_cast<std::int32_t>(value);
  }

  // "(u32 *)(r1 +8)"
  static Result<Memory> memory(Cursor& at) {
    if (!at.accept("(")) return expected("(uN *)", at);
    const bool is_signed = at.accept("s");
    if (!is_signed && !at.accept("u")) return expected("u8, u16, u32, u64 or s8, s16, s32", at);
    const auto size = at.choose(kSizes);
    if (!size || !at.accept("*") || !at.accept(")") || !at.accept("("))
      return expected("(uN *)(rN +off)", at);
    const auto base = at.reg();
    if (!base) return expected("a register", at);
    std::int64_t off = 0;
    if (!at.accept(")")) {
      const bool negative = at.accept("-");
      if (!negative && !at.accept("+")) return expected("+off", at);
      const auto number = at.number();
      if (!number || !at.accept(")")) return expected("an offset and ')'", at);
      off = negative ? -static_cast<std::int64_t>(*number) : static_cast<std::int64_t>(*number);
    }
    if (off < std::numeric_limits<std::int16_t>::min() || off > std::numeric_limits<std::int16_t>::max()) {
      return expected("an offset of 16 bits before", at);
    }
    return Memory{*size, is_signed, base->first, static_cast<std::int16_t>(off)};
  }

  Result<Instruction> store(Cursor& at) {
    const Memory to = TRY(memory(at));
    if (!at.accept("=")) return expected("=", at);
    return Store{to.size, to.base, to.off, TRY(operand(at))};
  }

  Result<Instruction> locked(Cursor& at) {
    if (!at.accept("*")) return expected("*(uN *)(rN +off)", at);
    const Memory to = TRY(memory(at));
    const auto op = at.choose(kAtomicSigns);
    if (!op) return expected("+=, |=, &= or ^=", at);
    const auto src = at.reg();
    if (!src) return expected("a register", at);
    return Atomic{*op, false, to.size, to.base, to.off, src->first};
  }

  Result<Instruction> store_release(Cursor& at) {
    if (!at.accept("(")) return expected("(", at);
    const Memory to = TRY(memory(at));
    if (!at.accept(",")) return expected(",", at);
    const auto src = at.reg();
    if (!src || !at.accept(")")) return expected("a register and ')'", at);
    return StoreRelease{to.size, to.base, to.off, src->first};
  }

  Result<Instruction> assignment(Cursor& at) {
    const auto dst = at.reg();
    if (!dst) return expected("an instruction", at);
    const auto [reg, width] = *dst;
    if (const auto sign = at.choose(kAluSigns))
      return Alu{sign->first, width, sign->second, reg, TRY(operand(at))};
    if (!at.accept("=")) return expected("an operator", at);
    if (at.accept("*")) return load(at, reg);
    if (at.accept("(s")) return sign_extension(at, reg, width);
    if (at.accept_word("load_acquire")) return load_acquire(at, reg);
    if (at.accept("atomic")) return fetching_atomic(at, reg);
    if (at.accept("map[")) return map_reference(at, reg);
    if (at.accept_word("function")) return function_reference(at, reg);
    if (const auto swap = accept_swap(at, reg)) return *swap;
    if (accept_negation(at, reg)) return Negate{width, reg};
    return move(at, reg, width);
  }

  static bool accept_negation(Cursor& at, Reg reg) {
    Cursor ahead = at;
    if (!ahead.accept("-")) return false;
    const auto operand = ahead.reg();
    if (!operand || operand->first != reg) return false;
    at = ahead;
    return true;
  }

  static std::optional<Instruction> accept_swap(Cursor& at, Reg reg) {
    Cursor ahead = at;
    const auto order = ahead.choose(kSwaps);
    if (!order) return std::nullopt;
    const auto bits = ahead.number();
    const auto operand = ahead.reg();
    if (!bits || !operand || operand->first != reg) return std::nullopt;
    at = ahead;
    return SwapBytes{*order, static_cast<std::uint8_t>(*bits), reg};
  }

  Result<Instruction> move(Cursor& at, Reg reg, Width width) {
    Cursor ahead = at;
    const auto number = ahead.number();
    const bool said_wide = number && ahead.accept_word("ll");
    const bool needs_wide = number &&
                            static_cast<std::int64_t>(*number) != static_cast<std::int32_t>(*number) &&
                            (*number >> 32) != 0;
    if (said_wide || needs_wide) {
      at = ahead;
      return LoadImm64{kImm64, reg, static_cast<std::int32_t>(*number),
                       static_cast<std::int32_t>(*number >> 32)};
    }
    return Alu{kMov, width, false, reg, TRY(operand(at))};
  }

  Result<Instruction> load(Cursor& at, Reg reg) {
    Cursor ahead = at;
    if (ahead.accept("(u")) {
      const auto size = ahead.choose(kSizes);
      if (size && ahead.accept("*") && ahead.accept(")") && ahead.accept("skb[")) {
        at = ahead;
        return legacy_load(at, *size);
      }
    }
    const Memory from = TRY(memory(at));
    return Load{from.size, from.is_signed, reg, from.base, from.off};
  }

  static Result<Instruction> legacy_load(Cursor& at, InsnSize size) {
    const auto index = at.reg();
    if (index) at.accept("+");
    const std::int32_t offset = TRY(constant(at));
    if (!at.accept("]")) return expected("]", at);
    return LegacyLoad{size, index.has_value(), index ? index->first : Reg::r0, offset};
  }

  static Result<Instruction> sign_extension(Cursor& at, Reg reg, Width width) {
    const auto bits = at.number();
    if (!bits || !at.accept(")")) return expected("8), 16) or 32)", at);
    const auto src = at.reg();
    if (!src) return expected("a register", at);
    return MoveSignExtended{width, static_cast<std::uint8_t>(*bits), reg, src->first};
  }

  static Result<Instruction> load_acquire(Cursor& at, Reg reg) {
    if (!at.accept("(")) return expected("(", at);
    const Memory from = TRY(memory(at));
    if (!at.accept(")")) return expected(")", at);
    return LoadAcquire{from.size, reg, from.base, from.off};
  }

  static Result<Instruction> fetching_atomic(Cursor& at, Reg reg) {
    at.accept("64");
    if (!at.accept("_")) return expected("_", at);
    const auto op = at.choose(kFetches);
    if (!op || !at.accept("("))
      return expected("fetch_add, fetch_or, fetch_and, fetch_xor, xchg or cmpxchg", at);
    const Memory to = TRY(memory(at));
    if (*op == kAtomicCmpxchg) {
      const auto comparand = at.accept(",") ? at.reg() : std::nullopt;
      if (!comparand || comparand->first != Reg::r0 || reg != Reg::r0) return expected(", r0", at);
    }
    const auto src = at.accept(",") ? at.reg() : std::nullopt;
    if (!src || !at.accept(")")) return expected(", a register and ')'", at);
    return Atomic{*op, true, to.size, to.base, to.off, src->first};
  }

  static Result<Instruction> map_reference(Cursor& at, Reg reg) {
    const std::int32_t map = TRY(constant(at));
    if (!at.accept("]")) return expected("]", at);
    if (!at.accept("+")) return LoadImm64{kMapFd, reg, map, 0};
    return LoadImm64{kMapValue, reg, map, TRY(constant(at))};
  }

  static Result<Instruction> function_reference(Cursor& at, Reg reg) {
    return LoadImm64{kFunction, reg, TRY(constant(at)), 0};
  }

  Result<> resolve_labels() {
    for (const Reference& reference : references_) {
      const auto label = labels_.find(reference.label);
      if (label == labels_.end()) return fail(EINVAL, fmt::format("there is no label '{}'", reference.label));
      const auto distance =
          static_cast<std::int64_t>(label->second) - static_cast<std::int64_t>(reference.insn) - 1;
      if (reference.is_long) {
        insns_[reference.insn].imm = static_cast<std::int32_t>(distance);
      } else if (distance == static_cast<std::int16_t>(distance)) {
        insns_[reference.insn].off = static_cast<std::int16_t>(distance);
      } else {
        return fail(EINVAL, fmt::format("label '{}' is too far away, use gotol", reference.label));
      }
    }
    return {};
  }

  struct Reference {
    std::size_t insn;
    std::string label;
    bool is_long;  // the distance is in imm
  };

  std::vector<Insn> insns_;
  std::map<std::string, std::size_t, std::less<>> labels_;
  std::vector<Reference> references_;
};

}  // namespace

Result<std::vector<Insn>> assemble(std::string_view text) {
  return Assembler().run(text);
}

}  // namespace netkit::bpf
