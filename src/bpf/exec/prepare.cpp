// From an image to the interpreter's form: what the kernel's verifier checks before it follows any path
// (check_subprogs, resolve_pseudo_ldimm64, check_cfg's jump targets, helper numbers and licences), then one
// operation for each instruction.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "bpf/exec/interpreter.h"
#include "bpf/exec/opcode_of.h"
#include "bpf/exec/operation.h"
#include "bpf/exec/position.h"
#include "bpf/helper/helper.h"
#include "bpf/helper/kfunc.h"
#include "bpf/helper/map_types.h"
#include "bpf/isa/instruction.h"
#include "bpf/isa/tag.h"
#include "bpf/map/map.h"
#include "bpf/map/prog_array.h"
#include "bpf/run/skb.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kTstampTypeOffset = 180;

std::uint8_t index_of(Reg reg) {
  return static_cast<std::uint8_t>(reg);
}

// Whether a call needs nothing but the call: no argument, result or effect that the engine must look at.
bool is_plain(const Contract& contract) {
  const bool free_arguments = std::ranges::all_of(
      contract.arguments, [](Arg kind) { return kind == Arg::kNone || kind == Arg::kAnything; });
  return free_arguments && contract.result != Return::kMapValueOrNull &&
         (contract.effects & (kChangesPacket | kTailCall)) == 0;
}

class Preparation {
 public:
  explicit Preparation(const ProgramImage& image) : image_(&image), insns_(image.insns) {}

  Result<std::unique_ptr<InterpretedCode>> run() {
    if (insns_.empty()) return fail(EINVAL, fmt::format("program {} has no instructions", image_->name));
    if (insns_.size() > kMaxInsns)
      return fail(E2BIG, fmt::format("program {} has {} instructions, the limit is {}", image_->name,
                                     insns_.size(), kMaxInsns));
    collect_maps();
    TRY(decode_all());
    TRY(find_functions());
    TRY(check_ends());
    for (at_ = 0; at_ < insns_.size(); ++at_) {
      if (!decoded_[at_]) continue;
      TRY(std::visit([this](const auto& instruction) { return lower(instruction); }, *decoded_[at_]));
    }
    std::ranges::sort(code_->globals, {}, &Region::base);
    return std::move(code_);
  }

  [[nodiscard]] bool reads_tstamp_type() const { return reads_tstamp_type_; }

 private:
  // "insn 12: unknown opcode 8d, nat.c:31: x = tcp->seq;"
  [[nodiscard]] Failure refuse_at(std::size_t insn, std::string_view what, int code = EINVAL) const {
    const auto number = static_cast<std::uint32_t>(insn);
    std::string text = fmt::format("insn {}: {}", insn, what);
    if (image_->line_of(number) != nullptr) text += ", " + position_of(*image_, number);
    return fail(code, std::move(text));
  }
  [[nodiscard]] Failure refuse(std::string_view what, int code = EINVAL) const {
    return refuse_at(at_, what, code);
  }

  void collect_maps() {
    for (const auto& map : image_->maps) code_->maps.push_back(reinterpret_cast<std::uint64_t>(map.get()));
    std::ranges::sort(code_->maps);
  }

  Result<> decode_all() {
    decoded_.resize(insns_.size());
    code_->operations.resize(insns_.size());
    for (std::size_t at = 0; at < insns_.size(); ++at) {
      Result<Instruction> instruction = decode(insns_.subspan(at));
      if (!instruction) return refuse_at(at, instruction.error().text, instruction.error().code);
      decoded_[at] = *instruction;
      if (is_wide(insns_[at])) ++at;
    }
    return {};
  }

  // Functions begin at instruction 0, where the image says so, and where calls lead.
  Result<> find_functions() {
    starts_ = {0};
    for (const Function& function : image_->functions) {
      if (function.first >= insns_.size() || !decoded_[function.first])
        return fail(EINVAL, fmt::format("function {} begins at insn {}, where no instruction begins",
                                        function.name, function.first));
      code_->functions.push_back(function.first);
      starts_.push_back(function.first);
    }
    for (std::size_t at = 0; at < insns_.size(); ++at) {
      const auto* call = decoded_[at] ? std::get_if<CallLocal>(&*decoded_[at]) : nullptr;
      if (call == nullptr) continue;
      const std::int64_t target = static_cast<std::int64_t>(at) + 1 + call->distance;
      if (target < 0 || target >= std::ssize(insns_))
        return refuse_at(at, fmt::format("call out of range from insn {} to {}", at, target));
      if (!decoded_[static_cast<std::size_t>(target)])
        return refuse_at(at, fmt::format("call into the middle of ldimm64 insn {}", target));
      starts_.push_back(static_cast<std::uint32_t>(target));
    }
    std::ranges::sort(starts_);
    starts_.erase(std::ranges::unique(starts_).begin(), starts_.end());
    return {};
  }

