// The types of "the kernel" that objects are relocated against: our own, so that a program sees the same on
// every machine, or those of a file.
//
// Ours are kernel_types.bpf.c, compiled to BTF with this library: the user interface of Linux 7.3, and the
// kernel objects that programs can read here, laid out as in bpf/run/kernel_objects.h.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "bpf/object/btf.h"

namespace netkit::bpf {

class KernelTypes {
 public:
  explicit KernelTypes(Btf btf);

  [[nodiscard]] static std::shared_ptr<const KernelTypes> ours();
  // Raw BTF, an object file with .BTF, or "kernel" for what the running kernel says of itself
  // (/sys/kernel/btf/vmlinux). ENOENT and so on from reading; EINVAL for what is no BTF.
  [[nodiscard]] static Result<std::shared_ptr<const KernelTypes>> read(const std::string& file);

  [[nodiscard]] const Btf& btf() const { return btf_; }
  // Types whose name is this one without flavour, by rising id.
  [[nodiscard]] std::span<const std::uint32_t> named(std::string_view essential_name) const;

 private:
  Btf btf_;
  std::unordered_map<std::string_view, std::vector<std::uint32_t>> by_name_;
};

}  // namespace netkit::bpf
