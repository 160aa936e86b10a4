// The functions on dynptrs: the helpers bpf_dynptr_from_mem, _read, _write, _data and the kfuncs around them.
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "bpf/helper/call.h"
#include "bpf/helper/dynptr.h"
#include "bpf/helper/families.h"
#include "bpf/helper/kfunc.h"

namespace netkit::bpf {
namespace {

constexpr std::size_t kChunk = 256;  // bytes that go through the stack at a time

std::int64_t dynptr_from_mem(RunContext&, std::uint64_t data, std::uint64_t size, std::uint64_t flags,
                             Dynptr& made) {
  made = {};
  if (size > Dynptr::kMaxSize) return -E2BIG;
  if (flags != 0) return -EINVAL;
  made = Dynptr(Dynptr::Kind::kLocal, data, static_cast<std::uint32_t>(size));
  return 0;
}

std::int64_t dynptr_read(RunContext& run, std::uint8_t* to, std::uint64_t size, const Dynptr& from,
                         std::uint64_t offset, std::uint64_t flags) {
  return read_dynptr(run, {to, size}, from, offset, flags);
}

std::int64_t dynptr_write(RunContext& run, const Dynptr& to, std::uint64_t offset, const std::uint8_t* from,
                          std::uint64_t size, std::uint64_t flags) {
  return write_dynptr(run, to, offset, {from, size}, flags);
}

// Memory to access directly; packets are not lent that way.
std::uint8_t* dynptr_data(RunContext& run, const Dynptr& dynptr, std::uint64_t offset, std::uint64_t size) {
  const bool flat = dynptr.kind() == Dynptr::Kind::kLocal || dynptr.kind() == Dynptr::Kind::kReservation;
  if (!flat || dynptr.is_rdonly()) return nullptr;
  return slice_dynptr(run, dynptr, offset, nullptr, size);
}

std::int32_t from_packet(RunContext& run, Dynptr::Kind kind, std::uint32_t size, std::uint64_t flags,
                         Dynptr& made) {
  made = {};
  if (flags != 0) return -EINVAL;
  made = Dynptr(kind, run.context_address(), size);
  return 0;
}
std::int32_t dynptr_from_skb(RunContext& run, ContextPointer, std::uint64_t flags, Dynptr& made) {
  return from_packet(run, Dynptr::Kind::kPacket, run.packet->len(), flags, made);
}
std::int32_t dynptr_from_skb_meta(RunContext& run, ContextPointer, std::uint64_t flags, Dynptr& made) {
  return from_packet(run, Dynptr::Kind::kPacketMeta, run.packet->meta.meta_len, flags, made);
}

std::uint8_t* dynptr_slice(RunContext& run, const Dynptr& dynptr, std::uint64_t offset, std::uint8_t* buffer,
                           std::uint64_t size) {
  return slice_dynptr(run, dynptr, offset, buffer, size);
}
std::uint8_t* dynptr_slice_rdwr(RunContext& run, const Dynptr& dynptr, std::uint64_t offset,
                                std::uint8_t* buffer, std::uint64_t size) {
  return dynptr.is_rdonly() ? nullptr : slice_dynptr(run, dynptr, offset, buffer, size);
}

std::int32_t dynptr_adjust(RunContext&, Dynptr& dynptr, std::uint64_t start, std::uint64_t end) {
  if (dynptr.is_null() || start > end) return -EINVAL;
  if (end > dynptr.size()) return -ERANGE;
  dynptr.narrow(start, end);
  return 0;
}

bool dynptr_is_null(RunContext&, const Dynptr& dynptr) {
  return dynptr.is_null();
}
bool dynptr_is_rdonly(RunContext&, const Dynptr& dynptr) {
  return !dynptr.is_null() && dynptr.is_rdonly();
}
std::int64_t dynptr_size(RunContext&, const Dynptr& dynptr) {
  return dynptr.is_null() ? -EINVAL : std::int64_t{dynptr.size()};
}

std::int32_t dynptr_clone(RunContext&, const Dynptr& dynptr, Dynptr& made) {
  made = dynptr;
  return dynptr.is_null() ? -EINVAL : 0;
}

// Neither side is in one piece: through a buffer.
std::int64_t copy_in_chunks(RunContext& run, const Dynptr& to, std::uint64_t to_offset, const Dynptr& from,
                            std::uint64_t from_offset, std::uint64_t size) {
  if (!to.holds(to_offset, size) || !from.holds(from_offset, size)) return -E2BIG;
  std::array<std::uint8_t, kChunk> buffer;
  for (std::uint64_t done = 0; done < size; done += kChunk) {
    const std::span chunk(buffer.data(), std::min<std::uint64_t>(kChunk, size - done));
    if (const auto error = read_dynptr(run, chunk, from, from_offset + done, 0); error != 0) return error;
    if (const auto error = write_dynptr(run, to, to_offset + done, chunk, 0); error != 0) return error;
  }
  return 0;
}

std::int64_t dynptr_copy(RunContext& run, const Dynptr& to, std::uint64_t to_offset, const Dynptr& from,
                         std::uint64_t from_offset, std::uint64_t size) {
  std::uint8_t* const source = slice_dynptr(run, from, from_offset, nullptr, size);
  std::uint8_t* const target = dynptr_slice_rdwr(run, to, to_offset, nullptr, size);
  if (source != nullptr && target != nullptr) {
    std::memmove(target, source, size);
    return 0;
  }
  if (source != nullptr) return write_dynptr(run, to, to_offset, {source, size}, 0);
  if (target != nullptr) return read_dynptr(run, {target, size}, from, from_offset, 0);
  return copy_in_chunks(run, to, to_offset, from, from_offset, size);
}

std::int64_t dynptr_memset(RunContext& run, const Dynptr& dynptr, std::uint64_t offset, std::uint64_t size,
                           std::uint8_t value) {
  if (dynptr.is_rdonly()) return -EINVAL;
  if (!dynptr.holds(offset, size)) return -E2BIG;
  if (std::uint8_t* memory = slice_dynptr(run, dynptr, offset, nullptr, size); memory != nullptr) {
    std::memset(memory, value, size);
    return 0;
  }
  std::array<std::uint8_t, kChunk> buffer;
  buffer.fill(value);
  for (std::uint64_t done = 0; done < size; done += kChunk) {
    const std::span chunk(buffer.data(), std::min<std::uint64_t>(kChunk, size - done));
    if (const auto error = write_dynptr(run, dynptr, offset + done, chunk, 0); error != 0) return error;
  }
  return 0;
}

constexpr Helper kHelpers[] = {
    {.number = 197,
     .name = "dynptr_from_mem",
     .contract = {.arguments = {Arg::kValueMem, Arg::kSizeOrZero, Arg::kAnything, Arg::kDynptrOut}},
     .function = helper_call<dynptr_from_mem>},
    {.number = 201,
     .name = "dynptr_read",
     .contract = {.arguments = {Arg::kOutMem, Arg::kSizeOrZero, Arg::kDynptr, Arg::kAnything,
                                Arg::kAnything}},
     .function = helper_call<dynptr_read>},
    {.number = 202,
     .name = "dynptr_write",
     .contract = {.arguments = {Arg::kDynptr, Arg::kAnything, Arg::kMem, Arg::kSizeOrZero, Arg::kAnything},
                  .effects = kChangesPacket},
     .function = helper_call<dynptr_write>},
    {.number = 203,
     .name = "dynptr_data",
     .contract = {.arguments = {Arg::kDynptr, Arg::kAnything, Arg::kAnything},
                  .result = Return::kMemoryOrNull},
     .function = helper_call<dynptr_data>},
};

constexpr Helper kKfuncs[] = {
    {.name = "bpf_dynptr_from_skb",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kDynptrOut}},
     .function = helper_call<dynptr_from_skb>},
    {.name = "bpf_dynptr_from_skb_meta",
     .contract = {.arguments = {Arg::kContext, Arg::kAnything, Arg::kDynptrOut}},
     .function = helper_call<dynptr_from_skb_meta>},
    {.name = "bpf_dynptr_slice",
     .contract = {.arguments = {Arg::kDynptr, Arg::kAnything, Arg::kBuffer, Arg::kSizeOrZero},
                  .result = Return::kMemoryOrNull},
     .function = helper_call<dynptr_slice>},
    {.name = "bpf_dynptr_slice_rdwr",
     .contract = {.arguments = {Arg::kDynptr, Arg::kAnything, Arg::kBuffer, Arg::kSizeOrZero},
                  .result = Return::kMemoryOrNull},
     .function = helper_call<dynptr_slice_rdwr>},
    {.name = "bpf_dynptr_adjust",
     .contract = {.arguments = {Arg::kDynptr, Arg::kAnything, Arg::kAnything}},
     .function = helper_call<dynptr_adjust>},
    {.name = "bpf_dynptr_is_null",
     .contract = {.arguments = {Arg::kDynptr}},
     .function = helper_call<dynptr_is_null>},
    {.name = "bpf_dynptr_is_rdonly",
     .contract = {.arguments = {Arg::kDynptr}},
     .function = helper_call<dynptr_is_rdonly>},
    {.name = "bpf_dynptr_size",
     .contract = {.arguments = {Arg::kDynptr}},
     .function = helper_call<dynptr_size>},
    {.name = "bpf_dynptr_clone",
     .contract = {.arguments = {Arg::kDynptr, Arg::kDynptrOut}},
     .function = helper_call<dynptr_clone>},
    {.name = "bpf_dynptr_copy",
     .contract = {.arguments = {Arg::kDynptr, Arg::kAnything, Arg::kDynptr, Arg::kAnything, Arg::kAnything},
                  .effects = kChangesPacket},
     .function = helper_call<dynptr_copy>},
    {.name = "bpf_dynptr_memset",
     .contract = {.arguments = {Arg::kDynptr, Arg::kAnything, Arg::kAnything, Arg::kAnything},
                  .effects = kChangesPacket},
     .function = helper_call<dynptr_memset>},
};

}  // namespace

std::span<const Helper> dynptr_helpers() {
  return kHelpers;
}

std::span<const Helper> dynptr_kfuncs() {
  return kKfuncs;
}

}  // namespace netkit::bpf