  // [first, end) of the function that an instruction belongs to.
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> function_around(std::size_t insn) const {
    const auto next = std::ranges::upper_bound(starts_, static_cast<std::uint32_t>(insn));
    return {*std::prev(next), next == starts_.end() ? std::ssize(insns_) : *next};
  }

  // Control must not fall from one function into the next or off the end.
  Result<> check_ends() {
    for (std::size_t number = 0; number < starts_.size(); ++number) {
      const std::size_t end = number + 1 < starts_.size() ? starts_[number + 1] : insns_.size();
      const auto& last = decoded_[end - 1];
      const bool leaves =
          last && (std::holds_alternative<Exit>(*last) || std::holds_alternative<Jump>(*last));
      if (!leaves) return refuse_at(end - 1, "last insn is not an exit or jmp");
    }
    return {};
  }

  // The distance from this operation to the target of a jump.
  Result<std::int32_t> distance_to(std::int32_t distance) {
    const auto [first, end] = function_around(at_);
    const std::int64_t target = static_cast<std::int64_t>(at_) + 1 + distance;
    if (target < first || target >= end)
      return refuse(fmt::format("jump out of range from insn {} to {}", at_, target));
    if (!decoded_[static_cast<std::size_t>(target)])
      return refuse(fmt::format("jump into the middle of ldimm64 insn {}", target));
    return distance + 1;
  }

  Result<> emit(const Operation& operation) {
    code_->operations[at_] = operation;
    return {};
  }
  // What imm of a load or store holds: the function that does the access if it goes to the context.
  template <class Function>
  static std::int64_t address_of(Function* function) {
    return static_cast<std::int64_t>(reinterpret_cast<std::uint64_t>(function));
  }
  // Sets src or imm from the second operand.
  static Operation with_source(Operation operation, const Operand& source) {
    if (const auto* reg = std::get_if<Reg>(&source)) {
      operation.src = index_of(*reg);
    } else {
      operation.imm = std::get<std::int32_t>(source);
    }
    return operation;
  }

  Result<> lower(const Alu& alu) {
    return emit(with_source({.code = opcode_of(alu), .dst = index_of(alu.dst)}, alu.source));
  }
  Result<> lower(const MoveSignExtended& move) {
    return emit({.code = opcode_of(move), .dst = index_of(move.dst), .src = index_of(move.src)});
  }
  Result<> lower(const Negate& negate) {
    return emit({.code = opcode_of(negate), .dst = index_of(negate.dst)});
  }
  Result<> lower(const SwapBytes& swap) { return emit({.code = opcode_of(swap), .dst = index_of(swap.dst)}); }
  Result<> lower(const Load& load) {
    // Until a verifier follows pointers, every byte load at that offset counts as one from the context.
    if (load.size == kB && load.off == kTstampTypeOffset) reads_tstamp_type_ = true;
    const SkbReader reader = load.sign_extend ? nullptr
                                              : skb_reader(static_cast<std::uint64_t>(std::int64_t{load.off}),
                                                           bytes_of(load.size));
    return emit({.code = opcode_of(load),
                 .dst = index_of(load.dst),
                 .src = index_of(load.base),
                 .off = load.off,
                 .imm = address_of(reader)});
  }
  Result<> lower(const Store& store) {
    Operation operation{.code = opcode_of(store), .dst = index_of(store.base), .off = store.off};
    if (std::holds_alternative<Reg>(store.source))
      operation.imm =
          address_of(skb_writer(static_cast<std::uint64_t>(std::int64_t{store.off}), bytes_of(store.size)));
    return emit(with_source(operation, store.source));
  }
  Result<> lower(const Atomic& atomic) {
    return emit({.code = opcode_of(atomic),
                 .dst = index_of(atomic.base),
                 .src = index_of(atomic.src),
                 .off = atomic.off});
  }
  Result<> lower(const LoadAcquire& load) {
    return emit(
        {.code = opcode_of(load), .dst = index_of(load.dst), .src = index_of(load.base), .off = load.off});
  }
  Result<> lower(const StoreRelease& store) {
    return emit({.code = opcode_of(store),
                 .dst = index_of(store.base),
                 .src = index_of(store.src),
                 .off = store.off});
  }
  Result<> lower(const LegacyLoad& load) {
    return emit({.code = load.indirect ? OpCode::kLegacyIndirect : OpCode::kLegacyAbsolute,
                 .dst = static_cast<std::uint8_t>(bytes_of(load.size)),
                 .src = index_of(load.index),
                 .imm = load.offset});
  }

