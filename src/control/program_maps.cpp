#include "control/program_maps.h"

#include <fmt/format.h>

#include <algorithm>

#include "bpf/map/tables.h"

namespace netkit::control {
namespace {

using bpf::Insn;

constexpr std::size_t kMostMaps = 64;  // MAX_USED_MAPS

class Resolver {
 public:
  Resolver(const Client& client, std::span<const int> fd_array, bpf::ProgramImage& image)
      : client_(client), fd_array_(fd_array), image_(image) {}

  Result<> bind(std::uint32_t count) {
    if (count > fd_array_.size()) return fail(EFAULT, "fd_array has fewer descriptors than fd_array_cnt");
    for (const int fd : fd_array_.first(count)) TRY(place_of(fd));
    return {};
  }

  Result<> resolve(std::size_t at) {
    if (at + 1 == image_.insns.size()) return refuse(at, "invalid bpf_ld_imm64 insn");
    Insn& first = image_.insns[at];
    Insn& second = image_.insns[at + 1];
    if (second.opcode != 0 || second.dst != 0 || second.src != 0 || second.off != 0)
      return refuse(at, "invalid bpf_ld_imm64 insn");
    switch (first.src) {
      case bpf::kMapFd:
      case bpf::kMapIndex:
        if (second.imm != 0) return refuse(at, "unrecognized bpf_ld_imm64 insn");
        break;
      case bpf::kMapValue:
      case bpf::kMapIndexValue:
        break;
      case bpf::kFunction:
        return refuse(at, "missing btf func_info");
      default:
        return {};  // the checks of the program have the word
    }
    const bool by_place = first.src == bpf::kMapIndex || first.src == bpf::kMapIndexValue;
    const bool value = first.src == bpf::kMapValue || first.src == bpf::kMapIndexValue;
    first.imm = TRY(place_of(by_place ? TRY(descriptor_at(first.imm)) : first.imm));
    first.src = value ? bpf::kMapValue : bpf::kMapFd;
    return value ? check_value(at, second.imm, *image_.maps[static_cast<std::size_t>(first.imm)])
                 : Result<>{};
  }

 private:
  static Failure refuse(std::size_t at, std::string_view why) {
    return fail(EINVAL, fmt::format("insn {}: {}", at, why));
  }

  // Before array_map_direct_value_addr and in it; the rest is the affair of the checks of the program.
  static Result<> check_value(std::size_t at, std::int32_t offset, const bpf::Map& map) {
    constexpr std::uint32_t kMaxOffset = 1U << 29;  // BPF_MAX_VAR_OFF
    if (static_cast<std::uint32_t>(offset) >= kMaxOffset)
      return refuse(
          at, fmt::format("direct value offset of {} is not allowed", static_cast<std::uint32_t>(offset)));
    if (map.spec().type != bpf::MapType::kArray || map.spec().max_entries == 1) return {};
    return fail(bpf::kENOTSUPP,
                fmt::format("insn {}: the value of map '{}' cannot be addressed directly, only "
                            "that of an array of one element",
                            at, map.spec().name));
  }

  Result<int> descriptor_at(std::int32_t place) const {
    if (fd_array_.empty()) return fail(EPROTO, "fd_idx without fd_array is invalid");
    const auto index = static_cast<std::uint32_t>(place);
    if (index >= fd_array_.size()) return fail(EFAULT, fmt::format("fd_array has no place {}", index));
    return fd_array_[index];
  }

  // The program holds the map itself: a reference of user space would keep a PROG_ARRAY full for ever.
  Result<std::int32_t> place_of(int fd) {
    const Result<MapHandle> handle = client_.get<MapHandle>(fd);
    if (!handle) return fail(handle.error().code, fmt::format("fd {} is not pointing to valid bpf_map", fd));
    bpf::MapRef map = bpf::MapTable::instance().find(handle->map->id());
    const auto known = std::ranges::find(image_.maps, map);
    if (known != image_.maps.end()) return static_cast<std::int32_t>(known - image_.maps.begin());
    if (image_.maps.size() == kMostMaps)
      return fail(E2BIG, fmt::format("a program can use at most {} maps", kMostMaps));
    image_.maps.push_back(std::move(map));
    return static_cast<std::int32_t>(image_.maps.size() - 1);
  }

  const Client& client_;
  std::span<const int> fd_array_;
  bpf::ProgramImage& image_;
};

}  // namespace

Result<> resolve_maps(const Client& client, std::span<const int> fd_array, std::uint32_t bound,
                      bpf::ProgramImage& image) {
  Resolver resolver(client, fd_array, image);
  TRY(resolver.bind(bound));
  for (std::size_t at = 0; at < image.insns.size(); ++at) {
    if (image.insns[at].opcode != bpf::kLdImm64) continue;
    TRY(resolver.resolve(at));
    ++at;
  }
  return {};
}

}  // namespace netkit::control
