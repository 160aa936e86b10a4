// Memory of "the kernel" as programs read it: by bpf_probe_read_kernel from any address, or directly through
// a pointer that bpf_cast_to_kern_ctx or bpf_rdonly_cast gave a type.
//
// Theory of operation. The objects of bpf/run/kernel_objects.h exist as images in the run context, made when
// they are read and never written by programs. The address of the context is also that of its struct sk_buff,
// as in the kernel, for who reads it as memory; since a load from it means struct __sk_buff, a cast answers
// with the address of the image. Pointers in the images lead to other images and to the packet's bytes, so a
// program that follows them meets nothing but its own run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bpf/run/kernel_objects.h"

namespace netkit::bpf {

struct RunContext;

struct KernelImages {
  kernel::net net{};
  kernel::net_device device{};
  std::array<unsigned char, 32> device_address{};
  kernel::sk_buff skb{};
  kernel::skb_shared_info shared{};
  bool in_use = false;  // the program has typed pointers: loads go by read_kernel_memory

  // Of the image that stands for `struct sk_buff`.
  [[nodiscard]] std::uint64_t skb_address() const { return reinterpret_cast<std::uint64_t>(&skb); }
};

// Copies memory that the program may know the address of: images, the packet from its first header to its
// last byte, stack, map values that it has found, its data sections. False: there is no such memory, and `to`
// is unchanged.
[[nodiscard]] bool read_kernel_memory(RunContext& run, std::uint64_t address, std::span<std::byte> to);

// What a read of an address without memory answers (copy_from_kernel_nofault): -EFAULT, or -ERANGE for one
// that the kernel would take for an address of user space.
[[nodiscard]] std::int64_t unreadable(std::uint64_t address);

}  // namespace netkit::bpf
