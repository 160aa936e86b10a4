// How operators, sizes and atomics are written in assembler text, for Cursor::choose: a text stands before
// those that it begins with.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <utility>

#include "bpf/isa/instruction.h"

namespace netkit::bpf {

template <class T>
using Words = std::pair<std::string_view, T>;

inline constexpr auto kAluSigns = std::to_array<Words<std::pair<AluOp, bool>>>({{"s>>=", {kArsh, false}},
                                                                                {"s/=", {kDiv, true}},
                                                                                {"s%=", {kMod, true}},
                                                                                {"<<=", {kLsh, false}},
                                                                                {">>=", {kRsh, false}},
                                                                                {"+=", {kAdd, false}},
                                                                                {"-=", {kSub, false}},
                                                                                {"*=", {kMul, false}},
                                                                                {"/=", {kDiv, false}},
                                                                                {"%=", {kMod, false}},
                                                                                {"|=", {kOr, false}},
                                                                                {"&=", {kAnd, false}},
                                                                                {"^=", {kXor, false}}});

inline constexpr auto kJumpSigns = std::to_array<Words<JmpOp>>({{"s>=", kJsge},
                                                                {"s<=", kJsle},
                                                                {"s>", kJsgt},
                                                                {"s<", kJslt},
                                                                {"==", kJeq},
                                                                {"!=", kJne},
                                                                {">=", kJge},
                                                                {"<=", kJle},
                                                                {">", kJgt},
                                                                {"<", kJlt},
                                                                {"&", kJset}});

inline constexpr auto kAtomicSigns = std::to_array<Words<std::int32_t>>(
    {{"+=", kAtomicAdd}, {"|=", kAtomicOr}, {"&=", kAtomicAnd}, {"^=", kAtomicXor}});

inline constexpr auto kFetches = std::to_array<Words<std::int32_t>>({{"fetch_add", kAtomicAdd},
                                                                     {"fetch_or", kAtomicOr},
                                                                     {"fetch_and", kAtomicAnd},
                                                                     {"fetch_xor", kAtomicXor},
                                                                     {"xchg", kAtomicXchg},
                                                                     {"cmpxchg", kAtomicCmpxchg}});

inline constexpr auto kSizes =
    std::to_array<Words<InsnSize>>({{"8", kB}, {"16", kH}, {"32", kW}, {"64", kDw}});

inline constexpr auto kSwaps = std::to_array<Words<ByteOrder>>(
    {{"bswap", ByteOrder::kSwap}, {"be", ByteOrder::kToBig}, {"le", ByteOrder::kToLittle}});

}  // namespace netkit::bpf
