// The loop that executes prepared operations.
//
// Theory of operation. Each operation ends by jumping to the code of the next one (direct-threaded by a table
// of labels). Registers are an array; R10 is written when a frame opens. Loads and stores test the live stack
// and the packet inline, everything else is the machine's. The budget is charged where control is
// transferred: what was executed since the last transfer is the distance of the two operations, so straight
// code costs nothing extra. A fault is recorded in the run, and every activation of the loop (callbacks nest
// them) returns at once. The loop is there twice: as it is, and for runs that an observer follows.
#include "bpf/exec/interpreter.h"

#include <bit>
#include <cstring>

#include "bpf/exec/arithmetic.h"
#include "bpf/exec/legacy_load.h"
#include "bpf/exec/machine.h"
#include "bpf/exec/operation.h"
#include "bpf/run/skb.h"

namespace netkit::bpf {
namespace {

void preserve(Machine::Frame& frame, const Registers& r) {
  std::memcpy(frame.preserved.data(), &r[6], sizeof frame.preserved);
}
void restore(const Machine::Frame& frame, Registers& r) {
  std::memcpy(&r[6], frame.preserved.data(), sizeof frame.preserved);
}
void clobber(Registers& r) {
  r[1] = r[2] = r[3] = r[4] = r[5] = kClobbered;
}

template <class T>
T* pointer(std::uint64_t address) {
  return reinterpret_cast<T*>(address);
}

template <class T>
T private_load(std::uint64_t address) {
  T value;
  std::memcpy(&value, pointer<const void>(address), sizeof value);
  return value;
}

template <class T>
void private_store(std::uint64_t address, T value) {
  std::memcpy(pointer<void>(address), &value, sizeof value);
}

// What prepare put into a load or store of a register.
template <class Function>
Function function(const Operation* at) {
  return reinterpret_cast<Function>(static_cast<std::uint64_t>(at->imm));
}

// Labels as values are an extension that g++ and clang share.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"

// Executes from `pc` until the frame that is open now exits; returns R0, or kDrop after a fault.
template <bool kObserved>
std::uint64_t execute(Machine& machine, const Operation* pc, Registers& r) {
  // In the order of OpCode.
  static const void* const kLabels[] = {
#define NETKIT_LABEL(name) &&name,
#define NETKIT_LABEL_FOUR(name) NETKIT_FOUR_FORMS(NETKIT_LABEL, name)
#define NETKIT_LABEL_LOAD(name, type, extended) &&name,
#define NETKIT_LABEL_SIZE(bits, type) \
  &&Store##bits##K, &&Store##bits##X, &&LoadAcquire##bits, &&StoreRelease##bits,
#define NETKIT_LABEL_ATOMIC(name, function) \
  &&Atomic##name##32, &&Atomic##name##64, &&Fetch##name##32, &&Fetch##name##64,
      NETKIT_BINARY_OPERATIONS(NETKIT_LABEL_FOUR) NETKIT_COMPARISONS(NETKIT_LABEL_FOUR)
          NETKIT_LOADS(NETKIT_LABEL_LOAD) NETKIT_SIZES(NETKIT_LABEL_SIZE) NETKIT_ATOMICS(NETKIT_LABEL_ATOMIC)
              NETKIT_OTHER_OPERATIONS(NETKIT_LABEL)};

  RunContext& run = machine.run();
  const RegionTable& regions = run.regions;
  const std::uint64_t context = machine.context_address();
  const std::uint32_t base_depth = machine.depth();
  const Operation* segment = pc;  // first operation that is not charged yet
  std::uint64_t address = 0;

  // The instructions from `first` to `last`, both included, are paid for. By value: `pc` must stay in a
  // register, and would not if anything took its address.
  const auto charge = [&run](const Operation* first, const Operation* last) {
    const auto executed = static_cast<std::uint64_t>(last - first) + 1;
    if (run.budget < executed) return false;
    run.budget -= executed;
    return true;
  };

#define DISPATCH()                                     \
  do {                                                 \
    if constexpr (kObserved) machine.observe(pc, r);   \
    goto* kLabels[static_cast<std::size_t>(pc->code)]; \
  } while (false)
#define NEXT()  \
  do {          \
    ++pc;       \
    DISPATCH(); \
  } while (false)
#define TRANSFER(distance)                 \
  do {                                     \
    if (!charge(segment, pc)) [[unlikely]] \
      goto exhausted;                      \
    segment = pc += (distance);            \
    DISPATCH();                            \
  } while (false)

  DISPATCH();

#define NETKIT_BINARY(name)                                                                                  \
  name##64K : r[pc->dst] = arithmetic::name<std::uint64_t>(r[pc->dst], static_cast<std::uint64_t>(pc->imm)); \
  NEXT();                                                                                                    \
  name##64X : r[pc->dst] = arithmetic::name<std::uint64_t>(r[pc->dst], r[pc->src]);                          \
  NEXT();                                                                                                    \
  name##32K : r[pc->dst] = arithmetic::name<std::uint32_t>(static_cast<std::uint32_t>(r[pc->dst]),           \
                                                           static_cast<std::uint32_t>(pc->imm));             \
  NEXT();                                                                                                    \
  name##32X : r[pc->dst] = arithmetic::name<std::uint32_t>(static_cast<std::uint32_t>(r[pc->dst]),           \
                                                           static_cast<std::uint32_t>(r[pc->src]));          \
  NEXT();
  NETKIT_BINARY_OPERATIONS(NETKIT_BINARY)

#define NETKIT_COMPARE(name)                                                                               \
  name##64K : if (arithmetic::name<std::uint64_t>(r[pc->dst], static_cast<std::uint64_t>(pc->imm)))        \
                  TRANSFER(pc->off);                                                                       \
  NEXT();                                                                                                  \
  name##64X : if (arithmetic::name<std::uint64_t>(r[pc->dst], r[pc->src])) TRANSFER(pc->off);              \
  NEXT();                                                                                                  \
  name##32K : if (arithmetic::name<std::uint32_t>(static_cast<std::uint32_t>(r[pc->dst]),                  \
                                                  static_cast<std::uint32_t>(pc->imm))) TRANSFER(pc->off); \
  NEXT();                                                                                                  \
  name##32X : if (arithmetic::name<std::uint32_t>(static_cast<std::uint32_t>(r[pc->dst]),                  \
                                                  static_cast<std::uint32_t>(r[pc->src])))                 \
                  TRANSFER(pc->off);                                                                       \
  NEXT();
  NETKIT_COMPARISONS(NETKIT_COMPARE)

