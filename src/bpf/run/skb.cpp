#include "bpf/run/skb.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "bpf/run/program.h"
#include "bpf/run/socket.h"

namespace netkit::bpf {
namespace {

using enum SkbAccess;

// clang-format off
constexpr auto kFields = std::to_array<SkbFieldInfo>({
    //  field                     offset size stored name              read      write   pointer
    {SkbField::kLen,                0,  4, 4, "len",             kNarrow,  kNone,    false},
    {SkbField::kPktType,            4,  4, 1, "pkt_type",        kNarrow,  kNone,    false},
    {SkbField::kMark,               8,  4, 4, "mark",            kNarrow,  kWhole,   false},
    {SkbField::kQueueMapping,      12,  4, 2, "queue_mapping",   kNarrow,  kWhole,   false},
    {SkbField::kProtocol,          16,  4, 2, "protocol",        kNarrow,  kNone,    false},
    {SkbField::kVlanPresent,       20,  4, 4, "vlan_present",    kNarrow,  kNone,    false},
    {SkbField::kVlanTci,           24,  4, 2, "vlan_tci",        kNarrow,  kNone,    false},
    {SkbField::kVlanProto,         28,  4, 2, "vlan_proto",      kNarrow,  kNone,    false},
    {SkbField::kPriority,          32,  4, 4, "priority",        kNarrow,  kWhole,   false},
    {SkbField::kIngressIfindex,    36,  4, 4, "ingress_ifindex", kNarrow,  kNone,    false},
    {SkbField::kIfindex,           40,  4, 4, "ifindex",         kNarrow,  kNone,    false},
    {SkbField::kTcIndex,           44,  4, 2, "tc_index",        kNarrow,  kWhole,   false},
    {SkbField::kCb,                48, 20, 20, "cb",             kScratch, kScratch, false},
    {SkbField::kHash,              68,  4, 4, "hash",            kNarrow,  kNone,    false},
    {SkbField::kTcClassid,         72,  4, 2, "tc_classid",      kNarrow,  kWhole,   false},
    {SkbField::kData,              76,  4, 4, "data",            kWhole,   kNone,    true},
    {SkbField::kDataEnd,           80,  4, 4, "data_end",        kWhole,   kNone,    true},
    {SkbField::kNapiId,            84,  4, 4, "napi_id",         kNarrow,  kNone,    false},
    {SkbField::kDataMeta,         140,  4, 4, "data_meta",       kWhole,   kNone,    true},
    {SkbField::kTstamp,           152,  8, 8, "tstamp",          kWhole,   kWhole,   false},
    {SkbField::kWireLen,          160,  4, 4, "wire_len",        kNarrow,  kNone,    false},
    {SkbField::kGsoSegs,          164,  4, 2, "gso_segs",        kNarrow,  kNone,    false},
    {SkbField::kSk,               168,  8, 8, "sk",              kWhole,   kNone,    true},
    {SkbField::kGsoSize,          176,  4, 2, "gso_size",        kNarrow,  kNone,    false},
    {SkbField::kTstampType,       180,  1, 1, "tstamp_type",     kWhole,   kNone,    false},
    {SkbField::kHwtstamp,         184,  8, 8, "hwtstamp",        kWhole,   kNone,    false},
});
// clang-format on

constexpr bool valid(const SkbFieldInfo& info, SkbAccess access, std::uint32_t offset, std::uint32_t size) {
  if (offset < info.offset || offset + size > std::uint32_t{info.offset} + info.size) return false;
  switch (access) {
    case kNone:
      return false;
    case kWhole:
      return size == info.size;
    case kNarrow:
    case kScratch:
      return true;
  }
  return false;
}

constexpr std::uint8_t kInvalid = 0xff;

// For each offset and binary logarithm of the size: the number of the field that is accessed, or kInvalid.
using AccessTable = std::array<std::array<std::uint8_t, 4>, kSkbSize>;

constexpr AccessTable accesses(SkbAccess SkbFieldInfo::* access) {
  AccessTable table{};
  for (std::uint32_t offset = 0; offset < kSkbSize; ++offset) {
    table[offset].fill(kInvalid);
    for (std::size_t log = 0; log < table[offset].size(); ++log) {
      const std::uint32_t size = 1U << log;
      if (offset % size != 0) continue;
      for (std::size_t number = 0; number < kFields.size(); ++number) {
        if (valid(kFields[number], kFields[number].*access, offset, size))
          table[offset][log] = static_cast<std::uint8_t>(number);
      }
    }
  }
  return table;
}

constexpr AccessTable kReadable = accesses(&SkbFieldInfo::read);
constexpr AccessTable kWritable = accesses(&SkbFieldInfo::write);

const SkbFieldInfo* accessible(const AccessTable& table, std::uint64_t offset, std::uint32_t size) {
  if (offset >= kSkbSize) return nullptr;
  const std::uint8_t number = table[offset][static_cast<std::size_t>(std::countr_zero(size))];
  return number == kInvalid ? nullptr : &kFields[number];
}

std::uint64_t address(const std::uint8_t* at) {
  return reinterpret_cast<std::uint64_t>(at);
}

// At a receive hook a packet may carry the time of its delivery instead of that of its arrival. Programs that
// do not ask which of the two it is are shown arrival times only (bpf_convert_tstamp_read).
bool hides_delivery_time(const RunContext& run) {
  return run.packet->meta.at_ingress && !run.program->reads_tstamp_type &&
         run.packet->meta.tstamp_type != TimestampType::kRealtime;
}

std::uint64_t whole(const RunContext& run, SkbField field) {
  Packet& packet = *run.packet;
  const PacketMeta& meta = packet.meta;
  switch (field) {
    case SkbField::kLen:
      return packet.len();
    case SkbField::kPktType:
      return static_cast<std::uint8_t>(meta.pkt_type);
    case SkbField::kMark:
      return meta.mark;
    case SkbField::kQueueMapping:
      return meta.queue_mapping;
    case SkbField::kProtocol:
      return meta.protocol.raw();
    case SkbField::kVlanPresent:
      return meta.vlan.present ? 1 : 0;
    case SkbField::kVlanTci:
      return meta.vlan.tci;
    case SkbField::kVlanProto:
      return meta.vlan.proto.raw();
    case SkbField::kPriority:
      return meta.priority;
    case SkbField::kIngressIfindex:
      return meta.skb_iif;
    case SkbField::kIfindex:
      return meta.ifindex;
    case SkbField::kTcIndex:
      return meta.tc_index;
    case SkbField::kCb:
      return 0;  // read as memory
    case SkbField::kHash:
      return meta.hash;
    case SkbField::kTcClassid:
      return meta.tc_classid;
    case SkbField::kData:
      return address(packet.data());
    case SkbField::kDataEnd:
      return address(packet.data_end());
    case SkbField::kNapiId:
      return meta.napi_id;
    case SkbField::kDataMeta:
      return address(packet.data()) - meta.meta_len;
    case SkbField::kTstamp:
      return hides_delivery_time(run) ? 0 : meta.tstamp;
    case SkbField::kWireLen:
      return meta.wire_len != 0 ? meta.wire_len : packet.len();
    case SkbField::kGsoSegs:
      return meta.gso.segs;
    case SkbField::kSk:
      return reinterpret_cast<std::uint64_t>(packet_socket(run));
    case SkbField::kGsoSize:
      return meta.gso.size;
    case SkbField::kTstampType:
      return static_cast<std::uint8_t>(meta.tstamp_type);
    case SkbField::kHwtstamp:
      return meta.hwtstamp;
  }
  return 0;
}

inline std::uint64_t load(const RunContext& run, const SkbFieldInfo& field, std::uint32_t offset,
                          std::uint32_t size) {
  if (field.pointer) return whole(run, field.field);
  std::uint64_t value = 0;
  if (field.field == SkbField::kCb) {
    std::memcpy(&value,
                reinterpret_cast<const std::byte*>(run.packet->meta.cb.data()) + (offset - field.offset),
                size);
    return value;
  }
  const std::uint64_t all = whole(run, field.field);
  // convert_ctx_accesses: what is not narrower than the kernel's own field loads all of it, wherever it
  // looks.
  if (size >= field.stored) return all;
  std::memcpy(&value, reinterpret_cast<const std::byte*>(&all) + (offset - field.offset), size);
  return value;
}

inline void store(RunContext& run, const SkbFieldInfo& field, std::uint32_t offset, std::uint32_t size,
                  std::uint64_t value) {
  PacketMeta& meta = run.packet->meta;
  switch (field.field) {
    case SkbField::kMark:
      meta.mark = static_cast<std::uint32_t>(value);
      break;
    case SkbField::kPriority:
      meta.priority = static_cast<std::uint32_t>(value);
      break;
    case SkbField::kTcIndex:
      meta.tc_index = static_cast<std::uint16_t>(value);
      break;
    case SkbField::kTcClassid:
      meta.tc_classid = static_cast<std::uint16_t>(value);
      break;
    case SkbField::kQueueMapping:
      // The kernel compares the whole register with NO_QUEUE_MAPPING.
      if (value < std::numeric_limits<std::uint16_t>::max())
        meta.queue_mapping = static_cast<std::uint16_t>(value);
      break;
    case SkbField::kCb:
      std::memcpy(reinterpret_cast<std::byte*>(meta.cb.data()) + (offset - field.offset), &value, size);
      break;
    case SkbField::kTstamp:
      // bpf_convert_tstamp_write: an arrival time replaces a delivery time.
      if (hides_delivery_time(run)) meta.tstamp_type = TimestampType::kRealtime;
      meta.tstamp = value;
      break;
    default:
      break;  // the table has no other writable field
  }
}

// One function for each field, and for each word of cb, made of the two above.
struct WholeAccess {
  SkbReader read = nullptr;
  SkbWriter write = nullptr;
};

constexpr std::uint32_t kCbWords = 5;
constexpr std::uint32_t kWord = 4;

template <std::size_t number, std::uint32_t offset, std::uint32_t size>
constexpr WholeAccess kWholeAccess = {
    [](const RunContext& run) { return load(run, kFields[number], offset, size); },
    [](RunContext& run, std::uint64_t value) { store(run, kFields[number], offset, size, value); }};

constexpr std::size_t kCbNumber = static_cast<std::size_t>(
    std::ranges::find(kFields, SkbField::kCb, &SkbFieldInfo::field) - kFields.begin());

constexpr std::array kWholeFields = []<std::size_t... number>(std::index_sequence<number...>) {
  return std::array{kWholeAccess < number, kFields[number].offset, kFields[number].size & 0xfU > ...};
}(std::make_index_sequence<kFields.size()>{});

constexpr std::array kWholeCbWords = []<std::size_t... word>(std::index_sequence<word...>) {
  return std::array{kWholeAccess<kCbNumber, kFields[kCbNumber].offset + kWord * word, kWord>...};
}(std::make_index_sequence<kCbWords>{});

// `field`: what a valid access of `size` bytes at `offset` touches, or null.
WholeAccess whole_access(const SkbFieldInfo* field, std::uint64_t offset, std::uint32_t size) {
  if (field == nullptr) return {};
  if (field->field == SkbField::kCb)
    return size == kWord ? kWholeCbWords[(offset - field->offset) / kWord] : WholeAccess{};
  // A socket that is read must be handed out to the program, which the run's regions have to know.
  if (size != field->size || field->field == SkbField::kSk) return {};
  return kWholeFields[static_cast<std::size_t>(field - kFields.data())];
}

}  // namespace

const Socket* packet_socket(const RunContext& run) {
  const std::uint64_t handle = run.packet->meta.socket;
  const Outside& outside = *run.outside;
  return handle != 0 && outside.socket != nullptr ? outside.socket(outside.self, handle) : nullptr;
}

std::span<const SkbFieldInfo> skb_fields() {
  return kFields;
}

const SkbFieldInfo* skb_readable(std::uint64_t offset, std::uint32_t size) {
  return accessible(kReadable, offset, size);
}

const SkbFieldInfo* skb_writable(std::uint64_t offset, std::uint32_t size) {
  return accessible(kWritable, offset, size);
}

std::uint64_t skb_read(const RunContext& run, const SkbFieldInfo& field, std::uint32_t offset,
                       std::uint32_t size) {
  return load(run, field, offset, size);
}

void skb_write(RunContext& run, const SkbFieldInfo& field, std::uint32_t offset, std::uint32_t size,
               std::uint64_t value) {
  store(run, field, offset, size, value);
}

SkbReader skb_reader(std::uint64_t offset, std::uint32_t size) {
  return whole_access(skb_readable(offset, size), offset, size).read;
}

SkbWriter skb_writer(std::uint64_t offset, std::uint32_t size) {
  return whole_access(skb_writable(offset, size), offset, size).write;
}

}  // namespace netkit::bpf
