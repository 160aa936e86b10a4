// Theory of operation. A program is a tree of blocks, and a block a row of actions. R6 is the context
// throughout. R7 is the packet inside a block that a comparison with data_end guards, R8 a value inside a
// block that a test for null guards. R0 to R5 and R9 are numbers before and after every action; what else an
// action puts there, it overwrites in the end. So an action may be followed by any other one, and all that
// must be known is which of R7 and R8 is good (Scope).
//
// In the end the numbers and the eight words of stack go to a map. What differs from run to run or from
// machine to machine (time, random numbers, the CPU) is called, and its result forgotten.
#include "tests/differential/generated/generator.h"

#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include "bpf/isa/assembler.h"
#include "tests/differential/generated/world.h"

namespace netkit::differential {
namespace {

using namespace bpf;
using Code = std::vector<Insn>;

constexpr auto kNumbers = std::to_array({Reg::r0, Reg::r1, Reg::r2, Reg::r3, Reg::r4, Reg::r5, Reg::r9});

// The stack, from R10.
constexpr int kWords = -64;     // eight numbers
constexpr int kCounters = -80;  // of two loops, one in the other
constexpr int kKey = -88;
constexpr int kBuffer = -136;  // 48 bytes for helpers
constexpr int kBufferBytes = 48;
constexpr int kSpilled = -144;
constexpr int kKept = -200;  // R0 to R5 and R9 at the end
constexpr int kDynptr = -224;

constexpr std::uint32_t kGuarded = 64;  // bytes of packet behind R7

struct Scope {
  bool packet = false;
  bool value = false;
  int depth = 0;
  int loops = 0;
};

class Generator {
 public:
  Generator(Random& random, const InstructionSet& set)
      : random_(&random), numbers_(random, set, kNumbers, kWords) {}

  GeneratedProgram program() {
    Code main = prologue();
    const std::size_t actions = 2 + below(8);
    for (std::size_t count = 0; count < actions; ++count) append(main, action({}));
    append(main, epilogue());

    GeneratedProgram program;
    program.functions.push_back(0);
    program.insns = std::move(main);
    for (const Code& function : functions_) {
      program.functions.push_back(static_cast<std::uint32_t>(program.insns.size()));
      append(program.insns, function);
    }
    place_calls(program);
    return program;
  }

