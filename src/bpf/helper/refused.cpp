// Helpers that Linux has for programs of this type and we do not, and why.
#include <algorithm>
#include <iterator>

#include "bpf/helper/helper.h"

namespace netkit::bpf {
namespace {

struct Refused {
  std::uint32_t number;
  std::string_view why;
};

constexpr Refused kRefused[] = {
    {22, "counters of the kernel's perf events"},
    {36, "writes to memory of a task"},
    {37, "describes a task of the kernel"},
    {55, "counters of the kernel's perf events"},
    {109, "signals to a task"},
    {117, "signals to a task"},
    {120, "describes a task of the kernel"},
    {141, "describes a task of the kernel"},
    {149, "types of the kernel"},
    {153, "variables of the kernel"},
    {154, "variables of the kernel"},
    {156, "describes a task of the kernel"},
    {157, "describes a task of the kernel"},
    {158, "describes a task of the kernel"},
    {175, "describes a task of the kernel"},
    {176, "branch records of the processor"},
    {180, "describes a task of the kernel"},
    {194, "kernel objects in maps"},
    {209, "ring buffers that user space fills"},
    {210, "storage of control groups"},
    {211, "storage of control groups"},
};

}  // namespace

std::string_view refused_helper(std::uint32_t number) {
  const auto* const found = std::ranges::find(kRefused, number, &Refused::number);
  return found == std::end(kRefused) ? std::string_view{} : found->why;
}

}  // namespace netkit::bpf
