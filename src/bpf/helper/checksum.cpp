// Checksums: bpf_l3_csum_replace, bpf_l4_csum_replace, bpf_csum_diff, bpf_csum_update, bpf_csum_level. The
// arithmetic follows the kernel's to the bit, also where one's complement has two zeros. Source: spec
// tc-bpf-context.md 3.3.
#include <cerrno>

#include "base/endian.h"
#include "bpf/helper/call.h"
#include "bpf/helper/families.h"
#include "bpf/helper/packet_edit.h"
#include "packet/checksum.h"

namespace netkit::bpf {
namespace {

enum ReplaceFlag : std::uint64_t {
  kFieldSize = 0x0f,     // 2, 4, or 0: `to` is a difference made by csum_diff
  kPseudoHeader = 0x10,  // the field is in the pseudo header
  kMarkMangled0 = 0x20,  // a checksum of zero means that there is none
  kMarkEnforce = 0x40,   // update even then
  kIpv6 = 0x80,
};

constexpr std::uint8_t kMaxCsumLevel = 3;
enum CsumLevel : std::uint64_t { kQuery = 0, kIncrement = 1, kDecrement = 2, kReset = 3 };

// csum_replace2, which the kernel does in 16 bits: 0xffff and 0 come out differently from the 32-bit form.
constexpr std::uint16_t add16(std::uint16_t a, std::uint16_t b) {
  const auto sum = static_cast<std::uint16_t>(a + b);
  return static_cast<std::uint16_t>(sum + (sum < b ? 1 : 0));
}
constexpr Be16 replace2(Be16 checksum, std::uint16_t from, std::uint16_t to) {
  const auto without = add16(static_cast<std::uint16_t>(~checksum.raw()), static_cast<std::uint16_t>(~from));
  return Be16::from_raw(static_cast<std::uint16_t>(~add16(without, to)));
}
constexpr Be16 replace4(Be16 checksum, std::uint32_t from, std::uint32_t to) {
  return finish(sum_add(sum_sub(~PartialSum{checksum.raw()}, from), to));
}
constexpr Be16 replace_by_difference(Be16 checksum, std::uint32_t difference) {
  return finish(sum_add(difference, ~PartialSum{checksum.raw()}));
}

// Where the checksum stands, or null: not in the packet, or at an odd place.
std::uint8_t* checksum_field(RunContext& run, std::uint32_t offset) {
  if (offset > 0xffff || offset % 2 != 0 || !make_writable(run, std::uint64_t{offset} + 2)) return nullptr;
  return run.packet->data() + offset;
}

std::int64_t l3_csum_replace(RunContext& run, ContextPointer, std::uint32_t offset, std::uint64_t from,
                             std::uint64_t to, std::uint64_t flags) {
  if ((flags & ~std::uint64_t{kFieldSize}) != 0) return -EINVAL;
  std::uint8_t* field = checksum_field(run, offset);
  if (field == nullptr) return -EFAULT;
  const Be16 old = load_unaligned<Be16>(field);
  switch (flags) {
    case 0:
      if (from != 0) return -EINVAL;
      store_unaligned(field, replace_by_difference(old, static_cast<std::uint32_t>(to)));
      return 0;
    case 2:
      store_unaligned(field, replace2(old, static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(to)));
      return 0;
    case 4:
      store_unaligned(field, replace4(old, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)));
      return 0;
    default:
      return -EINVAL;
  }
}

// inet_proto_csum_replace4. A checksum still to be computed holds the pseudo header's sum, not negated.
Be16 replace_field(Checksum& csum, Be16 old, std::uint32_t from, std::uint32_t to, bool pseudo) {
  if (csum.state == ChecksumState::kPartial) {
    if (!pseudo) return old;
    return Be16::from_raw(fold(sum_add(sum_sub(old.raw(), from), to)));
  }
  if (csum.state == ChecksumState::kComplete && pseudo) csum.sum = ~sum_add(sum_sub(~csum.sum, from), to);
  return replace4(old, from, to);
}

// inet_proto_csum_replace_by_diff. In IPv6 no header checksum makes up for the addresses, so the sum of the
// packet stays as it is.
Be16 replace_difference(Checksum& csum, Be16 old, std::uint32_t difference, bool pseudo, bool ipv6) {
  if (csum.state == ChecksumState::kPartial) {
    return pseudo ? Be16::from_raw(fold(sum_add(difference, old.raw()))) : old;
  }
  if (csum.state == ChecksumState::kComplete && pseudo && !ipv6) csum.sum = ~sum_sub(difference, csum.sum);
  return replace_by_difference(old, difference);
}

std::int64_t l4_csum_replace(RunContext& run, ContextPointer, std::uint32_t offset, std::uint64_t from,
                             std::uint64_t to, std::uint64_t flags) {
  constexpr std::uint64_t kKnown = kFieldSize | kPseudoHeader | kMarkMangled0 | kMarkEnforce | kIpv6;
  if ((flags & ~kKnown) != 0) return -EINVAL;
  std::uint8_t* field = checksum_field(run, offset);
  if (field == nullptr) return -EFAULT;
  const Be16 old = load_unaligned<Be16>(field);
  const bool zero_means_none = (flags & kMarkMangled0) != 0;
  if (zero_means_none && (flags & kMarkEnforce) == 0 && old == Be16{}) return 0;

  Checksum& csum = run.packet->meta.csum;
  const bool pseudo = (flags & kPseudoHeader) != 0;
  Be16 replaced;
  switch (flags & kFieldSize) {
    case 0:
      if (from != 0) return -EINVAL;
      replaced = replace_difference(csum, old, static_cast<std::uint32_t>(to), pseudo, (flags & kIpv6) != 0);
      break;
    case 2:
      replaced =
          replace_field(csum, old, static_cast<std::uint16_t>(from), static_cast<std::uint16_t>(to), pseudo);
      break;
    case 4:
      replaced =
          replace_field(csum, old, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to), pseudo);
      break;
    default:
      return -EINVAL;
  }
  store_unaligned(field, zero_means_none ? never_zero(replaced) : replaced);
  return 0;
}

