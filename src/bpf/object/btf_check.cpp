#include "bpf/object/btf_check.h"

#include <fmt/core.h>
#include <linux/btf.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/endian.h"
#include "bpf/object/names.h"

namespace netkit::bpf {
namespace {

// The kernel's own limits (BTF_MAX_TYPE, BTF_MAX_NAME_OFFSET) keep ids and offsets far from overflow.
constexpr std::uint32_t kMaxTypes = 0x000fffff;
constexpr std::uint32_t kMaxNameOffset = 0x00ffffff;

class Checker {
 public:
  explicit Checker(std::span<const std::byte> btf) : btf_(btf) {}

  Result<> check() {
    TRY(check_header());
    TRY(check_strings());
    TRY(collect_types());
    for (std::uint32_t id = 1; id < types_.size(); ++id) TRY(check_type(id));
    return check_containment();
  }

 private:
  struct Record {
    btf_type head{};
    std::span<const std::byte> tail;
  };

  template <class T>
  [[nodiscard]] static T nth(const Record& record, std::size_t index) {
    return load_unaligned<T>(record.tail.data() + index * sizeof(T));
  }

  static Failure broken(std::string_view what) {
    return fail(EINVAL, fmt::format(".BTF: {}; compile the file again with -g", what));
  }

  Result<> check_header() {
    if (btf_.size() < sizeof(btf_header)) return broken(fmt::format("only {} bytes", btf_.size()));
    const auto header = load_unaligned<btf_header>(btf_.data());
    if (header.magic != BTF_MAGIC)
      return broken(fmt::format("magic number 0x{:x}, expected 0x{:x}", header.magic, BTF_MAGIC));
    if (header.version != BTF_VERSION)
      return broken(fmt::format("version {}, expected {}", header.version, BTF_VERSION));
    if (header.hdr_len < sizeof(btf_header) || header.hdr_len > btf_.size())
      return broken(fmt::format("header of {} bytes", header.hdr_len));
    const auto body = btf_.subspan(header.hdr_len);
    const auto inside = [&](std::uint64_t offset, std::uint64_t length) {
      return offset + length <= body.size();
    };
    if (!inside(header.type_off, header.type_len) || header.type_off % 4 != 0 || header.type_len % 4 != 0)
      return broken(fmt::format("types at {}+{} do not lie in {} bytes", header.type_off, header.type_len,
                                body.size()));
    if (!inside(header.str_off, header.str_len))
      return broken(fmt::format("strings at {}+{} do not lie in {} bytes", header.str_off, header.str_len,
                                body.size()));
    if (header.str_off < std::uint64_t{header.type_off} + header.type_len)
      return broken("strings lie before the types");
    type_bytes_ = body.subspan(header.type_off, header.type_len);
    strings_ = body.subspan(header.str_off, header.str_len);
    return {};
  }

  Result<> check_strings() const {
    const bool sound = !strings_.empty() && strings_.size() <= kMaxNameOffset &&
                       strings_.front() == std::byte{0} && strings_.back() == std::byte{0};
    return sound ? Result<>{} : broken("the strings do not begin and end with a zero byte");
  }

  // Bytes behind the common head of a record, by kind; none for a kind that does not exist.
  static std::optional<std::uint64_t> tail_size(std::uint32_t kind, std::uint32_t count) {
    switch (kind) {
      case BTF_KIND_PTR:
      case BTF_KIND_FWD:
      case BTF_KIND_TYPEDEF:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_CONST:
      case BTF_KIND_RESTRICT:
      case BTF_KIND_FUNC:
      case BTF_KIND_FLOAT:
      case BTF_KIND_TYPE_TAG:
        return 0;
      case BTF_KIND_INT:
        return sizeof(std::uint32_t);
      case BTF_KIND_ARRAY:
        return sizeof(btf_array);
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return std::uint64_t{count} * sizeof(btf_member);
      case BTF_KIND_ENUM:
        return std::uint64_t{count} * sizeof(btf_enum);
      case BTF_KIND_ENUM64:
        return std::uint64_t{count} * sizeof(btf_enum64);
      case BTF_KIND_FUNC_PROTO:
        return std::uint64_t{count} * sizeof(btf_param);
      case BTF_KIND_VAR:
        return sizeof(btf_var);
      case BTF_KIND_DATASEC:
        return std::uint64_t{count} * sizeof(btf_var_secinfo);
      case BTF_KIND_DECL_TAG:
        return sizeof(btf_decl_tag);
      default:
        return std::nullopt;
    }
  }

  Result<> collect_types() {
    types_.emplace_back();  // id 0 is void
    for (auto rest = type_bytes_; !rest.empty();) {
      if (types_.size() > kMaxTypes) return broken(fmt::format("more than {} types", kMaxTypes));
      if (rest.size() < sizeof(btf_type)) return broken(fmt::format("type {} is cut off", types_.size()));
      Record record{.head = load_unaligned<btf_type>(rest.data()), .tail = {}};
      rest = rest.subspan(sizeof(btf_type));
      const std::uint32_t kind = BTF_INFO_KIND(record.head.info);
      const auto tail = tail_size(kind, BTF_INFO_VLEN(record.head.info));
      if (!tail) return broken(fmt::format("type {} is of unknown kind {}", types_.size(), kind));
      if (*tail > rest.size()) return broken(fmt::format("type {} is cut off", types_.size()));
      record.tail = rest.first(*tail);
      rest = rest.subspan(*tail);
      types_.push_back(record);
    }
    return {};
  }

