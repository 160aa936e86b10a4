// The state of one interpreted run beside its registers: frames, what memory of the stack is live, and
// everything that is not worth inlining into the loop.
//
// Theory of operation. A chain of frames of 512 bytes grows down from the end of run.stack, whose bytes are
// left over from earlier runs. The region "stack" never reaches below what this run has zeroed: it begins
// empty, and the first touch below it, if that is in the live frame, zeroes the gap in steps of 64 bytes and
// lowers it. A call zeroes the rest of the caller's frame, so that the region stays in one piece. A run thus
// pays for the stack it uses, and can read nothing but zeroes and its own data. When a function returns, its
// frame leaves the region; a later call finds what the same run left there.
//
// A tail call replaces the program of the present frame; when the target exits, the caller of that frame goes
// on in its own program.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "bpf/exec/operation.h"
#include "bpf/exec/step.h"
#include "bpf/helper/helper.h"
#include "bpf/run/context.h"
#include "bpf/run/memory_access.h"
#include "bpf/run/program.h"

namespace netkit::bpf {

class Map;

enum class AccessKind : std::uint8_t { kRead, kWrite, kAtomic };

class Machine {
 public:
  Machine(RunContext& run, const Program& program);
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  [[nodiscard]] RunContext& run() { return *run_; }
  [[nodiscard]] const InterpretedCode& code() const { return *code_; }

  // Where the program's context is. A callback outside of any run has none: an address that no program can
  // know.
  [[nodiscard]] std::uint64_t context_address() const {
    return run_->packet != nullptr ? run_->context_address() : reinterpret_cast<std::uint64_t>(this);
  }

  // ---- frames ----
  struct Frame {
    const Operation* return_to;
    const Program* program;                  // whose code the caller executes
    std::array<std::uint64_t, 4> preserved;  // R6 to R9 of the caller
    std::uint32_t may_goto;                  // how often may_goto still falls through
    std::uint32_t chain;                     // where the call chain of the caller's program began
  };
  [[nodiscard]] std::uint32_t depth() const { return depth_; }
  [[nodiscard]] Frame& frame() { return frames_[depth_]; }
  [[nodiscard]] std::uint64_t frame_pointer() const { return top_ - std::uint64_t{depth_} * kStackSize; }
  // Opens the next frame; false after a fault: the program has kMaxCallDepth already, or the run
  // kMaxFrames.
  [[nodiscard]] bool enter_frame(const Operation* at);
  // Closes the present one and returns to the program of its caller.
  void leave_frame();
  // Goes on in `target`; false after a fault.
  [[nodiscard]] bool take_tail_call(const Operation* at, std::uint32_t base_depth);

  // ---- memory that is neither live stack nor packet: data sections, values, context, stack not yet touched
  // ---- The value of a load of sizeof(T) bytes; false after a fault.
  template <class T>
  [[nodiscard]] bool load(const Operation* at, std::uint64_t address, bool sign_extend,
                          std::uint64_t& value) {
    if (run_->regions.context.holds(address, sizeof(T)))
      return load_context(at, address, sizeof(T), sign_extend, value);
    const Region* region = locate(address, sizeof(T));
    if (region == nullptr) return load_kernel(at, address, sizeof(T), value);
    if (is_socket(*region) && !load_socket(at, *region, address, sizeof(T))) return false;
    value = shared_load<T>(reinterpret_cast<const void*>(address));
    return true;
  }
  template <class T>
  [[nodiscard]] bool store(const Operation* at, std::uint64_t address, std::uint64_t value) {
    if (run_->regions.context.holds(address, sizeof(T))) return store_context(at, address, sizeof(T), value);
    const Region* region = locate(address, sizeof(T));
    if (region == nullptr || !region->writable)
      return refuse_access(at, AccessKind::kWrite, address, sizeof(T));
    shared_store<T>(reinterpret_cast<void*>(address), static_cast<T>(value));
    return true;
  }
  // Whether the bytes may be touched atomically; false after a fault.
  [[nodiscard]] bool check_atomic(const Operation* at, std::uint64_t address, std::uint32_t size,
                                  AccessKind kind = AccessKind::kAtomic);

