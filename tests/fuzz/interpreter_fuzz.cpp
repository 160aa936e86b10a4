// Hostile programs in the interpreter: random instructions are prepared and, if they are accepted, run.
// Whatever they do must end in a verdict or a fault of one line, and leave nothing behind.
//
// The first byte chooses: 0 takes the rest as it is; anything else has the fields mended that would only get
// the program refused, so that most of what the fuzzer makes is run. Mended programs begin with good pointers
// in R6 (context), R7 (packet), R8 (a map) and R9 (a value of it).
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/helper/helper.h"
#include "bpf/isa/assembler.h"
#include "bpf/isa/instruction.h"
#include "bpf/map/map.h"
#include "bpf/map/tables.h"
#include "packet/pool.h"

namespace {

using namespace netkit;
using namespace netkit::bpf;

constexpr std::uint64_t kBudget = 10'000;
constexpr std::uint8_t kLongJump = 0x06;
constexpr std::uint8_t kExitInsn = 0x95;
constexpr std::uint8_t kMoveConstant = 0xb7;  // to all 64 bits
constexpr std::size_t kMaxProgram = 256;      // instructions
constexpr std::uint32_t kPacketBytes = 96;
constexpr std::uint32_t kLinearBytes = 64;

void check(bool holds) {
  if (!holds) std::abort();
}

MapRef make(MapType type, std::uint32_t key, std::uint32_t value, std::uint32_t entries,
            std::uint32_t flags = 0) {
  return create_map({.name = "fuzz",
                     .type = type,
                     .key_size = key,
                     .value_size = value,
                     .max_entries = entries,
                     .flags = flags})
      .value();
}

std::vector<Insn> prologue() {
  return assemble(
             "r6 = r1; r7 = *(u32 *)(r1 +76); *(u64 *)(r10 -8) = 0; r8 = map[0]; r1 = r8; r2 = r10; r2 += "
             "-8; call 1; "
             "r9 = r0; r1 = r6; r2 = r8; r3 = r10; r3 += -8; r4 = 8; r5 = 0")
      .value();
}

// What all runs share. Maps keep what programs wrote into them, which later runs then meet.
struct World {
  const std::vector<Insn> start = prologue();
  const std::vector<MapRef> maps = {make(MapType::kHash, 4, 16, 8),
                                    make(MapType::kArray, 4, 24, 1),
                                    make(MapType::kPercpuArray, 4, 8, 4),
                                    make(MapType::kLruHash, 8, 8, 4),
                                    make(MapType::kLpmTrie, 8, 4, 8, kNoPrealloc),
                                    make(MapType::kProgArray, 4, 4, 4),
                                    make(MapType::kArray, 4, 16, 1, kRdonlyProg)};
  PacketPool pool;
  RedirectRecord redirect;
  Outside outside;
  ProgramRef target;
  std::unique_ptr<RunContext> run = std::make_unique<RunContext>();

  World() {
    run->pool = &pool;
    run->redirect = &redirect;
    run->outside = &outside;
    run->instruction_limit = kBudget;
    const std::uint32_t zero = 0;
    const std::array<std::byte, 16> value{};
    check(maps[0]->write(std::as_bytes(std::span(&zero, 1)), value, kAny).has_value());
    publish_target();
  }

  // The program that tail calls through slot 0 lead to: it calls itself.
  void publish_target() {
    auto image = std::make_shared<ProgramImage>();
    image->name = "target";
    image->insns = assemble("r2 = map[5]; r3 = 0; call 12; r0 = 0; exit").value();
    image->maps = maps;
    target = ProgramTable::instance().publish(std::move(prepare_interpreted(std::move(image)).value()));
    const std::uint32_t slot = 0;
    check(maps[5]
              ->write(std::as_bytes(std::span(&slot, 1)), std::as_bytes(std::span(&target->id, 1)), kAny)
              .has_value());
  }
};

World& world() {
  static World* const the_world = new World;  // it outlives the tables that its programs are in
  return *the_world;
}

std::vector<Insn> instructions(std::span<const std::uint8_t> bytes) {
  std::vector<Insn> insns(std::min(bytes.size() / sizeof(Insn), kMaxProgram));
  if (!insns.empty()) std::memcpy(insns.data(), bytes.data(), insns.size() * sizeof(Insn));
  return insns;
}

// Makes one function of the program: every instruction decodes, every jump stays inside.
class Mending {
 public:
  // `first`: where the function begins in the program; `callee`: where the one begins that it calls.
  Mending(std::span<const Insn> insns, std::size_t first, std::size_t callee)
      : insns_(insns.begin(), insns.end()), first_(first), callee_(callee) {}

  std::vector<Insn> function() {
    is_second_.assign(insns_.size() + 1, false);
    for (std::size_t at = 0; at + 1 < insns_.size(); ++at) {
      if (is_wide(insns_[at])) is_second_[++at] = true;
    }
    for (std::size_t at = 0; at < insns_.size(); ++at) {
      if (!is_second_[at]) mend(at);
    }
    insns_.push_back({.opcode = kExitInsn});
    return std::move(insns_);
  }