  Result<> lower(const Jump& jump) {
    return emit({.code = OpCode::kJump, .off = TRY(distance_to(jump.distance))});
  }
  Result<> lower(const ConditionalJump& jump) {
    const Operation operation{
        .code = opcode_of(jump), .dst = index_of(jump.dst), .off = TRY(distance_to(jump.distance))};
    return emit(with_source(operation, jump.source));
  }
  Result<> lower(const MayGoto& jump) {
    return emit({.code = OpCode::kMayGoto, .off = TRY(distance_to(jump.distance))});
  }
  Result<> lower(const Exit&) { return emit({.code = OpCode::kExit}); }

  Result<> lower(const CallLocal& call) {
    return emit({.code = OpCode::kCallLocal, .off = call.distance + 1});
  }
  Result<> lower(const CallKfunc& call) {
    const auto number = static_cast<std::uint32_t>(call.btf_id);
    if (number >= image_->kfuncs.size() || call.module != 0)
      return refuse(fmt::format("there is no kernel function number {}, the program names {}", number,
                                image_->kfuncs.size()));
    const std::string& name = image_->kfuncs[number];
    const Helper* kfunc = find_kfunc(name);
    if (kfunc == nullptr) return refuse(unknown_kfunc(name));
    return emit_call(*kfunc);
  }
  static std::string unknown_kfunc(std::string_view name) {
    const std::string_view what = refused_kfunc(name);
    if (what.empty()) return fmt::format("there is no kernel function {}", name);
    return fmt::format("kernel function {} is not supported ({})", name, what);
  }
  Result<> lower(const CallHelper& call) {
    if (call.number == kPoisonedCall) return emit({.code = OpCode::kCallPoisoned});
    const auto number = static_cast<std::uint32_t>(call.number);
    const Helper* helper = find_helper(number);
    if (helper == nullptr) return refuse(unknown_helper(number));
    if (number == kMapLookup) {
      if (const Map* map = expected_map()) return emit({.code = OpCode::kCallLookup, .imm = address_of(map)});
    }
    return emit_call(*helper);
  }
  // The map that R1 most likely is at a lookup: what was loaded into it last, a few instructions before. The
  // call looks whether that is so. Null: none in sight that helpers of this kind take.
  [[nodiscard]] const Map* expected_map() const {
    constexpr std::size_t kSight = 16;
    for (std::size_t at = at_; at-- > 0 && at + kSight > at_;) {
      const auto* load = decoded_[at] ? std::get_if<LoadImm64>(&*decoded_[at]) : nullptr;
      if (load == nullptr || load->dst != Reg::r1 || (load->kind != kMapFd && load->kind != kMapIndex))
        continue;
      const auto number = static_cast<std::uint32_t>(load->low);
      if (number >= image_->maps.size()) return nullptr;
      const Map* map = image_->maps[number].get();
      return helper_takes_map(kMapLookup, map->spec().type) ? map : nullptr;
    }
    return nullptr;
  }
  Result<> emit_call(const Helper& helper) {
    const Contract& contract = helper.contract;
    if ((contract.effects & kGplOnly) != 0 && !image_->gpl_compatible) {
      return refuse(fmt::format("cannot call GPL-restricted function {}#{} from non-GPL compatible program",
                                c_name(helper), helper.number));
    }
    const OpCode code = (contract.effects & kTailCall) != 0 ? OpCode::kCallTail
                        : is_plain(contract)                ? OpCode::kCallPlain
                                                            : OpCode::kCallChecked;
    return emit({.code = code, .imm = static_cast<std::int64_t>(reinterpret_cast<std::uint64_t>(&helper))});
  }
  static std::string unknown_helper(std::uint32_t number) {
    const std::string_view name = kernel_helper_name(number);
    if (name.empty()) return fmt::format("invalid func unknown#{}", number);
    const std::string_view why = refused_helper(number);
    return fmt::format("helper bpf_{}#{} is not supported ({})", name, number,
                       why.empty() ? "no program of this type can use it" : why);
  }

