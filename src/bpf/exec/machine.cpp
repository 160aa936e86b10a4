#include "bpf/exec/machine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include "bpf/exec/interpreter.h"
#include "bpf/exec/position.h"
#include "bpf/map/map.h"
#include "bpf/run/skb.h"
#include "bpf/run/socket.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kZeroStep = 64;             // bytes of stack zeroed at a time
constexpr std::uint32_t kSpinUnlock = 94;           // the one helper for holders of a spin lock
constexpr std::uint32_t kMayGotoLimit = 8'388'608;  // BPF_MAX_LOOPS

std::string_view word_for(AccessKind kind) {
  switch (kind) {
    case AccessKind::kRead:
      return "read";
    case AccessKind::kWrite:
      return "write";
    case AccessKind::kAtomic:
      return "atomic access";
  }
  return "access";
}

}  // namespace

Machine::Machine(RunContext& run, const Program& program)
    : run_(&run), top_(reinterpret_cast<std::uint64_t>(run.stack.data() + run.stack.size())), zeroed_(top_) {
  frame().may_goto = kMayGotoLimit;
  run.regions.stack = {top_, 0, RegionKind::kStack, true, 0};
  enter_program(program);
}

void Machine::enter_program(const Program& program) {
  code_ = static_cast<const InterpretedCode*>(program.code.get());
  run_->program = &program;
  run_->regions.enter(code_->globals);
}

bool Machine::enter_frame(const Operation* at) {
  if (depth_ + 1 - chain_ == kMaxCallDepth || depth_ + 1 == kMaxFrames) {
    fault(at, fmt::format("the call stack is {} frames deep, no more are allowed", depth_ + 1 - chain_));
    return false;
  }
  zero_stack_down_to(frame_pointer() - kStackSize);
  ++depth_;
  frame().program = run_->program;
  frame().chain = chain_;
  frame().may_goto = kMayGotoLimit;
  return true;
}

void Machine::leave_frame() {
  if (run_->program != frame().program) enter_program(*frame().program);
  chain_ = frame().chain;
  --depth_;
  place_stack_region();
}

bool Machine::take_tail_call(const Operation* at, std::uint32_t base_depth) {
  const Program& target = *std::exchange(run_->tail_target, nullptr);
  if (base_depth != 0) {
    fault(at, "tail call inside a callback");
    return false;
  }
  if (target.entry != run_->program->entry) {
    fault(at, fmt::format("tail call to program {} that another engine has prepared", target.id));
    return false;
  }
  chain_ = depth_;
  enter_program(target);
  return true;
}

// ---- memory ----

void Machine::zero_stack_down_to(std::uint64_t address) {
  if (address >= zeroed_) return;
  const std::uint64_t used =
      (top_ - address + kZeroStep - 1) / kZeroStep * kZeroStep;  // frames are multiples of it
  const std::uint64_t low = top_ - used;
  std::memset(reinterpret_cast<void*>(low), 0, zeroed_ - low);
  zeroed_ = low;
  place_stack_region();
}

void Machine::place_stack_region() {
  const std::uint64_t base = std::max(zeroed_, frame_pointer() - kStackSize);
  run_->regions.stack.base = base;
  run_->regions.stack.size = top_ - base;
}

const Region* Machine::find(std::uint64_t address, std::uint64_t size) {
  const Region* region = run_->regions.find(address, size);
  return region != nullptr ? region : touch_stack(address, size);
}

const Region* Machine::touch_stack(std::uint64_t address, std::uint64_t size) {
  const std::uint64_t low = frame_pointer() - kStackSize;
  const Region live{low, top_ - low, RegionKind::kStack, true, 0};
  if (!live.holds(address, size)) return nullptr;
  zero_stack_down_to(address);
  return &run_->regions.stack;
}

bool Machine::load_context(const Operation* at, std::uint64_t address, std::uint32_t size, bool sign_extend,
                           std::uint64_t& value) {
  const auto offset = static_cast<std::uint32_t>(address - run_->regions.context.base);
  const SkbFieldInfo* field = skb_readable(offset, size);
  if (field == nullptr || (field->pointer && sign_extend))
    return refuse_access(at, AccessKind::kRead, address, size);
  value = skb_read(*run_, *field, offset, size);
  if (field->field == SkbField::kSk && value != 0)
    run_->regions.hand_out({value, sizeof(SockImage), RegionKind::kSocket, false, 0});
  return true;
}

bool Machine::store_context(const Operation* at, std::uint64_t address, std::uint32_t size,
                            std::uint64_t value) {
  const auto offset = static_cast<std::uint32_t>(address - run_->regions.context.base);
  const SkbFieldInfo* field = skb_writable(offset, size);
  if (field == nullptr) return refuse_access(at, AccessKind::kWrite, address, size);
  skb_write(*run_, *field, offset, size, value);
  return true;
}

bool Machine::load_kernel(const Operation* at, std::uint64_t address, std::uint32_t size,
                          std::uint64_t& value) {
  if (!run_->kernel.in_use) return refuse_access(at, AccessKind::kRead, address, size);
  value = 0;
  static_cast<void>(
      read_kernel_memory(*run_, address, std::as_writable_bytes(std::span(&value, 1)).first(size)));
  return true;
}

bool Machine::check_atomic(const Operation* at, std::uint64_t address, std::uint32_t size, AccessKind kind) {
  const Region* region = find(address, size);
  const bool reads_only = kind == AccessKind::kRead;
  const bool allowed = region != nullptr && region->kind != RegionKind::kContext &&
                       region->kind != RegionKind::kPacket && !is_socket(*region) &&
                       (region->writable || reads_only) && address % size == 0;
  return allowed || refuse_access(at, AccessKind::kAtomic, address, size);
}

