#include "bpf/trace/instruction_effects.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "bpf/helper/helper.h"
#include "bpf/helper/kfunc.h"
#include "bpf/isa/disassembler.h"
#include "bpf/map/map.h"
#include "bpf/object/image.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kMostText = 64;  // characters of a string argument

std::uint64_t value_of(const Step& step, Reg reg) {
  return step.registers[number_of(reg)];
}
std::uint64_t value_of(const Step& step, const Operand& operand) {
  if (const auto* reg = std::get_if<Reg>(&operand)) return value_of(step, *reg);
  return static_cast<std::uint64_t>(std::int64_t{std::get<std::int32_t>(operand)});
}
std::uint64_t address_of(const Step& step, Reg base, std::int16_t offset) {
  return value_of(step, base) + static_cast<std::uint64_t>(std::int64_t{offset});
}

const ProgramImage& image_of(const Step& step) {
  return *step.run.program->image;
}

std::string function_at(const Step& step, std::int64_t insn) {
  for (const Function& function : image_of(step).functions) {
    if (function.first == insn) return function.name;
  }
  return fmt::format("insn {}", insn);
}

// The row of the helper or kernel function that an instruction calls; null: it calls none that we have.
const Helper* called_helper(const Step& step, const Instruction& instruction) {
  if (const auto* call = std::get_if<CallHelper>(&instruction))
    return find_helper(static_cast<std::uint32_t>(call->number));
  const auto* call = std::get_if<CallKfunc>(&instruction);
  if (call == nullptr) return nullptr;
  const auto& names = image_of(step).kfuncs;
  const auto number = static_cast<std::size_t>(call->btf_id);
  return number < names.size() ? find_kfunc(names[number]) : nullptr;
}

// "\"mark %d\"", if the memory is a text with its zero at the end or before; else "".
std::string text_at(const Step& step, std::uint64_t address, std::uint64_t size) {
  const Region* region = step.run.regions.find(address, 1);
  if (region == nullptr || region->kind == RegionKind::kContext) return {};
  const std::uint64_t most = std::min({size, region->size - (address - region->base), kMostText});
  const std::string_view bytes(reinterpret_cast<const char*>(address), most);
  const std::string_view text = bytes.substr(0, bytes.find('\0'));
  const bool printable =
      std::ranges::all_of(text, [](char c) { return (c >= ' ' && c <= '~') || c == '\n'; });
  if (text.empty() || text.size() == bytes.size() || !printable) return {};
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '\n' ? std::string("\\n") : std::string(1, c);
  return quoted + '"';
}

class Arguments {
 public:
  Arguments(const Step& step, const Helper& helper, const ValueNames& names)
      : step_(&step), helper_(&helper), names_(&names) {}

  [[nodiscard]] std::vector<std::string> all() const {
    std::vector<std::string> texts;
    for (std::size_t index = 0; index < helper_->contract.arguments.size(); ++index) {
      if (helper_->contract.arguments[index] == Arg::kNone) break;
      texts.push_back(one(index));
    }
    return texts;
  }

 private:
  [[nodiscard]] std::uint64_t value(std::size_t index) const { return step_->registers[index + 1]; }
  [[nodiscard]] const Map* map() const { return ValueNames::map_at(*step_, value(0)); }

  [[nodiscard]] std::string one(std::size_t index) const {
    const std::string name = names_->name(*step_, value(index));
    switch (helper_->contract.arguments[index]) {
      case Arg::kMapKey:
        return name +
               (map() != nullptr ? ValueNames::bytes(*step_, value(index), map()->spec().key_size) : "");
      case Arg::kMapValue:
        return name +
               (map() != nullptr ? ValueNames::bytes(*step_, value(index), map()->spec().value_size) : "");
      case Arg::kMem:
      case Arg::kMemOrNull:
      case Arg::kPacketMem:
      case Arg::kPacketMemOrNull: {
        const std::string text = text_at(*step_, value(index), value(index + 1));
        return text.empty() ? name + ValueNames::bytes(*step_, value(index), value(index + 1)) : text;
      }
      case Arg::kConstString: {
        const std::string text = text_at(*step_, value(index), kMostText);
        return text.empty() ? name : text;
      }
      default:
        return name;
    }
  }

  const Step* step_;
  const Helper* helper_;
  const ValueNames* names_;
};

class Effects {
 public:
  Effects(const Step& step, const ValueNames& names, TraceRecord& record)
      : step_(&step), names_(&names), record_(&record) {}

