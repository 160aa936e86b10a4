// What the words of `netkit qdisc ...` and `netkit filter ...` mean, as plain values: devices by name,
// programs by how they are named. Who executes a command finds both, makes the request of it (request.h), and
// prints the answer (print.h).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/endian.h"

namespace netkit::cli::tc {

enum class Verb : std::uint8_t { kAdd, kDelete, kReplace, kChange, kShow, kGet };

struct QdiscCommand {
  Verb verb = Verb::kShow;
  std::string dev;   // empty: all (kShow)
  std::string kind;  // empty: not named
  std::uint32_t parent = 0;
  std::uint32_t handle = 0;
  std::optional<std::uint32_t> ingress_block;
  std::optional<std::uint32_t> egress_block;
};

struct ObjectProgram {
  std::string file;
  std::string section{};  // empty: chosen by `function`
  std::string function{};
};
struct PinnedProgram {
  std::string path;
};
struct DescriptorProgram {
  int fd = 0;
};
using ProgramSource = std::variant<std::monostate, ObjectProgram, PinnedProgram, DescriptorProgram>;

struct FilterCommand {
  Verb verb = Verb::kShow;
  std::string dev;                     // empty: by the block
  std::optional<std::uint32_t> block;  // a shared block
  std::uint32_t parent = 0;
  std::uint16_t priority = 0;  // 0: not named
  Be16 protocol;               // 0: not named
  std::uint32_t handle = 0;
  std::optional<std::uint32_t> chain;
  std::string kind;  // empty: not named
  ProgramSource program;
  bool direct_action = false;
  std::uint32_t classid = 0;
  std::uint32_t gen_flags = 0;  // control::ClassifierFlag
};

using Command = std::variant<QdiscCommand, FilterCommand>;

}  // namespace netkit::cli::tc
