// What the numbers in a program's registers are, in words: "packet+14", "fp-8", "counts[00000000]+0", "ctx".
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "bpf/exec/step.h"

namespace netkit::bpf {

class Map;

class ValueNames {
 public:
  // A lookup has found the value at `address` under `key`.
  void found(std::uint64_t address, std::string map_and_key) { values_[address] = std::move(map_and_key); }

  // An address by its region, a map, a function; else the number.
  [[nodiscard]] std::string name(const Step& step, std::uint64_t value) const;
  // Where an access of the program goes: as name, or a field of the context ("skb->mark").
  [[nodiscard]] std::string place(const Step& step, std::uint64_t address, std::uint32_t size) const;
  // The map whose address it is, or null.
  [[nodiscard]] static const Map* map_at(const Step& step, std::uint64_t value);
  // "{0a000001}": so many bytes at an address, if the program may read them; else "".
  [[nodiscard]] static std::string bytes(const Step& step, std::uint64_t address, std::uint64_t size);
  // The same with nothing around, in full.
  [[nodiscard]] static std::string hex(const Step& step, std::uint64_t address, std::uint64_t size);

 private:
  std::map<std::uint64_t, std::string> values_;  // map values by their address
};

// Decimal where that is short, else hexadecimal; small negative numbers with their sign.
[[nodiscard]] std::string number_text(std::uint64_t value);

}  // namespace netkit::bpf
