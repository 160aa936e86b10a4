// One run of one program (and of the programs it tail-calls) on one packet: everything that helpers, the
// engines and the hooks share about it. Owned by a worker (or a test run) and reused, so that a run allocates
// nothing.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "bpf/isa/insn.h"
#include "bpf/run/kernel_images.h"
#include "bpf/run/outside.h"
#include "bpf/run/redirect.h"
#include "bpf/run/references.h"
#include "bpf/run/regions.h"
#include "bpf/run/types.h"
#include "packet/packet.h"
#include "packet/pool.h"

namespace netkit::bpf {

struct Program;
class StepObserver;  // bpf/exec/step.h

inline constexpr std::uint64_t kDefaultInstructionLimit = std::uint64_t{1} << 28;  // of one run

// Why a run was ended by force. The text is made only then.
struct Fault {
  bool happened = false;
  std::uint32_t insn = 0;  // number of the instruction in the program
  std::string text;        // "read of 4 bytes at packet+60, packet is 54 bytes; nat.c:31: x = tcp->seq;"
};

struct RunContext {
  // ---- set once by the owner ----
  std::uint32_t cpu = 0;                                       // the virtual CPU that the running thread owns
  RedirectRecord* redirect = nullptr;                          // the worker's; never null during a run
  const Outside* outside = nullptr;                            // never null during a run
  PacketPool* pool = nullptr;                                  // for packets that helpers must grow or clone
  std::uint64_t instruction_limit = kDefaultInstructionLimit;  // a run is ended after this many instructions
  StepObserver* observer = nullptr;  // told of every instruction, which makes a run slow; null: nobody is

  // ---- set for each run ----
  Packet* packet = nullptr;
  const Program* program = nullptr;  // the one that executes at present (changes with a tail call)
  std::uint64_t budget = 0;          // instructions that may still be executed
  std::uint32_t tail_calls = 0;      // taken so far; at most kMaxTailCalls
  // Hand-over of a tail call. The helper of bpf_tail_call finds the slot's program, counts it in tail_calls
  // and leaves it here; the engine takes it after any helper with Effect::kTailCall and does not return to
  // the caller. Null: the helper fell through. The program is alive until the thread's next quiescent state.
  const Program* tail_target = nullptr;

  RegionTable regions;
  References references;  // what the run must give back; empty between runs
  // Addresses of the maps that lookups in maps of maps have found: maps that helpers take beside those that
  // the program names.
  std::vector<std::uint64_t> found_maps;
  Fault fault;

  // Calls a function of the running program from inside a helper (bpf_loop and the like). `function` is the
  // value that the program passed; the engine checks it. Returns R0; after a fault the helper must return at
  // once.
  std::uint64_t (*call_back)(RunContext& run, std::uint64_t function,
                             std::array<std::uint64_t, 5> arguments) = nullptr;
  void* engine = nullptr;  // the engine's own state of this run
  // Ends the run by a fault from inside a helper, which then returns at once: what no verifier would have let
  // happen. Set by the engine, which adds the position.
  void (*record_fault)(RunContext& run, std::string text) = nullptr;
  void refuse(std::string text) {
    if (record_fault != nullptr) return record_fault(*this, std::move(text));
    if (!fault.happened) fault = {true, 0, std::move(text)};
  }

  KernelImages kernel;  // what the program reads of kernel objects

  // R1 of a program: the address of this window. Nothing is ever stored here; the engines translate every
  // access by the table of __sk_buff (run/skb.h).
  // Its addresses are also those of the packet's struct sk_buff (run/kernel_images.h).
  alignas(8) std::array<std::byte, sizeof(kernel::sk_buff)> context_window{};
  // Frames of the interpreter, from the top down: kMaxFrames of kStackSize bytes.
  alignas(16) std::array<std::byte, kMaxFrames * kStackSize> stack{};

  [[nodiscard]] std::uint64_t context_address() const {
    return reinterpret_cast<std::uint64_t>(context_window.data());
  }
  // After anything that moves or resizes the packet: what programs may reach of it.
  void packet_moved() {
    const std::uint64_t data = reinterpret_cast<std::uint64_t>(packet->data());
    regions.packet = {data - packet->meta.meta_len,
                      std::uint64_t{packet->linear_len()} + packet->meta.meta_len, RegionKind::kPacket, true,
                      0};
  }
};

}  // namespace netkit::bpf
