// The types of an object file (BPF Type Format), on libbpf's btf__* functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct btf;
struct btf_type;

namespace netkit::bpf {

class Btf {
 public:
  // Checks the raw data (btf_check.h) and takes a copy. Silences libbpf's own messages for the whole process.
  [[nodiscard]] static Result<Btf> parse(std::span<const std::byte> raw);

  [[nodiscard]] const ::btf* handle() const { return handle_.get(); }
  // The number of types, void (id 0) included.
  [[nodiscard]] std::uint32_t type_count() const;
  // Null: no such type.
  [[nodiscard]] const ::btf_type* type(std::uint32_t id) const;
  // Empty: the type has no name, or does not exist.
  [[nodiscard]] std::string_view name(std::uint32_t id) const;
  // A string of the string part, cut at kLongestName; none when the offset lies outside.
  [[nodiscard]] std::optional<std::string_view> string(std::uint32_t offset) const;
  // The type behind const, volatile, restrict, typedefs and type tags.
  [[nodiscard]] std::uint32_t underlying(std::uint32_t id) const;
  // Bytes of a value of this type; none for what has no size (void, functions, forward declarations).
  [[nodiscard]] std::optional<std::uint32_t> size(std::uint32_t id) const;
  // As C writes it, without members: "struct iphdr", "unsigned int", "enum state".
  [[nodiscard]] std::string describe(std::uint32_t id) const;
  // What all DATASECs with that section's name hold, in their order: VARs, and FUNCs for externs.
  [[nodiscard]] std::vector<std::uint32_t> section_members(std::string_view section) const;

 private:
  struct Free {
    void operator()(::btf* handle) const;
  };
  std::unique_ptr<::btf, Free> handle_;
  std::uint32_t string_bytes_ = 0;
};

}  // namespace netkit::bpf