#define NETKIT_LOAD(name, type, extended_type)                                                     \
  name: {                                                                                          \
    constexpr bool kSigned = std::is_signed_v<extended_type>;                                      \
    std::uint64_t value;                                                                           \
    address = r[pc->src] + static_cast<std::uint64_t>(std::int64_t{pc->off});                      \
    if (regions.stack.holds(address, sizeof(type)) || regions.packet.holds(address, sizeof(type))) \
        [[likely]] {                                                                               \
      value = private_load<type>(address);                                                         \
    } else if (r[pc->src] == context && pc->imm != 0) {                                            \
      value = function<SkbReader>(pc)(run);                                                        \
    } else {                                                                                       \
      std::uint64_t elsewhere = 0;                                                                 \
      if (!machine.load<type>(pc, address, kSigned, elsewhere)) goto faulted;                      \
      value = elsewhere;                                                                           \
    }                                                                                              \
    if constexpr (kSigned) value = arithmetic::extended<extended_type>(value);                     \
    r[pc->dst] = value;                                                                            \
    NEXT();                                                                                        \
  }
  NETKIT_LOADS(NETKIT_LOAD)

#define NETKIT_STORE(name, type, source, written)                                                  \
  name: {                                                                                          \
    address = r[pc->dst] + static_cast<std::uint64_t>(std::int64_t{pc->off});                      \
    if (regions.stack.holds(address, sizeof(type)) || regions.packet.holds(address, sizeof(type))) \
        [[likely]] {                                                                               \
      private_store<type>(address, static_cast<type>(source));                                     \
    } else if (r[pc->dst] == context && written) {                                                 \
      function<SkbWriter>(pc)(run, static_cast<std::uint64_t>(source));                            \
    } else if (!machine.store<type>(pc, address, static_cast<std::uint64_t>(source))) {            \
      goto faulted;                                                                                \
    }                                                                                              \
    NEXT();                                                                                        \
  }