bool Machine::load_socket(const Operation* at, const Region& region, std::uint64_t address,
                          std::uint32_t size) {
  return sock_readable(region.kind, address - region.base, size) ||
         refuse_access(at, AccessKind::kRead, address, size);
}

bool Machine::check_legacy(const Operation* at, std::uint64_t r6) {
  if (r6 == context_address()) return true;
  fault(at, "at the time of BPF_LD_ABS|IND R6 != pointer to skb");
  return false;
}

// ---- calls ----

bool Machine::call_lookup(const Operation* at, Registers& r) {
  auto* map = reinterpret_cast<Map*>(at->imm);
  const std::uint64_t key_size = map->spec().key_size;
  const bool key_is_near =
      run_->regions.stack.holds(r[2], key_size) || run_->regions.packet.holds(r[2], key_size);
  if (r[1] != static_cast<std::uint64_t>(at->imm) || !key_is_near || run_->references.holds_lock())
    return call_checked(at, *find_helper(kMapLookup), r);
  r[0] = reinterpret_cast<std::uint64_t>(
      map->operations().lookup(*map, reinterpret_cast<const void*>(r[2]), run_->cpu));
  if (r[0] != 0) admit_value(*map, r[0]);
  return true;
}

bool Machine::call_checked(const Operation* at, const Helper& helper, Registers& r) {
  if (run_->references.holds_lock() && helper.number != kSpinUnlock) {
    fault(at, fmt::format("bpf_{} is called while a spin lock is held", helper.name));
    return false;
  }
  if (!check_arguments(*this, at, helper, r)) return false;
  const Operation* const outer = std::exchange(calling, at);
  const std::uint64_t first = r[1];
  r[0] = helper.function(*run_, r[1], r[2], r[3], r[4], r[5]);
  calling = outer;
  if (run_->fault.happened) return false;
  if (helper.contract.result == Return::kMapValueOrNull && r[0] != 0)
    admit_value(*reinterpret_cast<const Map*>(first), r[0]);
  if ((helper.contract.effects & kChangesPacket) != 0) run_->packet_moved();
  return true;
}

void Machine::admit_value(const Map& map, std::uint64_t value) {
  if (!map.holds_maps()) {
    run_->regions.hand_out(
        {value, map.spec().value_size, RegionKind::kMapValue, map.program_may_write(), map.id()});
  } else if (!knows_map(value)) {
    run_->found_maps.push_back(value);
  }
}

bool Machine::knows_map(std::uint64_t address) const {
  return std::ranges::binary_search(code_->maps, address) ||
         std::ranges::find(run_->found_maps, address) != run_->found_maps.end();
}

const Map* Machine::map_of(const Region& region) const {
  if (region.kind != RegionKind::kMapValue && region.kind != RegionKind::kGlobalData) return nullptr;
  for (const auto& maps : {std::cref(code_->maps), std::cref(std::as_const(run_->found_maps))}) {
    for (const std::uint64_t address : maps.get()) {
      const auto* map = reinterpret_cast<const Map*>(address);
      if (map->id() == region.owner) return map;
    }
  }
  return nullptr;
}

const Operation* Machine::function(const Operation* at, std::uint64_t value) {
  const std::uint64_t number = value - kFunctionTag;
  if (number >= code_->functions.size()) {
    fault(at, "call back to what is not a function of the program");
    return nullptr;
  }
  return &code_->operations[code_->functions[number]];
}

void Machine::observe(const Operation* at, const Registers& r) {
  const auto insn = static_cast<std::uint32_t>(at - code_->operations.data());
  run_->observer->step(
      {.run = *run_, .insn = insn, .depth = depth_, .frame_pointer = frame_pointer(), .registers = r});
}

// ---- faults ----

void Machine::fault(const Operation* at, std::string text) {
  if (run_->fault.happened) return;
  const auto insn = static_cast<std::uint32_t>(at - code_->operations.data());
  run_->fault = {true, insn, fmt::format("{}, {}", text, position_of(*run_->program->image, insn))};
}

void Machine::fault_budget(const Operation* at) {
  fault(at, fmt::format("the program did not end within {} instructions", run_->instruction_limit));
}

void Machine::fault_poisoned(const Operation* at) {
  const auto insn = static_cast<std::uint32_t>(at - code_->operations.data());
  const std::string_view what = run_->program->image->poison_at(insn);
  if (what.empty()) return fault(at, "reached an access whose CO-RE relocation found no target");
  fault(at, fmt::format("reached {}, which is not here", what));
}

void Machine::fault_unreleased(const Operation* at) {
  fault(at, fmt::format("the program ends with an unreleased {}",
                        reference_kind_name(run_->references.newest().kind)));
}

bool Machine::refuse_access(const Operation* at, AccessKind kind, std::uint64_t address, std::uint64_t size) {
  const Region* region = run_->regions.find(address, size);
  std::string_view reason;
  if (region != nullptr && region->kind == RegionKind::kContext) {
    reason = kind == AccessKind::kAtomic ? ": the context takes no atomics" : ": invalid bpf_context access";
  } else if (region != nullptr && kind == AccessKind::kAtomic && address % size != 0) {
    reason = ": atomics must be aligned";
  } else if (region != nullptr && kind == AccessKind::kAtomic && region->kind == RegionKind::kPacket) {
    reason = ": packets take no atomics";
  } else if (region != nullptr && is_socket(*region)) {
    reason = kind == AccessKind::kRead ? ": invalid sock access" : ": sockets are read-only";
  } else if (region != nullptr) {
    reason = ": read-only";
  }
  fault(at, fmt::format("{} of {} byte{} at {}{}", word_for(kind), size, size == 1 ? "" : "s",
                        describe_address(*run_, frame_pointer(), address), reason));
  return false;
}

}  // namespace netkit::bpf