  Result<> lower(const LoadImm64& load) {
    return emit({.code = OpCode::kLoadConstant,
                 .dst = index_of(load.dst),
                 .imm = static_cast<std::int64_t>(TRY(constant(load)))});
  }
  Result<std::uint64_t> constant(const LoadImm64& load) {
    switch (load.kind) {
      case kImm64:
        return load.value();
      case kMapFd:
      case kMapIndex:
        return reinterpret_cast<std::uint64_t>(TRY(map(load)));
      case kMapValue:
      case kMapIndexValue:
        return map_value(*TRY(map(load)), static_cast<std::uint32_t>(load.high));
      case kFunction:
        if (static_cast<std::uint32_t>(load.low) >= code_->functions.size())
          return refuse(fmt::format("there is no function number {}", load.low));
        return kFunctionTag + static_cast<std::uint32_t>(load.low);
      case kKernelVariable:
        return refuse("kernel variables (ksym) are not supported");
    }
    return refuse("unrecognized bpf_ld_imm64 insn");
  }
  Result<Map*> map(const LoadImm64& load) {
    const auto number = static_cast<std::uint32_t>(load.low);
    if (number >= image_->maps.size())
      return refuse(
          fmt::format("there is no map number {}, the program has {}", number, image_->maps.size()));
    return image_->maps[number].get();
  }
  Result<std::uint64_t> map_value(const Map& map, std::uint32_t offset) {
    const Region value = map.direct_value();
    if (value.size == 0)
      return refuse(fmt::format(
          "the value of map '{}' cannot be addressed directly, only that of an array of one element",
          map.spec().name));
    if (offset >= value.size)
      return refuse(
          fmt::format("invalid access to map value pointer, value_size={} off={}", value.size, offset));
    if (std::ranges::find(code_->globals, value.base, &Region::base) == code_->globals.end())
      code_->globals.push_back(value);
    return value.base + offset;
  }

  const ProgramImage* image_;
  std::span<const Insn> insns_;
  std::unique_ptr<InterpretedCode> code_ = std::make_unique<InterpretedCode>();
  std::vector<std::optional<Instruction>> decoded_;  // none: second slot of a wide instruction
  std::vector<std::uint32_t> starts_;                // first instructions of all functions, sorted
  std::size_t at_ = 0;                               // the instruction being lowered
  bool reads_tstamp_type_ = false;
};

}  // namespace

Result<std::unique_ptr<Program>> prepare_interpreted(std::shared_ptr<const ProgramImage> image) {
  if (image->type != ProgramType::kSchedCls && image->type != ProgramType::kSchedAct) {
    return fail(
        EINVAL,
        fmt::format("program {} has type {}; programs of type sched_cls (3) and sched_act (4) run here",
                    image->name, std::to_underlying(image->type)));
  }
  Preparation preparation(*image);
  Result<std::unique_ptr<InterpretedCode>> code = preparation.run();
  if (!code) return fail(code.error().code, fmt::format("program {}: {}", image->name, code.error().text));

  for (const auto& map : image->maps) TRY(admit_map_user(*map, image->type, image->expected_attach_type));

  auto program = std::make_unique<Program>();
  program->name = image->name;
  program->tag = program_tag(image->insns);
  program->type = image->type;
  program->expected_attach_type = image->expected_attach_type;
  program->gpl_compatible = image->gpl_compatible;
  program->reads_tstamp_type = preparation.reads_tstamp_type();
  program->uid = ::getuid();
  program->load_time = clock_ns(CLOCK_BOOTTIME);
  program->entry = interpreter_entry();
  program->call = interpreter_call();
  program->code = std::move(*code);
  program->image = std::move(image);
  return program;
}

}  // namespace netkit::bpf