  void operator()(const Load& load) { access(TraceAccess::kRead, load.size, load.base, load.off); }
  void operator()(const LoadAcquire& load) { access(TraceAccess::kRead, load.size, load.base, load.off); }
  void operator()(const Store& store) {
    access(TraceAccess::kWrite, store.size, store.base, store.off);
    set_value(value_of(*step_, store.source), store.size);
  }
  void operator()(const StoreRelease& store) {
    access(TraceAccess::kWrite, store.size, store.base, store.off);
    set_value(value_of(*step_, store.src), store.size);
  }
  void operator()(const Atomic& atomic) {
    access(TraceAccess::kAtomic, atomic.size, atomic.base, atomic.off);
    set_value(value_of(*step_, atomic.src), atomic.size);
  }
  void operator()(const CallHelper& call) { call_helper(call, fmt::format("helper#{}", call.number)); }
  void operator()(const CallKfunc& call) { call_helper(call, fmt::format("kfunc#{}", call.btf_id)); }
  void operator()(const CallLocal& call) {
    record_->events.push_back(
        TracedCall{.name = function_at(*step_, std::int64_t{step_->insn} + 1 + call.distance),
                   .arguments = {},
                   .result = {}});
  }
  void operator()(const auto&) {}

 private:
  void access(TraceAccess kind, InsnSize size, Reg base, std::int16_t offset) {
    record_->events.push_back(
        TracedAccess{.kind = kind,
                     .size = bytes_of(size),
                     .place = names_->place(*step_, address_of(*step_, base, offset), bytes_of(size)),
                     .value = {}});
  }
  void set_value(std::uint64_t value, InsnSize size) {
    if (bytes_of(size) < sizeof value) value &= (std::uint64_t{1} << (bytes_of(size) * 8)) - 1;
    std::get<TracedAccess>(record_->events.back()).value = names_->name(*step_, value);
  }
  void call_helper(const Instruction& instruction, std::string unknown) {
    const Helper* helper = called_helper(*step_, instruction);
    TracedCall call{.name = std::move(unknown), .arguments = {}, .result = {}};
    if (helper != nullptr) {
      call.name = c_name(*helper);
      call.arguments = Arguments(*step_, *helper, *names_).all();
    }
    record_->events.push_back(std::move(call));
  }

  const Step* step_;
  const ValueNames* names_;
  TraceRecord* record_;
};

}  // namespace

std::string traced_disasm(const Step& step, const Instruction& instruction) {
  const ProgramImage& image = image_of(step);
  const auto map_name = [&](const LoadImm64& load) -> std::string {
    const auto number = static_cast<std::size_t>(load.low);
    if (load.kind == kFunction && number < image.functions.size())
      return fmt::format("subprog[{}]", image.functions[number].name);
    if ((load.kind != kMapFd && load.kind != kMapValue) || number >= image.maps.size()) return {};
    const std::string& name = image.maps[number]->spec().name;
    return load.kind == kMapFd ? fmt::format("map[{}]", name) : fmt::format("map[{}][0]+{}", name, load.high);
  };
  const Naming naming{.helper = [](std::uint32_t number) { return std::string(kernel_helper_name(number)); },
                      .pseudo = map_name,
                      .kfunc =
                          [&](std::int32_t number) {
                            const auto index = static_cast<std::size_t>(number);
                            return index < image.kfuncs.size() ? image.kfuncs[index] : std::string{};
                          }};
  return fmt::format("({:02x}) {}", image.insns[step.insn].opcode, disassemble(instruction, naming));
}

void add_effects(const Step& step, const Instruction& instruction, const ValueNames& names,
                 TraceRecord& record) {
  std::visit(Effects(step, names, record), instruction);
}

std::optional<Reg> loaded_register(const Instruction& instruction) {
  if (const auto* load = std::get_if<Load>(&instruction)) return load->dst;
  if (const auto* load = std::get_if<LoadAcquire>(&instruction)) return load->dst;
  return std::nullopt;
}

bool returns_value(const Step& step, const Instruction& instruction) {
  const Helper* helper = called_helper(step, instruction);
  return helper == nullptr || helper->contract.result != Return::kVoid;
}

std::string looked_up(const Step& step, const Instruction& instruction) {
  const Helper* helper = called_helper(step, instruction);
  if (helper == nullptr || helper->contract.result != Return::kMapValueOrNull) return {};
  const Map* map = ValueNames::map_at(step, step.registers[1]);
  if (map == nullptr || helper->contract.arguments[1] != Arg::kMapKey) return {};
  return fmt::format("{}[{}]", map->spec().name,
                     ValueNames::hex(step, step.registers[2], map->spec().key_size));
}

}  // namespace netkit::bpf
