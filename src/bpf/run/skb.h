// The one table of struct __sk_buff, the context of SCHED_CLS programs: what each field is, who may access it
// in which sizes, and what an access means. The engines and the verifier all go by it.
// Source: spec tc-bpf-context.md section 2 (kernel: tc_cls_act_is_valid_access,
// tc_cls_act_convert_ctx_access).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "bpf/run/context.h"

namespace netkit::bpf {

inline constexpr std::uint32_t kSkbSize = 192;  // sizeof(struct __sk_buff)

// What stands behind a field: the closed set of transforms that an engine must know.
enum class SkbField : std::uint8_t {
  kLen,
  kPktType,
  kMark,
  kQueueMapping,
  kProtocol,
  kVlanPresent,
  kVlanTci,
  kVlanProto,
  kPriority,
  kIngressIfindex,
  kIfindex,
  kTcIndex,
  kCb,
  kHash,
  kTcClassid,
  kData,
  kDataEnd,
  kNapiId,
  kDataMeta,
  kTstamp,
  kWireLen,
  kGsoSegs,
  kSk,
  kGsoSize,
  kTstampType,
  kHwtstamp,
};

// Which accesses are valid.
enum class SkbAccess : std::uint8_t {
  kNone,
  kWhole,    // the whole field only
  kNarrow,   // any naturally aligned part of it
  kScratch,  // 1, 2, 4 or 8 bytes, aligned, inside the field (cb)
};

struct SkbFieldInfo {
  SkbField field;
  std::uint8_t offset;
  std::uint8_t size;  // bytes
  std::uint8_t
      stored;  // bytes that the kernel keeps of it: a read of fewer gets that part, any other read the whole
  std::string_view name;
  SkbAccess read;
  SkbAccess write;
  bool pointer;  // a load yields a 64-bit pointer, whatever its size, and must not extend a sign
};

// All fields that programs of this type may touch, by rising offset.
[[nodiscard]] std::span<const SkbFieldInfo> skb_fields();

// The field that a valid access of `size` bytes (1, 2, 4, 8) at `offset` touches, or null: "invalid
// bpf_context access".
[[nodiscard]] const SkbFieldInfo* skb_readable(std::uint64_t offset, std::uint32_t size);
[[nodiscard]] const SkbFieldInfo* skb_writable(std::uint64_t offset, std::uint32_t size);

// The value that a load of `size` bytes at `offset` gives, not sign-extended. The access is valid.
[[nodiscard]] std::uint64_t skb_read(const RunContext& run, const SkbFieldInfo& field, std::uint32_t offset,
                                     std::uint32_t size);
// A store of the low `size` bytes of `value`, the whole source register. The access is valid.
void skb_write(RunContext& run, const SkbFieldInfo& field, std::uint32_t offset, std::uint32_t size,
               std::uint64_t value);

// The whole of a field, for engines that decode a program once: what skb_read and skb_write do there, without
// the search. Null: such a load or store is invalid, touches a part of a field,
// or needs more than a read (sk).
using SkbReader = std::uint64_t (*)(const RunContext& run);
using SkbWriter = void (*)(RunContext& run, std::uint64_t value);
[[nodiscard]] SkbReader skb_reader(std::uint64_t offset, std::uint32_t size);
[[nodiscard]] SkbWriter skb_writer(std::uint64_t offset, std::uint32_t size);

// The socket of the run's packet (skb->sk), or null.
[[nodiscard]] const Socket* packet_socket(const RunContext& run);

}  // namespace netkit::bpf