  // Whether a legacy packet load finds the context in R6; false after a fault.
  [[nodiscard]] bool check_legacy(const Operation* at, std::uint64_t r6);

  // The region that holds the bytes, stack that was not yet touched included; null: none.
  [[nodiscard]] const Region* find(std::uint64_t address, std::uint64_t size);

  // ---- calls ----
  // Calls a helper whose arguments or result the contract says something about; false after a fault.
  [[nodiscard]] bool call_checked(const Operation* at, Registers& r) {
    return call_checked(at, *reinterpret_cast<const Helper*>(at->imm), r);
  }
  [[nodiscard]] bool call_checked(const Operation* at, const Helper& helper, Registers& r);
  // bpf_map_lookup_elem, by far the most frequent call: what the contract says, in few steps where the map is
  // the one that the operation expects and the key lies on the stack or in the packet.
  [[nodiscard]] bool call_lookup(const Operation* at, Registers& r);
  // Whether the address is that of a map that the program names or that its lookups have found.
  [[nodiscard]] bool knows_map(std::uint64_t address) const;
  // The map whose value the region is; null: it is none's.
  [[nodiscard]] const Map* map_of(const Region& region) const;
  // The first operation of the function that a register names; null after a fault.
  [[nodiscard]] const Operation* function(const Operation* at, std::uint64_t value);

  // Tells the run's observer, which is there, what is about to be executed.
  void observe(const Operation* at, const Registers& r);

  // ---- faults: record the first one; the run is over ----
  void fault(const Operation* at, std::string text);
  void fault_budget(const Operation* at);
  void fault_poisoned(const Operation* at);
  // The program ended while it holds references.
  void fault_unreleased(const Operation* at);
  // Always false.
  bool refuse_access(const Operation* at, AccessKind kind, std::uint64_t address, std::uint64_t size);

  // Where the engine stands while a helper runs; what call_back goes by.
  const Operation* calling = nullptr;

 private:
  // A load through a pointer that a cast has typed: what cannot be read is zero, as the kernel's exception
  // table makes it. False after a fault: the program has no such pointers.
  [[nodiscard]] bool load_kernel(const Operation* at, std::uint64_t address, std::uint32_t size,
                                 std::uint64_t& value);
  // Memory behind live stack, packet and context; null: none.
  [[nodiscard]] const Region* locate(std::uint64_t address, std::uint64_t size) {
    const Region* region = run_->regions.find_memory(address, size);
    return region != nullptr ? region : touch_stack(address, size);
  }
  // First touch of stack in the live frame; null when it is not there.
  [[nodiscard]] const Region* touch_stack(std::uint64_t address, std::uint64_t size);
  // What a lookup found may be used from now on: a value as memory, an inner map as an argument.
  void admit_value(const Map& map, std::uint64_t value);
  // Whether the image of a socket may be read there; false after a fault.
  [[nodiscard]] bool load_socket(const Operation* at, const Region& region, std::uint64_t address,
                                 std::uint32_t size);
  [[nodiscard]] bool load_context(const Operation* at, std::uint64_t address, std::uint32_t size,
                                  bool sign_extend, std::uint64_t& value);
  [[nodiscard]] bool store_context(const Operation* at, std::uint64_t address, std::uint32_t size,
                                   std::uint64_t value);
  void zero_stack_down_to(std::uint64_t address);
  void place_stack_region();
  void enter_program(const Program& program);

  RunContext* run_;
  const InterpretedCode* code_ = nullptr;
  std::uint64_t top_;     // end of the first frame
  std::uint64_t zeroed_;  // from here to the top the stack holds this run's bytes only
  std::uint32_t depth_ = 0;
  std::uint32_t chain_ =
      0;  // the frame in which the present program began: the run's first, or that of a tail call
  std::array<Frame, kMaxFrames> frames_;  // filled as they are entered
};

// "packet+60 (packet has 54 bytes)", for messages; never a process address.
[[nodiscard]] std::string describe_address(const RunContext& run, std::uint64_t frame_pointer,
                                           std::uint64_t address);

// Holds the arguments of a helper against its contract; false after a fault.
[[nodiscard]] bool check_arguments(Machine& machine, const Operation* at, const Helper& helper,
                                   const Registers& r);

}  // namespace netkit::bpf