#define NETKIT_STORES(bits, type)                    \
  NETKIT_STORE(Store##bits##K, type, pc->imm, false) \
  NETKIT_STORE(Store##bits##X, type, r[pc->src], pc->imm != 0)
  NETKIT_SIZES(NETKIT_STORES)

#define NETKIT_ORDERED(bits, type)                                                               \
  LoadAcquire##bits : address = r[pc->src] + static_cast<std::uint64_t>(std::int64_t{pc->off});  \
  if (!machine.check_atomic(pc, address, sizeof(type), AccessKind::kRead)) goto faulted;         \
  r[pc->dst] = __atomic_load_n(pointer<type>(address), __ATOMIC_ACQUIRE);                        \
  NEXT();                                                                                        \
  StoreRelease##bits : address = r[pc->dst] + static_cast<std::uint64_t>(std::int64_t{pc->off}); \
  if (!machine.check_atomic(pc, address, sizeof(type), AccessKind::kWrite)) goto faulted;        \
  __atomic_store_n(pointer<type>(address), static_cast<type>(r[pc->src]), __ATOMIC_RELEASE);     \
  NEXT();
  NETKIT_SIZES(NETKIT_ORDERED)

#define NETKIT_ATOMIC(name, type, function, order, result)                      \
  name: {                                                                       \
    address = r[pc->dst] + static_cast<std::uint64_t>(std::int64_t{pc->off});   \
    if (!machine.check_atomic(pc, address, sizeof(type))) goto faulted;         \
    [[maybe_unused]] const type old =                                           \
        function(pointer<type>(address), static_cast<type>(r[pc->src]), order); \
    result;                                                                     \
    NEXT();                                                                     \
  }
#define NETKIT_ATOMIC_FORMS(name, function)                                                   \
  NETKIT_ATOMIC(Atomic##name##32, std::uint32_t, function, __ATOMIC_RELAXED, )                \
  NETKIT_ATOMIC(Atomic##name##64, std::uint64_t, function, __ATOMIC_RELAXED, )                \
  NETKIT_ATOMIC(Fetch##name##32, std::uint32_t, function, __ATOMIC_SEQ_CST, r[pc->src] = old) \
  NETKIT_ATOMIC(Fetch##name##64, std::uint64_t, function, __ATOMIC_SEQ_CST, r[pc->src] = old)
  NETKIT_ATOMICS(NETKIT_ATOMIC_FORMS)

#define NETKIT_COMPARE_EXCHANGE(name, type)                                                              \
  name: {                                                                                                \
    address = r[pc->dst] + static_cast<std::uint64_t>(std::int64_t{pc->off});                            \
    if (!machine.check_atomic(pc, address, sizeof(type))) goto faulted;                                  \
    auto expected = static_cast<type>(r[0]);                                                             \
    __atomic_compare_exchange_n(pointer<type>(address), &expected, static_cast<type>(r[pc->src]), false, \
                                __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                                     \
    r[0] = expected;                                                                                     \
    NEXT();                                                                                              \
  }
  NETKIT_COMPARE_EXCHANGE(Cmpxchg32, std::uint32_t)
  NETKIT_COMPARE_EXCHANGE(Cmpxchg64, std::uint64_t)

#define NETKIT_UNARY(name, expression) \
  name:                                \
  r[pc->dst] = (expression);           \
  NEXT();
  NETKIT_UNARY(Neg64, 0 - r[pc->dst])
  NETKIT_UNARY(Neg32, static_cast<std::uint32_t>(0 - r[pc->dst]))
  NETKIT_UNARY(MovSigned8To64, arithmetic::extended<std::int8_t>(r[pc->src]))
  NETKIT_UNARY(MovSigned16To64, arithmetic::extended<std::int16_t>(r[pc->src]))
  NETKIT_UNARY(MovSigned32To64, arithmetic::extended<std::int32_t>(r[pc->src]))
  NETKIT_UNARY(MovSigned8To32, static_cast<std::uint32_t>(arithmetic::extended<std::int8_t>(r[pc->src])))
  NETKIT_UNARY(MovSigned16To32, static_cast<std::uint32_t>(arithmetic::extended<std::int16_t>(r[pc->src])))
  NETKIT_UNARY(Truncate16, static_cast<std::uint16_t>(r[pc->dst]))
  NETKIT_UNARY(Truncate32, static_cast<std::uint32_t>(r[pc->dst]))
  NETKIT_UNARY(Keep64, r[pc->dst])
  NETKIT_UNARY(Swap16, std::byteswap(static_cast<std::uint16_t>(r[pc->dst])))
  NETKIT_UNARY(Swap32, std::byteswap(static_cast<std::uint32_t>(r[pc->dst])))
  NETKIT_UNARY(Swap64, std::byteswap(r[pc->dst]))

LoadConstant:
  r[pc->dst] = static_cast<std::uint64_t>(pc->imm);
  pc += 2;
  DISPATCH();

LegacyIndirect:
  address = r[pc->src];
  goto legacy_load;
LegacyAbsolute:
  address = 0;
legacy_load:
  if (!machine.check_legacy(pc, r[6])) goto faulted;
  if (const auto loaded = legacy_load(*run.packet, address + static_cast<std::uint64_t>(pc->imm), pc->dst)) {
    r[0] = *loaded;
    clobber(r);
    NEXT();
  }
  r[0] = 0;
  goto Exit;

Jump:
  TRANSFER(pc->off);

MayGoto:
  if (machine.frame().may_goto == 0) TRANSFER(pc->off);
  --machine.frame().may_goto;
  NEXT();

CallPlain:
  r[0] =
      pointer<const Helper>(static_cast<std::uint64_t>(pc->imm))->function(run, r[1], r[2], r[3], r[4], r[5]);
  clobber(r);
  NEXT();

CallChecked:
  if (!machine.call_checked(pc, r)) [[unlikely]]
    goto faulted;
  clobber(r);
  NEXT();

CallLookup:
  if (!machine.call_lookup(pc, r)) [[unlikely]]
    goto faulted;
  clobber(r);
  NEXT();

CallTail:
  if (!machine.call_checked(pc, r)) goto faulted;
  clobber(r);
  if (run.tail_target == nullptr) NEXT();
  if (!charge(segment, pc)) goto exhausted;
  if (!machine.take_tail_call(pc, base_depth)) goto faulted;
  r[1] = run.context_address();
  segment = pc = machine.code().operations.data();
  DISPATCH();

CallLocal:
  if (!machine.enter_frame(pc)) goto faulted;
  preserve(machine.frame(), r);
  machine.frame().return_to = pc + 1;
  r[10] = machine.frame_pointer();
  TRANSFER(pc->off);

CallPoisoned:
  machine.fault_poisoned(pc);
  goto faulted;

Exit:
  if (!charge(segment, pc)) goto exhausted;
  if (machine.depth() == base_depth) {
    if (base_depth == 0 && !run.references.empty()) goto unreleased;
    return r[0];
  }
  restore(machine.frame(), r);
  clobber(r);
  segment = pc = machine.frame().return_to;
  machine.leave_frame();
  r[10] = machine.frame_pointer();
  DISPATCH();

SecondSlot:  // preparation lets nothing jump here
  machine.fault(pc, "executed the second half of a wide instruction");
  goto faulted;

unreleased:
  machine.fault_unreleased(pc);
  goto faulted;

exhausted:
  machine.fault_budget(pc);
faulted:
  return static_cast<std::uint64_t>(kDrop);
}

#pragma GCC diagnostic pop

std::uint64_t execute_for(const RunContext& run, Machine& machine, const Operation* pc, Registers& r) {
  return run.observer == nullptr ? execute<false>(machine, pc, r) : execute<true>(machine, pc, r);
}

// RunContext::call_back: runs a function of the program in a frame of its own.
std::uint64_t call_back(RunContext& run, std::uint64_t function, std::array<std::uint64_t, 5> arguments) {
  auto& machine = *static_cast<Machine*>(run.engine);
  const Operation* const at = machine.calling;
  const Operation* const entry = machine.function(at, function);
  if (entry == nullptr || !machine.enter_frame(at)) return static_cast<std::uint64_t>(kDrop);
  Registers r{};
  std::memcpy(&r[1], arguments.data(), sizeof arguments);
  r[10] = machine.frame_pointer();
  const std::uint64_t result = execute_for(run, machine, entry, r);
  if (!run.fault.happened) machine.leave_frame();
  return result;
}

// RunContext::record_fault
void record_fault(RunContext& run, std::string text) {
  auto& machine = *static_cast<Machine*>(run.engine);
  machine.fault(machine.calling, std::move(text));
}

// Binds the machine to the run for as long as it executes.
class Engaged {
 public:
  Engaged(RunContext& run, Machine& machine) : run_(run) {
    run.engine = &machine;
    run.call_back = call_back;
    run.record_fault = record_fault;
  }
  ~Engaged() {
    if (run_.observer != nullptr) run_.observer->end();
    run_.references.release_all();
    run_.engine = nullptr;
    run_.call_back = nullptr;
    run_.record_fault = nullptr;
  }
  Engaged(const Engaged&) = delete;
  Engaged& operator=(const Engaged&) = delete;

 private:
  RunContext& run_;
};

std::uint64_t interpret(RunContext& run, const Program& program) {
  Machine machine(run, program);
  const Engaged engaged(run, machine);
  Registers r{};
  r[1] = run.context_address();
  r[10] = machine.frame_pointer();
  return execute_for(run, machine, machine.code().operations.data(), r);
}

std::uint64_t interpret_function(RunContext& run, const Program& program, std::uint64_t function,
                                 const std::array<std::uint64_t, 5>& arguments) {
  Machine machine(run, program);
  const Engaged engaged(run, machine);
  const Operation* const entry = machine.function(machine.code().operations.data(), function);
  if (entry == nullptr) return static_cast<std::uint64_t>(kDrop);
  Registers r{};
  std::memcpy(&r[1], arguments.data(), sizeof arguments);
  r[10] = machine.frame_pointer();
  return execute_for(run, machine, entry, r);
}

}  // namespace

EntryFunction interpreter_entry() {
  return interpret;
}

FunctionEntry interpreter_call() {
  return interpret_function;
}

}  // namespace netkit::bpf
