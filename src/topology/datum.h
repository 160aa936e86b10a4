// Keys and values of maps (and values of constants) as a topology writes them: numbers, addresses,
// references, and lists of these for structs.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/address.h"
#include "base/result.h"
#include "topology/reference.h"

namespace netkit::topology {

// A number in the machine's byte order, or in network order.
struct Integer {
  std::uint64_t value = 0;  // two's complement where negative
  bool negative = false;
  std::uint8_t size = 0;  // 1, 2, 4, 8; 0: as many bytes as the key or value has
  bool big_endian = false;
};
struct Bytes {
  std::vector<std::uint8_t> bytes;  // hex, text with its padding, pad
};
// struct bpf_lpm_trie_key: the prefix length as u32, then the address.
struct LpmKey {
  IpPrefix prefix;
};
// The ifindex of a device in its namespace, u32.
struct IfindexOf {
  EndIndex end = 0;
};
// The MAC address of a device, 6 bytes.
struct MacOf {
  EndIndex end = 0;
};
// A program, for slots of PROG_ARRAY maps; u32.
struct ProgramSlot {
  ObjectMember program;
};

using Field = std::variant<Integer, Bytes, IpAddress, LpmKey, MacAddress, IfindexOf, MacOf, ProgramSlot>;

// The fields one after another, without padding of the compiler's: write {pad: N} where C has it.
struct Datum {
  std::vector<Field> fields;
  Where where;
};

// What only a running topology knows.
struct DatumNames {
  std::function<Result<std::uint32_t>(EndIndex)> ifindex;
  std::function<Result<MacAddress>(EndIndex)> mac;
  std::function<Result<std::uint32_t>(const ObjectMember&)> program_id;
};

// The bytes of a key or value of `size` bytes, as they go into the map. EINVAL with a text that names both
// sizes when the fields are more or fewer bytes than that, or a number does not fit. The text has no
// position: the caller adds it (locate).
[[nodiscard]] Result<std::vector<std::uint8_t>> encode(const Datum& datum, std::size_t size,
                                                       const DatumNames& names);

}  // namespace netkit::topology