// seed + to - from, folded to 16 bits. Either may be missing, which is not the same as empty in one's
// complement.
std::int64_t csum_diff(RunContext&, const std::uint8_t* from, std::uint32_t from_size, const std::uint8_t* to,
                       std::uint32_t to_size, std::uint32_t seed) {
  const std::span removed(from, from_size);
  const std::span added(to, to_size);
  if (from_size != 0 && to_size != 0) return fold(sum_sub(sum_of(added, seed), sum_of(removed)));
  if (to_size != 0) return fold(sum_of(added, seed));
  if (from_size != 0) return fold(~sum_of(removed, ~seed));
  return fold(seed);
}

std::int64_t csum_update(RunContext& run, ContextPointer, std::uint32_t sum) {
  Checksum& csum = run.packet->meta.csum;
  if (csum.state != ChecksumState::kComplete) return -kENOTSUPP;
  csum.sum = sum_add(csum.sum, sum);
  return csum.sum;
}

std::int64_t csum_level(RunContext& run, ContextPointer, std::uint64_t operation) {
  Checksum& csum = run.packet->meta.csum;
  const bool verified = csum.state == ChecksumState::kUnnecessary;
  switch (operation) {
    case kQuery:
      return verified ? std::int64_t{csum.level} : -EACCES;
    case kIncrement:
      if (verified && csum.level < kMaxCsumLevel) ++csum.level;
      if (csum.state == ChecksumState::kNone) csum = {.state = ChecksumState::kUnnecessary};
      return 0;
    case kDecrement:
      if (!verified) return 0;
      if (csum.level == 0) {
        csum.state = ChecksumState::kNone;
      } else {
        --csum.level;
      }
      return 0;
    case kReset:
      if (verified) csum = {};
      return 0;
    default:
      return -EINVAL;
  }
}

constexpr Helper kHelpers[] = {
    {.number = 10,
     .name = "l3_csum_replace",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything, Arg::kAnything,
                                Arg::kAnything},
                  .effects = kChangesPacket},
     .function = helper_call<l3_csum_replace>},
    {.number = 11,
     .name = "l4_csum_replace",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kAnything, Arg::kAnything,
                                Arg::kAnything},
                  .effects = kChangesPacket},
     .function = helper_call<l4_csum_replace>},
    {.number = 28,
     .name = "csum_diff",
     .contract = {.arguments = {Arg::kPacketMemOrNull, Arg::kSizeOrZero, Arg::kPacketMemOrNull,
                                Arg::kSizeOrZero, Arg::kAnything}},
     .function = helper_call<csum_diff>},
    {.number = 40,
     .name = "csum_update",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything}},
     .function = helper_call<csum_update>},
    {.number = 135,
     .name = "csum_level",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything}},
     .function = helper_call<csum_level>},
};

}  // namespace

std::span<const Helper> checksum_helpers() {
  return kHelpers;
}

}  // namespace netkit::bpf
