// The metadata table of docs/differences.md, held against what ports do. A test brings a port to the other
// side (Transfer): a packet with every field set goes through it, and each row's word is found out by
// comparing what was sent with what is seen there.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/clock.h"
#include "packet/pool.h"

namespace netkit::testing {

// A field cannot have all its values at once, so there is one packet of each kind.
enum class ProbeKind : std::uint8_t {
  kPartial,  // a checksum that is still to be computed
  kVerified,
  kComplete,
  kSuper,  // a UDP super-packet, its headers linear
};

// Who is named in the probes: a destination that is nobody's, so that a type made from it is OTHERHOST.
inline constexpr MacAddress kProbeSource{{2, 0, 0, 0, 0, 1}}, kProbeDestination{{2, 0, 0, 0, 0xf, 0xf}};
// Values of the probe's fields; all small, so that a socket filter can return them.
inline constexpr std::uint32_t kProbeMark = 101, kProbePriority = 102, kProbeQueue = 103;
inline constexpr std::uint16_t kProbeTci = 104;
inline constexpr Nanoseconds kProbeTime = 1'000'000'000'000'000'123;

// A UDP datagram over IPv4 from 10.9.0.1 to 10.9.0.2, a VLAN tag beside its bytes, every field set.
[[nodiscard]] PacketPtr make_probe(ProbeKind kind, PacketPool& pool);

// A packet as it is seen from outside: positions count from the first byte. What the place cannot say is as
// in a fresh packet.
struct Sight {
  PacketMeta meta;
  std::optional<PacketType> type;  // nothing: there is none (in a file)
  std::uint32_t linear = 0;
  std::vector<std::uint8_t> frame;
};
[[nodiscard]] Sight look_at(const Packet& packet);

struct Passage {
  Sight sent;
  Sight seen;
};

// Sends the probe. Not arriving fails the test and gives an empty frame.
using Transfer = std::function<Passage(ProbeKind)>;

// Every row's cell in this column says what happens. A missing row, column or cell fails, too.
void expect_column(std::string_view column, const Transfer& transfer);

// The names of the columns behind the first, as the document has them.
[[nodiscard]] std::vector<std::string> metadata_columns();

}  // namespace netkit::testing
