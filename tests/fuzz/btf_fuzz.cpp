// Hostile types: raw .BTF with .BTF.ext behind it. What passes our check must be safe to walk, and to
// relocate by.
#include <linux/btf.h>

#include <cstdint>
#include <cstring>
#include <span>

#include "bpf/object/btf.h"
#include "bpf/object/btf_ext.h"
#include "bpf/object/core_resolver.h"
#include "bpf/object/kernel_types.h"

namespace {

using namespace netkit::bpf;

// Where .BTF ends, by its own header.
std::size_t btf_size(std::span<const std::byte> bytes) {
  btf_header header{};
  if (bytes.size() < sizeof header) return bytes.size();
  std::memcpy(&header, bytes.data(), sizeof header);
  const std::uint64_t end = std::uint64_t{header.hdr_len} + header.str_off + header.str_len;
  return end < bytes.size() ? static_cast<std::size_t>(end) : bytes.size();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const std::size_t end = btf_size(bytes);
  const auto btf = Btf::parse(bytes.first(end));
  if (!btf) return 0;
  for (std::uint32_t id = 0; id < btf->type_count(); ++id) {
    static_cast<void>(btf->size(id));
    static_cast<void>(btf->underlying(id));
    static_cast<void>(btf->describe(id));
    static_cast<void>(btf->section_members(btf->name(id)));
  }
  const auto sections = read_btf_ext(bytes.subspan(end), *btf);
  if (!sections) return 0;
  static const auto kernel = KernelTypes::ours();
  const CoreResolver resolver(*btf, *kernel, nullptr);
  for (const SectionRecords& section : *sections)
    for (const CoreRelocation& relocation : section.core_relocations) {
      static_cast<void>(resolver.resolve(relocation));
      static_cast<void>(describe(relocation, *btf));
    }
  return 0;
}
