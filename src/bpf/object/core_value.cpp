#include "bpf/object/core_value.h"

#include <bpf/btf.h>

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kByteBits = 8;
constexpr std::uint32_t kWordBits = 64;

using Answer = Result<std::optional<CoreAnswer>>;

// Where a field lies, and the memory that holds it.
struct Place {
  std::uint64_t bit_offset = 0;
  std::uint32_t bits = 0;
  std::uint64_t byte_offset = 0;
  std::uint32_t bytes = 0;
};

// The smallest aligned integer, beginning with the declared type, that holds a bit field.
Result<Place> place_bit_field(std::uint64_t bit_offset, std::uint32_t bits, std::uint32_t bytes) {
  if (bytes == 0) return fail(EINVAL, "a bit field's type has no size; compile the file again");
  const auto begin = [&] { return bit_offset / kByteBits / bytes * bytes; };
  while (bit_offset + bits - begin() * kByteBits > std::uint64_t{bytes} * kByteBits) {
    if (bytes >= sizeof(std::uint64_t))
      return fail(E2BIG, "a bit field lies across more than 8 bytes; read its bytes one by one");
    bytes *= 2;
  }
  return Place{.bit_offset = bit_offset, .bits = bits, .byte_offset = begin(), .bytes = bytes};
}

// The type of the elements of an array, of an array of arrays ...; others are their own.
std::uint32_t element_type(const Btf& btf, std::uint32_t id) {
  id = btf.underlying(id);
  while (btf_is_array(btf.type(id))) id = btf.underlying(btf_array(btf.type(id))->type);
  return id;
}

Result<std::uint32_t> size_of(const Btf& btf, std::uint32_t id) {
  if (const auto bytes = btf.size(id)) return *bytes;
  return fail(EINVAL, "a CO-RE relocation asks about a type without size; compile the file again");
}

Answer array_element(CoreKind kind, const Btf& btf, const CoreSpec& spec) {
  const std::uint32_t id = spec.steps.back().type_id;
  const std::uint32_t bytes = TRY(size_of(btf, id));
  if (kind == CoreKind::kFieldByteSize) return CoreAnswer{.value = bytes};
  if (kind != CoreKind::kFieldByteOffset)
    return fail(EINVAL, "a CO-RE relocation asks an element of an array what only fields have");
  const std::uint32_t element = element_type(btf, id);
  return CoreAnswer{.value = spec.bit_offset / kByteBits, .bytes = TRY(size_of(btf, element)), .type_id = id};
}

bool is_signed(const btf_type* type) {
  if (btf_is_any_enum(type)) return btf_kflag(type);
  return btf_is_int(type) && (btf_int_encoding(type) & BTF_INT_SIGNED) != 0;
}

Answer member(CoreKind kind, const Btf& btf, const CoreSpec& spec) {
  const CoreStep& step = spec.steps.back();
  const btf_type* composite = btf.type(step.type_id);
  const std::uint32_t type_id = btf.underlying(btf_members(composite)[step.index].type);
  const btf_type* type = btf.type(type_id);
  const std::uint32_t bit_field = btf_member_bitfield_size(composite, step.index);
  const std::uint32_t bytes = TRY(size_of(btf, type_id));
  const Place place = bit_field != 0 ? TRY(place_bit_field(spec.bit_offset, bit_field, bytes))
                                     : Place{.bit_offset = spec.bit_offset,
                                             .bits = bytes * kByteBits,
                                             .byte_offset = spec.bit_offset / kByteBits,
                                             .bytes = bytes};
  // Compilers choose freely how to load a bit field.
  const bool certain = bit_field == 0;
  switch (kind) {
    case CoreKind::kFieldByteOffset: {
      if (bit_field != 0) return CoreAnswer{.value = place.byte_offset, .certain = false};
      const std::uint32_t element = element_type(btf, type_id);
      return CoreAnswer{.value = place.byte_offset, .bytes = TRY(size_of(btf, element)), .type_id = type_id};
    }
    case CoreKind::kFieldByteSize:
      return CoreAnswer{.value = place.bytes, .certain = certain};
    case CoreKind::kFieldSigned:
      return CoreAnswer{.value = is_signed(type) ? 1U : 0U};
    case CoreKind::kFieldLeftShift:
      return CoreAnswer{.value = kWordBits - (place.bit_offset + place.bits - place.byte_offset * kByteBits),
                        .certain = certain};
    case CoreKind::kFieldRightShift:
      return CoreAnswer{.value = std::uint64_t{kWordBits} - place.bits};
    default:
      return fail(ENOTSUP, "a CO-RE relocation of unknown kind");
  }
}

Answer type(CoreKind kind, const Btf& btf, const std::optional<CoreSpec>& spec) {
  if (!spec) return CoreAnswer{};
  switch (kind) {
    case CoreKind::kTypeIdLocal:
    case CoreKind::kTypeIdTarget:
      return CoreAnswer{.value = spec->root, .certain = false};
    case CoreKind::kTypeSize:
      return CoreAnswer{.value = TRY(size_of(btf, spec->root))};
    default:
      return CoreAnswer{.value = 1};
  }
}

Answer enumerator(CoreKind kind, const Btf& btf, const std::optional<CoreSpec>& spec) {
  if (kind == CoreKind::kEnumValueExists) return CoreAnswer{.value = spec ? 1U : 0U};
  if (!spec) return std::nullopt;
  const CoreStep& step = spec->steps.front();
  const btf_type* type = btf.type(step.type_id);
  if (!btf_is_enum(type)) return CoreAnswer{.value = btf_enum64_value(btf_enum64(type) + step.index)};
  return CoreAnswer{.value = static_cast<std::uint64_t>(std::int64_t{btf_enum(type)[step.index].val})};
}

// A load of one width may become one of another only where no sign bit is lost: pointers (of a 32-bit kernel)
// and unsigned integers.
bool may_resize(const btf_type* local, const btf_type* target) {
  const auto is_unsigned = [](const btf_type* type) { return btf_is_int(type) && !is_signed(type); };
  return (btf_is_ptr(local) && btf_is_ptr(target)) || (is_unsigned(local) && is_unsigned(target));
}

}  // namespace

Result<std::optional<CoreAnswer>> core_answer(CoreKind kind, const Btf& btf,
                                              const std::optional<CoreSpec>& spec) {
  if (asks_about_type(kind)) return type(kind, btf, spec);
  if (asks_about_enumerator(kind)) return enumerator(kind, btf, spec);
  if (kind == CoreKind::kFieldExists) return CoreAnswer{.value = spec ? 1U : 0U};
  if (!spec) return std::nullopt;
  return spec->steps.back().name.empty() ? array_element(kind, btf, *spec) : member(kind, btf, *spec);
}

Result<CoreResolution> resolve_core(CoreKind kind, const Btf& object, const CoreSpec& local,
                                    const Btf& kernel, const std::optional<CoreSpec>& target) {
  const std::optional<CoreAnswer> mine = TRY(core_answer(kind, object, local));
  const std::optional<CoreAnswer> theirs = TRY(core_answer(kind, kernel, target));
  if (!mine || !theirs) return CoreResolution{.poisoned = true, .check = false};
  const bool resizable =
      mine->bytes == theirs->bytes || may_resize(object.type(object.underlying(mine->type_id)),
                                                 kernel.type(kernel.underlying(theirs->type_id)));
  return CoreResolution{.poisoned = false,
                        .check = mine->certain,
                        .local = mine->value,
                        .value = theirs->value,
                        .local_bytes = mine->bytes,
                        .bytes = theirs->bytes,
                        .resizable = resizable};
}

}  // namespace netkit::bpf