 private:
  std::size_t below(std::size_t limit) { return numbers_.below(limit); }
  bool coin() { return numbers_.coin(); }
  template <class T, std::size_t n>
  T one_of(const std::array<T, n>& values) {
    return values[below(n)];
  }
  std::int32_t number() { return static_cast<std::int32_t>(random_number(*random_)); }
  // One in [low, high].
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::size_t>(high - low + 1)));
  }

  template <class... Arguments>
  static Code code(fmt::format_string<Arguments...> text, Arguments&&... arguments) {
    const std::string source = fmt::format(text, std::forward<Arguments>(arguments)...);
    auto assembled = assemble(source);
    if (!assembled) throw std::logic_error(source + ": " + assembled.error().text);
    return *std::move(assembled);
  }
  static void join(Code& code, const Code& more) { append(code, more); }

  // ---- the frame around everything ----

  Code prologue() {
    Code start =
        code("r6 = r1; r2 = 14; r3 = r10; r3 += {}; r4 = 64; call 26; *(u64 *)(r10 {}) = 0", kWords, kKey);
    for (int at = kBuffer; at < kBuffer + kBufferBytes; at += 8)
      join(start, code("*(u64 *)(r10 {}) = {}", at, number()));
    join(start, numbers({0, 1, 2, 3, 4, 5, 9}));
    return start;
  }
  // Registers become words of the stack.
  Code numbers(std::initializer_list<int> registers) {
    Code loads;
    for (const int reg : registers)
      join(loads, code("r{} = *(u64 *)(r10 {})", reg, kWords + 8 * static_cast<int>(below(8))));
    return loads;
  }
  // What is left of the registers after a call whose result is a number.
  Code after_call() { return numbers({1, 2, 3, 4, 5}); }

  Code epilogue() {
    Code end;
    const auto kept = std::to_array({0, 1, 2, 3, 4, 5, 9});
    for (std::size_t at = 0; at < kept.size(); ++at)
      join(end, code("*(u64 *)(r10 {}) = r{}", kKept + 8 * static_cast<int>(at), kept[at]));
    join(end, code("r1 = map[{}]+0", static_cast<int>(kResultMap)));
    int to = 0;
    for (int at = kWords; at < 0; at += 8, to += 8)
      join(end, code("r2 = *(u64 *)(r10 {}); *(u64 *)(r1 +{}) = r2", at, to));
    for (int at = kKept; at < kKept + 56; at += 8, to += 8)
      join(end, code("r2 = *(u64 *)(r10 {}); *(u64 *)(r1 +{}) = r2", at, to));
    join(end, coin() ? code("r0 = *(u64 *)(r10 {}); exit", kWords) : code("r0 = {}; exit", between(-1, 8)));
    return end;
  }

  // ---- actions ----

  Code block(const Scope& scope) {
    Code all;
    for (std::size_t count = 1 + below(scope.depth > 1 ? 2 : 4); count > 0; --count)
      append(all, action(scope));
    return all;
  }
  Code action(const Scope& scope) {
    const bool shallow = scope.depth < 3;
    switch (below(shallow ? 22 : 12)) {
      case 0:
      case 1:
        return calculation();
      case 2:
        return stack_access();
      case 3:
        return context_access();
      case 4:
      case 5:
        if (scope.packet) return packet_access();
        return shallow ? packet_block(scope) : calculation();
      case 6:
      case 7:
        if (scope.value) return value_access();
        return shallow ? value_block(scope) : stack_access();
      case 8:
        return spill(scope);
      case 9:
        return scope.packet ? packet_access() : map_helper();
      case 10:
        return map_helper();
      case 11:
        return scope.packet ? calculation() : packet_helper();
      case 12:
      case 13:
        return scope.packet ? value_block(scope) : packet_block(scope);
      case 14:
        return scope.value ? packet_access_or(scope) : value_block(scope);
      case 15:
        return condition(scope);
      case 16:
        return scope.loops < 2 && !scope.packet && !scope.value ? loop(scope) : condition(scope);
      case 17:
        return scope.packet ? calculation() : packet_helper();
      case 18:
        return call_function();
      case 19:
        return callback();
      case 20:
        return scope.packet ? forgotten_helper() : tail_call();
      default:
        return coin()         ? plain_helper()
               : scope.packet ? calculation()
               : coin()       ? legacy_load()
                              : packet_helper();
    }
  }
  Code packet_access_or(const Scope& scope) { return scope.packet ? packet_access() : packet_block(scope); }

  Code calculation() {
    Code all;
    for (std::size_t count = 1 + below(5); count > 0; --count)
      append(all, below(8) == 0 ? numbers_.two_slots() : to_insns(numbers_.calculation()));
    return all;
  }
  Code stack_access() { return to_insns(coin() ? numbers_.memory() : numbers_.atomic()); }

  std::string_view size_name(unsigned bytes) {
    return bytes == 1 ? "u8" : bytes == 2 ? "u16" : bytes == 4 ? "u32" : "u64";
  }
  std::string_view signed_name(unsigned bytes) { return bytes == 1 ? "s8" : bytes == 2 ? "s16" : "s32"; }
  int scratch() { return one_of(std::to_array({0, 1, 2, 3, 4, 5, 9})); }

  // A load or store of `base` + [0, bytes).
  Code access(std::string_view base, std::uint32_t bytes) {
    const unsigned size = 1U << below(4);
    const auto at = between(0, bytes - size);
    switch (below(4)) {
      case 0:
        return code("r{} = *({} *)({} +{})", scratch(),
                    size == 8 || coin() ? size_name(size) : signed_name(size), base, at);
      case 1:
        return code("r{} = *({} *)({} +{})", scratch(), size_name(size), base, at);
      case 2:
        return code("*({} *)({} +{}) = r{}", size_name(size), base, at, scratch());
      default:
        return code("*({} *)({} +{}) = {}", size_name(size), base, at, number());
    }
  }

  Code context_access() {
    struct Field {
      int offset;
      bool written;
    };
    constexpr auto kFields = std::to_array<Field>(
        {{0, false},  {4, false}, {8, true},   {12, true},  {16, false},  {20, false},  {24, false},
         {28, false}, {32, true}, {36, false}, {40, false}, {44, true},   {48, true},   {52, true},
         {56, true},  {60, true}, {64, true},  {72, true},  {160, false}, {164, false}, {176, false}});
    const Field field = one_of(kFields);
    if (below(8) == 0) return code("r{} = *(u64 *)(r6 +152)", scratch());
    if (below(8) == 0) return code("r{} = *(u8 *)(r6 +180)", scratch());
    if (below(8) == 0) return code("*(u64 *)(r6 +152) = r{}", scratch());
    if (field.written && coin()) {
      return coin() ? code("*(u32 *)(r6 +{}) = r{}", field.offset, scratch())
                    : code("*(u32 *)(r6 +{}) = {}", field.offset, number());
    }
    const unsigned size = 1U << below(3);
    return code("r{} = *({} *)(r6 +{})", scratch(), size_name(size),
                field.offset + static_cast<int>(size * below(4 / size)));
  }

  // R7 is the packet in what it guards.
  Code packet_block(const Scope& outer) {
    Scope scope = outer;
    scope.packet = true;
    ++scope.depth;
    Code body = numbers({1, 2});
    append(body, block(scope));
    Code all = code("r7 = *(u32 *)(r6 +76); r1 = *(u32 *)(r6 +80); r2 = r7; r2 += {}", kGuarded);
    const auto over = body.size();
    switch (below(4)) {
      case 0:
        join(all, code("if r2 > r1 goto pc+{}", over));
        break;
      case 1:
        join(all, code("if r1 < r2 goto pc+{}", over));
        break;
      case 2:
        join(all, code("if r2 <= r1 goto pc+1; goto pc+{}", over));
        break;
      default:
        join(all, code("if r1 >= r2 goto pc+1; goto pc+{}", over));
        break;
    }
    append(all, body);
    append(all, numbers({1, 2}));
    return all;
  }
  Code packet_access() {
    if (below(3) != 0) return access("r7", kGuarded);
    // At a place that the program computes: what it may touch there must be proven anew.
    Code all = code("r1 = r9; r1 &= 31; r2 = r7; r2 += r1; r3 = r2; r3 += 8; r4 = *(u32 *)(r6 +80)");
    Code body = code("r5 = *({} *)(r2 +0)", size_name(1U << below(4)));
    if (coin()) append(body, code("*({} *)(r2 +{}) = r5", size_name(1U << below(3)), between(0, 4)));
    join(all, code("if r3 > r4 goto pc+{}", body.size()));
    append(all, body);
    append(all, after_call());
    return all;
  }

  // ---- maps ----

  // R1 and R2 for a call: a map, and a key at R10 + kKey that may not be there.
  Code map_and_key(GeneratedMap map) {
    Code all = map == kTrieMap ? code("*(u32 *)(r10 {}) = {}; *(u32 *)(r10 {}) = {}", kKey, between(0, 33),
                                      kKey + 4, between(0, 3))
                               : code("*(u32 *)(r10 {}) = {}", kKey, between(0, kEntries + 1));
    if (map == kHashMap && coin())
      append(all, code("*(u8 *)(r10 {}) = r9; *(u8 *)(r10 {}) = {}", kKey, kKey, between(0, 9)));
    join(all, code("r1 = map[{}]; r2 = r10; r2 += {}", static_cast<int>(map), kKey));
    return all;
  }
  GeneratedMap keyed_map() { return one_of(std::to_array({kArrayMap, kHashMap, kTrieMap})); }

  Code value_block(const Scope& outer) {
    Scope scope = outer;
    scope.value = true;
    ++scope.depth;
    Code body = code("r8 = r0");
    append(body, numbers({0, 1, 2, 3, 4, 5}));
    append(body, block(scope));
    Code all = map_and_key(keyed_map());
    join(all, code("call 1; if r0 == 0 goto pc+{}", body.size()));
    append(all, body);
    append(all, numbers({0, 1, 2, 3, 4, 5}));
    return all;
  }
  Code value_access() {
    switch (below(6)) {
      case 3:
        return dynptr();
      case 0: {
        const bool wide = coin();
        const auto at = between(0, kValueBytes / 8 - 1) * 8;
        constexpr auto kPlain = std::to_array<std::string_view>({"+=", "|=", "&=", "^="});
        return code("lock *({} *)(r8 +{}) {} r{}", wide ? "u64" : "u32", at, one_of(kPlain), scratch());
      }
      case 1: {
        const auto at = between(0, kValueBytes / 8 - 1) * 8;
        constexpr auto kFetching =
            std::to_array<std::string_view>({"fetch_add", "fetch_or", "fetch_and", "fetch_xor"});
        const int reg = scratch();
        return code("r{} = atomic64_{}((u64 *)(r8 +{}), r{})", reg, one_of(kFetching), at, reg);
      }
      case 2: {
        Code all = code("r1 = r9; r1 &= 15; r2 = r8; r2 += r1; r3 = *({} *)(r2 +0); *({} *)(r2 +8) = r3",
                        size_name(1U << below(4)), size_name(1U << below(4)));
        append(all, after_call());
        return all;
      }
      default:
        return access("r8", kValueBytes);
    }
  }
  // One on the value, and some uses of it.
  Code dynptr() {
    Code all = code("r1 = r8; r2 = {}; r3 = {}; r4 = r10; r4 += {}; call 197", between(1, kValueBytes),
                    below(8) == 0 ? 1 : 0, kDynptr);
    for (std::size_t uses = 1 + below(3); uses > 0; --uses) {
      switch (below(3)) {
        case 0:
          append(all,
                 code("r1 = r10; r1 += {}; r2 = {}; r3 = r10; r3 += {}; r4 = {}; r5 = {}; call 201", kBuffer,
                      between(1, kBufferBytes), kDynptr, between(0, kValueBytes), below(8) == 0 ? 1 : 0));
          break;
        case 1:
          append(all,
                 code("r1 = r10; r1 += {}; r2 = {}; r3 = r10; r3 += {}; r4 = {}; r5 = {}; call 202", kDynptr,
                      between(0, kValueBytes), kBuffer, between(1, kBufferBytes), below(8) == 0 ? 1 : 0));
          break;
        default:
          append(all, code("r1 = r10; r1 += {}; r2 = {}; r3 = {}; call 203; if r0 == 0 goto pc+2; r1 = *(u8 "
                           "*)(r0 +0); r0 = 7",
                           kDynptr, between(0, kValueBytes), between(1, 16)));
          break;
      }
    }
    append(all, after_call());
    return all;
  }
  // A copy of another CPU's value.
  Code percpu_lookup() {
    Code all = map_and_key(kPercpuMap);
    join(all,
         code("r3 = {}; call 195; if r0 == 0 goto pc+3; r1 = *(u64 *)(r0 +8); *(u64 *)(r0 +0) = r1; r0 = 1",
              between(0, 2)));
    append(all, after_call());
    return all;
  }
  Code map_helper() {
    if (below(8) == 0) return percpu_lookup();
    switch (below(5)) {
      case 0:
      case 1: {  // update
        Code all = map_and_key(keyed_map());
        join(all, code("r3 = r10; r3 += {}; r4 = {}; call 2", kBuffer, between(0, 3)));
        append(all, after_call());
        return all;
      }
      case 2: {  // delete
        Code all = map_and_key(keyed_map());
        join(all, code("call 3"));
        append(all, after_call());
        return all;
      }
      case 3: {  // push
        Code all = code("r1 = map[{}]; r2 = r10; r2 += {}; r3 = {}; call 87", static_cast<int>(kQueueMap),
                        kBuffer, one_of(std::to_array({0, 2, 1})));
        append(all, after_call());
        return all;
      }
      default: {  // pop, peek
        Code all = code("r1 = map[{}]; r2 = r10; r2 += {}; call {}", static_cast<int>(kQueueMap), kBuffer,
                        coin() ? 88 : 89);
        append(all, after_call());
        return all;
      }
    }
  }

  // ---- other helpers ----

  // A helper that may change the packet.
  Code packet_helper() {
    Code all = packet_call();
    append(all, after_call());
    return all;
  }
  Code packet_call() {
    const auto memory = between(1, kBufferBytes);
    switch (below(17)) {
      case 0:
        return code("r1 = r6; r2 = {}; r3 = r10; r3 += {}; r4 = {}; r5 = {}; call 9", between(0, 90), kBuffer,
                    memory, between(0, 4));
      case 1:
        return code("r1 = r6; r2 = {}; r3 = r10; r3 += {}; r4 = {}; call 26", between(0, 140), kBuffer,
                    memory);
      case 2:
        return code("r1 = r6; r2 = {}; r3 = r10; r3 += {}; r4 = {}; r5 = {}; call 68", between(0, 120),
                    kBuffer, memory, between(0, 2));
      case 3:
        return code("r1 = r6; r2 = {}; call 39", between(0, 160));
      case 4:
        return code("r1 = r6; r2 = {}; r3 = {}; call 38", grows_ ? between(700, 900) : between(10, 400),
                    below(8) == 0 ? 1 : 0);
      case 5:
        if (!grows_) return plain_helper();
        return code("r1 = r6; r2 = {}; r3 = {}; call 43", between(0, 60), below(8) == 0 ? 1 : 0);
      case 6:
        return code("r1 = r6; r2 = {}; call 32", between(0, 5));
      case 7:
        if (!grows_) return plain_helper();
        return code("r1 = r6; r2 = {}; r3 = {}; call 18", one_of(std::to_array({0x0081, 0xa888, 0x0008, 0})),
                    between(0, 0xffff));
      case 8:
        return code("r1 = r6; call 19");
      case 9:
        return code("r1 = r6; r2 = {}; r3 = {}; r4 = {}; r5 = {}; call 10", between(10, 60), number(),
                    number(), one_of(std::to_array({0, 2, 4, 1, 16})));
      case 10:
        return code("r1 = r6; r2 = {}; r3 = {}; r4 = {}; r5 = {}; call 11", between(10, 60), number(),
                    number(), one_of(std::to_array({0, 2, 4, 0x12, 0x14, 0x22, 0x32, 0x10, 8})));
      case 11:
        return code("r1 = r6; r2 = {}; r3 = {}; r4 = {}; call 50", between(-44, grows_ ? 44 : 0),
                    between(0, 2),
                    one_of(std::to_array({0, 1, 2, 4, 0x12, 0x0a, 0x20, 0x21, 0x80, 0x100, 3})));
      case 12:
        if (!grows_) return plain_helper();
        return code("r1 = r6; r2 = {}; r3 = 0; call 31", one_of(std::to_array({0xdd86, 0x0008, 0x0608})));
      case 13:
        return code("r1 = r6; r2 = {}; call 40", number());
      case 14:
        return code("r1 = r6; r2 = {}; call 135", between(0, 4));
      case 15:
        return code("r1 = r6; call 97");
      default:
        return code("r1 = r6; r2 = {}; r3 = {}; call 192", number(), between(0, 3));
    }
  }
  // One that leaves the packet alone.
  Code plain_helper() {
    Code all;
    switch (below(13)) {
      case 5:
        all = code("r1 = r6; r2 = r10; r2 += {}; r3 = {}; r4 = {}; call 21", kBuffer,
                   one_of(std::to_array({44, 28, 24, 22, 8, 10})),
                   one_of(std::to_array({0, 1, 2, 4, 8, 32, 16, 64})));
        break;
      case 6:
        all = code("r1 = r6; r2 = r10; r2 += {}; r3 = {}; r4 = {}; call 20", kBuffer,
                   one_of(std::to_array({44, 28, 24, 22, 8, 10})), one_of(std::to_array({0, 1, 16, 17, 2})));
        break;
      case 7:
        all = code("r1 = r6; r2 = r10; r2 += {}; r3 = {}; call {}", kBuffer,
                   one_of(std::to_array({4, 8, 16, 40, 3})), coin() ? 30 : 29);
        break;
      case 8:
        all = code("r1 = r10; r1 += {}; r2 = {}; r3 = map[{}]+{}; call 182", kBuffer, between(1, 16),
                   static_cast<int>(kStringsMap), coin() ? kWordAt : kFormatAt);
        break;
      case 9:
        all = code("r1 = r10; r1 += {}; r2 = {}; r3 = map[{}]+{}; r4 = r10; r4 += {}; r5 = 24; call 165",
                   kBuffer, between(1, kBufferBytes), static_cast<int>(kStringsMap), kFormatAt, kWords);
        break;
      case 10:
        all = code(
            "r1 = r6; r2 = r10; r2 += {}; r3 = {}; r4 = -1; r5 = 0; call {}; if r0 == 0 goto pc+3; r1 = r0; "
            "call 86; r0 = 1",
            kBuffer, coin() ? 12 : 36, one_of(std::to_array({84, 85, 99})));
        break;
      case 11:
        all = code("*(u32 *)(r10 {}) = {}; r1 = r6; r2 = 0; r3 = r10; r3 += {}; r4 = {}; r5 = {}; call 163",
                   kWords, between(0, 1600), kWords, between(-40, 40), between(0, 2));
        break;
      case 0:
        all = code("r1 = r10; r1 += {}; r2 = {}; r3 = r10; r3 += {}; r4 = {}; r5 = {}; call 28", kBuffer,
                   4 * between(0, 10), kWords, 4 * between(0, 10), number());
        break;
      case 1:
        all = code("r1 = {}; r2 = {}; call 23", between(0, 3), between(0, 2));
        break;
      case 2:
        all = code("r1 = {}; r2 = {}; call 155", between(0, 3),
                   between(0, 1));  // EGRESS is newer than some kernels
        break;
      case 3:
        all = code("r1 = {}; r2 = 0; r3 = 0; r4 = {}; call 152", between(0, 3), between(0, 1));
        break;
      case 4:
        all = code("r1 = r10; r1 += {}; r2 = {}; r3 = {}; r4 = r10; r4 += {}; call {}", kBuffer,
                   between(1, 24), one_of(std::to_array({0, 8, 10, 16, 7})), kWords, coin() ? 105 : 106);
        break;
      default:
        all = code("r1 = r6; r2 = {}; call 48; r1 = r6; call 41", number());
        break;
    }
    append(all, after_call());
    return all;
  }
  // What no two runs answer alike.
  Code forgotten_helper() {
    Code all = code("r1 = r6; r2 = 0; call {}; r0 = {}",
                    one_of(std::to_array({5,  7,  8,  125, 160, 208, 118, 42, 14, 15, 35,
                                          80, 34, 46, 47,  122, 17,  24,  79, 83, 151})),
                    number());
    append(all, after_call());
    return all;
  }
  Code legacy_load() {
    const InsnSize size = one_of(std::to_array({kB, kH, kW}));
    Code all;
    if (coin()) {
      all = to_insns(LegacyLoad{size, false, Reg::r0, static_cast<std::int32_t>(between(0, 66))});
    } else {
      all = code("r1 = {}", between(0, 40));
      append(all, to_insns(LegacyLoad{size, true, Reg::r1, static_cast<std::int32_t>(between(0, 40))}));
    }
    append(all, after_call());
    return all;
  }

  // ---- control ----

  Code condition(const Scope& outer) {
    Scope scope = outer;
    ++scope.depth;
    const Code body = block(scope);
    Code all = to_insns(numbers_.branch(static_cast<std::int16_t>(body.size())));
    append(all, body);
    return all;
  }
  Code loop(const Scope& outer) {
    Scope scope = outer;
    ++scope.depth;
    ++scope.loops;
    const int counter = kCounters + 8 * outer.loops;
    Code body = block(scope);
    append(body, code("r1 = *(u64 *)(r10 {}); r1 += -1; *(u64 *)(r10 {}) = r1", counter, counter));
    Code all = code("*(u64 *)(r10 {}) = {}", counter, between(1, 3));
    const auto back = -static_cast<int>(body.size()) - 1;
    append(all, body);
    append(all, code("if r1 != 0 goto pc{}", back));
    return all;
  }
  // What the outer block knows of R7 and R8 holds only if the inner one did not change them.
  Code spill(const Scope& scope) {
    const int reg = scope.packet ? 7 : scope.value ? 8 : 6;
    Code all = code("*(u64 *)(r10 {}) = r{}", kSpilled, reg);
    append(all, calculation());
    append(all, code("r{} = *(u64 *)(r10 {})", reg, kSpilled));
    return all;
  }

  // A function of numbers. Its number is put where the distance comes when everything has its place.
  int add_function(Code body) {
    functions_.push_back(std::move(body));
    return static_cast<int>(functions_.size());
  }
  Code arithmetic_function() {
    Code body = code("r0 = r1; r4 = 4; r5 = 5; r9 = {}", number());
    for (int at = kWords; at < 0; at += 8) append(body, code("*(u64 *)(r10 {}) = r{}", at, between(0, 5)));
    for (std::size_t count = 1 + below(6); count > 0; --count)
      append(body, below(4) == 0 ? stack_access() : to_insns(numbers_.calculation()));
    append(body, code("exit"));
    return body;
  }
  Code call_function() {
    Code all = to_insns(CallLocal{add_function(arithmetic_function())});
    append(all, after_call());
    return all;
  }
  // bpf_loop, or over the elements of a map: both with a function that works on the caller's stack.
  Code callback() {
    const bool over_map = coin();
    Code body;
    if (over_map) {
      body =
          code("r5 = *(u64 *)(r4 +0); r3 = *(u64 *)(r3 +{}); r5 += r3; *(u64 *)(r4 +0) = r5; r0 = {}; exit",
               8 * below(4), below(8) == 0 ? 1 : 0);
    } else {
      body = code(
          "r3 = *(u64 *)(r2 +0); r3 += r1; r3 *= {}; *(u64 *)(r2 +0) = r3; r0 = 0; if r1 != {} goto pc+1; r0 "
          "= 1; exit",
          number() | 1, between(0, 20));
    }
    const int function = add_function(std::move(body));
    const int word = kWords + 8 * static_cast<int>(below(8));
    Code all = over_map ? code("r1 = map[{}]; r2 = function {}; r3 = r10; r3 += {}; r4 = {}; call 164",
                               static_cast<int>(kArrayMap), function, word, below(8) == 0 ? 1 : 0)
                        : code("r1 = {}; r2 = function {}; r3 = r10; r3 += {}; r4 = {}; call 181",
                               between(0, 12), function, word, below(8) == 0 ? 1 : 0);
    append(all, after_call());
    return all;
  }
  Code tail_call() {
    Code call =
        code("r1 = r6; r2 = map[{}]; r3 = {}; call 12", static_cast<int>(kTargetsMap), between(0, kEntries));
    Code all = to_insns(numbers_.branch(static_cast<std::int16_t>(call.size())));
    append(all, call);
    append(all, numbers({0, 1, 2, 3, 4, 5}));
    return all;
  }
  static void place_calls(GeneratedProgram& program) {
    for (std::size_t at = 0; at < program.insns.size(); ++at) {
      Insn& insn = program.insns[at];
      if (is_wide(insn)) {
        ++at;
      } else if (insn.opcode == kCallImm && insn.src == kCallLocal) {
        insn.imm = static_cast<std::int32_t>(program.functions[static_cast<std::size_t>(insn.imm)]) -
                   static_cast<std::int32_t>(at) - 1;
      }
    }
  }

  Random* random_;
  RandomInstructions numbers_;
  // Whether the program may put bytes in front of its packet. The kernel has to find more headroom then, and
  // when it moves a packet it moves a transport header that nobody has set as well: that is somewhere from
  // then on, and bpf_skb_change_tail trims no further than there (docs/differences.md). So it is one or the
  // other.
  bool grows_ = coin();
  std::vector<Code> functions_;
};

}  // namespace

GeneratedProgram generate(Random& random, const InstructionSet& set) {
  return Generator(random, set).program();
}

}  // namespace netkit::differential