  Result<> check_name(std::uint32_t id, std::uint32_t offset) const {
    if (offset >= strings_.size())
      return broken(fmt::format("type {}: name at {} of {} bytes of strings", id, offset, strings_.size()));
    const char* name = reinterpret_cast<const char*>(strings_.data()) + offset;
    const std::size_t length = strnlen(name, kLongestName);  // the last byte of the strings is zero
    // Tags are text of any form; all else is what compilers call things.
    const std::uint32_t kind = BTF_INFO_KIND(types_[id].head.info);
    const bool text = kind == BTF_KIND_DECL_TAG || kind == BTF_KIND_TYPE_TAG;
    if (length < kLongestName && (text || is_printable({name, length}))) return {};
    return broken(
        fmt::format("type {}: a name with control characters or of over {} bytes", id, kLongestName));
  }
  Result<> check_reference(std::uint32_t id, std::uint32_t other) const {
    if (other < types_.size()) return {};
    return broken(fmt::format("type {} refers to type {} of {}", id, other, types_.size()));
  }

  Result<> check_type(std::uint32_t id) const {
    const Record& record = types_[id];
    const std::uint32_t count = BTF_INFO_VLEN(record.head.info);
    TRY(check_name(id, record.head.name_off));
    switch (BTF_INFO_KIND(record.head.info)) {
      case BTF_KIND_PTR:
      case BTF_KIND_TYPEDEF:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_CONST:
      case BTF_KIND_RESTRICT:
      case BTF_KIND_TYPE_TAG:
      case BTF_KIND_VAR:
      case BTF_KIND_DECL_TAG:
        return check_reference(id, record.head.type);
      case BTF_KIND_FUNC:
        return check_function(id);
      case BTF_KIND_ARRAY:
        TRY(check_reference(id, nth<btf_array>(record, 0).type));
        return check_reference(id, nth<btf_array>(record, 0).index_type);
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return check_each<btf_member>(id, count);
      case BTF_KIND_FUNC_PROTO:
        TRY(check_reference(id, record.head.type));
        return check_each<btf_param>(id, count);
      case BTF_KIND_ENUM:
        for (std::uint32_t i = 0; i < count; ++i) TRY(check_name(id, nth<btf_enum>(record, i).name_off));
        return {};
      case BTF_KIND_ENUM64:
        for (std::uint32_t i = 0; i < count; ++i) TRY(check_name(id, nth<btf_enum64>(record, i).name_off));
        return {};
      case BTF_KIND_DATASEC:
        for (std::uint32_t i = 0; i < count; ++i) {
          const std::uint32_t variable = nth<btf_var_secinfo>(record, i).type;
          TRY(check_reference(id, variable));
          const std::uint32_t kind = BTF_INFO_KIND(types_[variable].head.info);
          if (kind != BTF_KIND_VAR && kind != BTF_KIND_FUNC)
            return broken(fmt::format("section type {} holds type {}, which is no variable", id, variable));
        }
        return {};
      default:
        return {};
    }
  }

  Result<> check_function(std::uint32_t id) const {
    const std::uint32_t prototype = types_[id].head.type;
    TRY(check_reference(id, prototype));
    if (BTF_INFO_KIND(types_[prototype].head.info) == BTF_KIND_FUNC_PROTO) return {};
    return broken(fmt::format("function type {} refers to type {}, which is no prototype", id, prototype));
  }

  // Members and parameters: a name and a type each.
  template <class T>
  Result<> check_each(std::uint32_t id, std::uint32_t count) const {
    for (std::uint32_t i = 0; i < count; ++i) {
      const T item = nth<T>(types_[id], i);
      TRY(check_name(id, item.name_off));
      TRY(check_reference(id, item.type));
    }
    return {};
  }

  // The type that `id` holds inside itself at position `index`; none behind the last one.
  [[nodiscard]] std::optional<std::uint32_t> contained(std::uint32_t id, std::uint32_t index) const {
    const Record& record = types_[id];
    switch (BTF_INFO_KIND(record.head.info)) {
      case BTF_KIND_TYPEDEF:
      case BTF_KIND_VOLATILE:
      case BTF_KIND_CONST:
      case BTF_KIND_RESTRICT:
      case BTF_KIND_TYPE_TAG:
      case BTF_KIND_VAR:
        return index == 0 ? std::optional(record.head.type) : std::nullopt;
      case BTF_KIND_ARRAY:
        return index == 0 ? std::optional(nth<btf_array>(record, 0).type) : std::nullopt;
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        if (index >= BTF_INFO_VLEN(record.head.info)) return std::nullopt;
        return nth<btf_member>(record, index).type;
      default:
        return std::nullopt;
    }
  }

  // Depth first with a stack of its own: a hostile file must not choose the depth of ours.
  Result<> check_containment() const {
    enum class State : std::uint8_t { kNew, kOpen, kDone };
    std::vector<State> states(types_.size(), State::kNew);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> open;  // type, next position
    for (std::uint32_t root = 1; root < types_.size(); ++root) {
      if (states[root] != State::kNew) continue;
      states[root] = State::kOpen;
      open.emplace_back(root, 0);
      while (!open.empty()) {
        auto& [id, position] = open.back();
        const auto inner = contained(id, position++);
        if (!inner) {
          states[id] = State::kDone;
          open.pop_back();
        } else if (states[*inner] == State::kOpen) {
          return broken(fmt::format("type {} contains itself", *inner));
        } else if (states[*inner] == State::kNew) {
          states[*inner] = State::kOpen;
          open.emplace_back(*inner, 0);
        }
      }
    }
    return {};
  }

  std::span<const std::byte> btf_;
  std::span<const std::byte> type_bytes_;
  std::span<const std::byte> strings_;
  std::vector<Record> types_;
};

}  // namespace

Result<> check_btf(std::span<const std::byte> btf) {
  return Checker(btf).check();
}

}  // namespace netkit::bpf
