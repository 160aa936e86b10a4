// An immutable table from device numbers to devices: what the data path looks redirect targets up in.
#pragma once

#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "device/flags.h"

namespace netkit::device {

class Device;

class IndexTable {
 public:
  struct Entry {
    IfIndex ifindex = 0;  // 0: free slot
    bool foreign = false;
    Device* device = nullptr;
  };

  // Open addressing, at most half full, so that a lookup is one or two cache lines.
  explicit IndexTable(std::span<const Entry> entries)
      : mask_(std::bit_ceil(entries.size() * 2 + 2) - 1), slots_(mask_ + 1) {
    for (const Entry& entry : entries) slots_[slot_for(entry.ifindex)] = entry;
  }

  // The entry of a number; one with neither device nor foreign set when there is none.
  [[nodiscard]] Entry find(IfIndex ifindex) const {
    return ifindex == 0 ? Entry{} : slots_[slot_for(ifindex)];
  }

 private:
  // Where the number is, or the free slot where it would be.
  [[nodiscard]] std::size_t slot_for(IfIndex ifindex) const {
    std::size_t slot = (ifindex * 0x9e37'79b1U) & mask_;
    while (slots_[slot].ifindex != 0 && slots_[slot].ifindex != ifindex) slot = (slot + 1) & mask_;
    return slot;
  }

  std::size_t mask_;
  std::vector<Entry> slots_;
};

}  // namespace netkit::device
