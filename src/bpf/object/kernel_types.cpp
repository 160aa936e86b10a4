#include "bpf/object/kernel_types.h"

#include <bpf/btf.h>
#include <fmt/core.h>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "bpf/object/core_spec.h"
#include "bpf/object/elf_file.h"

// The compiled kernel_types.bpf.c; the build says where it is.
__asm__(
    ".pushsection .rodata\n"
    ".balign 8\n"
    "netkit_kernel_types:\n"
    ".incbin \"" NETKIT_KERNEL_TYPES_OBJECT
    "\"\n"
    "netkit_kernel_types_end:\n"
    ".popsection\n");
extern "C" {
extern const std::byte netkit_kernel_types[];
extern const std::byte netkit_kernel_types_end[];
}

namespace netkit::bpf {
namespace {

constexpr std::string_view kRunningKernel = "kernel";
constexpr const char* kRunningKernelFile = "/sys/kernel/btf/vmlinux";

bool is_elf(std::span<const std::byte> bytes) {
  constexpr std::string_view kMagic = "\177ELF";
  return bytes.size() >= kMagic.size() &&
         std::string_view(reinterpret_cast<const char*>(bytes.data()), kMagic.size()) == kMagic;
}

Result<Btf> parse(std::span<const std::byte> bytes) {
  if (!is_elf(bytes)) return Btf::parse(bytes);
  const ElfFile elf = TRY(read_elf(bytes));
  const ElfSection* section = elf.find(".BTF");
  if (section == nullptr) return fail(EINVAL, "an object without .BTF; compile it with -g");
  return Btf::parse(section->content);
}

}  // namespace

KernelTypes::KernelTypes(Btf btf) : btf_(std::move(btf)) {
  for (std::uint32_t id = 1; id < btf_.type_count(); ++id)
    if (const std::string_view name = btf_.name(id); !name.empty())
      by_name_[without_flavour(name)].push_back(id);
}

std::shared_ptr<const KernelTypes> KernelTypes::ours() {
  static const auto kOurs = [] {
    auto btf = parse({netkit_kernel_types, netkit_kernel_types_end});
    if (!btf) std::abort();  // not the compiler's BTF: the build is broken
    return std::make_shared<const KernelTypes>(*std::move(btf));
  }();
  return kOurs;
}

Result<std::shared_ptr<const KernelTypes>> KernelTypes::read(const std::string& file) {
  const std::string path = file == kRunningKernel ? kRunningKernelFile : file;
  errno = 0;
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail_errno(path);
  const std::vector<char> content{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  auto btf = parse(std::as_bytes(std::span(content)));
  if (!btf) return fail(btf.error().code, fmt::format("{}: {}", path, btf.error().text));
  return std::make_shared<const KernelTypes>(*std::move(btf));
}

std::span<const std::uint32_t> KernelTypes::named(std::string_view essential_name) const {
  const auto found = by_name_.find(essential_name);
  return found == by_name_.end() ? std::span<const std::uint32_t>{} : found->second;
}

}  // namespace netkit::bpf