 private:
  void mend(std::size_t at) {
    Insn& insn = insns_[at];
    insn.dst %= 10;
    insn.src %= 11;
    const std::uint8_t in_class = insn_class(insn.opcode);
    if (is_wide(insn) && is_second_[at + 1]) return mend_wide(insn, insns_[at + 1]);
    if (insn.opcode == kCallImm) return mend_call(insn, at);
    if (insn.opcode == kLongJump) {
      insn.imm = mended_distance(static_cast<std::int16_t>(insn.imm), at);
    } else if (in_class == kJmp || in_class == kJmp32) {
      insn.off = mended_distance(insn.off, at);
    }
    if (in_class == kLd || !decode(std::span(&insn, 1)))
      insn = {.opcode = kMoveConstant, .dst = insn.dst, .src = 0, .off = 0, .imm = insn.imm};
  }

  static void mend_wide(Insn& insn, Insn& second) {
    constexpr auto kKinds = std::to_array<std::uint8_t>({kImm64, kMapFd, kMapValue, kFunction});
    insn.src = kKinds[insn.src % kKinds.size()];
    insn.off = 0;
    second = {.opcode = 0, .dst = 0, .src = 0, .off = 0, .imm = second.imm};
    const auto number = static_cast<std::uint32_t>(insn.imm);
    if (insn.src == kMapFd) {
      insn.imm = static_cast<std::int32_t>(number % world().maps.size());
      second.imm = 0;
    } else if (insn.src == kMapValue) {
      insn.imm = number % 2 == 0 ? 1 : 6;  // the arrays of one element
      second.imm &= 15;
    } else if (insn.src == kFunction) {
      insn.imm = static_cast<std::int32_t>(number % 2);
      second.imm = 0;
    }
  }

  void mend_call(Insn& insn, std::size_t at) const {
    const auto number = static_cast<std::uint32_t>(insn.imm);
    insn.dst = 0;
    insn.off = 0;
    insn.src = insn.src == kCallLocal ? kCallLocal : kCallHelper;
    insn.imm = static_cast<std::int32_t>(insn.src == kCallLocal
                                             ? callee_ - (first_ + at + 1)
                                             : all_helpers()[number % all_helpers().size()]->number);
  }

  [[nodiscard]] std::int16_t mended_distance(std::int16_t wanted, std::size_t at) const {
    std::size_t target = static_cast<std::uint16_t>(wanted) % (insns_.size() + 1);
    if (is_second_[target]) ++target;
    return static_cast<std::int16_t>(static_cast<int>(target) - static_cast<int>(at) - 1);
  }

  std::vector<Insn> insns_;
  std::size_t first_;
  std::size_t callee_;
  std::vector<bool> is_second_;  // of a wide instruction; the exit behind the last instruction included
};

// The first half of the instructions is the program, the second half the function that both may call.
std::shared_ptr<ProgramImage> mended_image(std::span<const Insn> insns) {
  auto image = std::make_shared<ProgramImage>();
  const auto half = insns.size() / 2;
  const std::size_t start = world().start.size();
  const std::size_t callee = start + half + 1;
  image->insns = world().start;
  for (const auto& function : {Mending(insns.first(half), start, callee).function(),
                               Mending(insns.subspan(half), callee, callee).function()}) {
    image->insns.insert(image->insns.end(), function.begin(), function.end());
  }
  image->functions = {{"fuzz", 0, static_cast<std::uint32_t>(callee)},
                      {"callee", static_cast<std::uint32_t>(callee),
                       static_cast<std::uint32_t>(image->insns.size() - callee)}};
  return image;
}

std::shared_ptr<ProgramImage> raw_image(std::span<const Insn> insns) {
  auto image = std::make_shared<ProgramImage>();
  image->insns.assign(insns.begin(), insns.end());
  image->functions = {{"fuzz", 0, static_cast<std::uint32_t>(insns.size())}};
  return image;
}

bool is_one_line(const std::string& text) {
  return !text.empty() && text.find('\n') == std::string::npos;
}

void run(const Program& program) {
  World& all = world();
  const rcu::Section section;
  const PacketPtr packet = all.pool.allocate(kPacketBytes);
  std::memset(packet->data(), 0x45, kPacketBytes);
  packet->set_linear_len(kLinearBytes);
  packet->set_mac_header();
  packet->set_network_header(14);
  const std::int32_t verdict = run_program(*all.run, program, *packet);
  check(all.run->budget <= kBudget);
  if (all.run->fault.happened) check(verdict == kDrop && is_one_line(all.run->fault.text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::vector<Insn> insns = instructions({data + 1, size - 1});
  const auto image = data[0] == 0 ? raw_image(insns) : mended_image(insns);
  image->name = "fuzz";
  image->gpl_compatible = true;
  image->maps = world().maps;
  const auto program = prepare_interpreted(image);
  if (!program) {
    const std::string& reason = program.error().text;
    if (data[0] != 0) std::fprintf(stderr, "a mended program was refused: %s\n", reason.c_str());
    check(data[0] == 0 && is_one_line(reason));
    return 0;
  }
  run(**program);
  check(world().pool.in_use() == 0);
  return 0;
}
