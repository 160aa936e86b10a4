// The same objects through libbpf: its map definitions, and its instructions after the kernel took them, are
// ours.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bpf/object/kernel_types.h"
#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

struct Close {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using LibbpfObject = std::unique_ptr<bpf_object, Close>;

class Libbpf : public EveryCompiler {
 protected:
  static LibbpfObject open_with_libbpf(std::string_view program) {
    libbpf_set_print(nullptr);
    return LibbpfObject(bpf_object__open_file(object_path(program, GetParam()).c_str(), nullptr));
  }

  // Loads the object into the kernel without pinning anything; a negative errno.
  static int load(bpf_object* object) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) bpf_map__set_pin_path(map, nullptr);
    return bpf_object__load(object);
  }

  static void compare_maps(std::string_view program) {
    const LibbpfObject theirs = open_with_libbpf(program);
    ASSERT_NE(theirs, nullptr);
    const ObjectFile object = open(program);
    const LinkedObject ours = link_all(object);
    std::size_t count = 0;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, theirs.get()) {
      ++count;
      const MapRef mine = ours.find_map(bpf_map__name(map));
      ASSERT_NE(mine, nullptr) << bpf_map__name(map);
      EXPECT_EQ(static_cast<std::uint32_t>(mine->spec().type), bpf_map__type(map)) << bpf_map__name(map);
      EXPECT_EQ(mine->spec().flags, bpf_map__map_flags(map)) << bpf_map__name(map);
      EXPECT_EQ(mine->spec().extra, bpf_map__map_extra(map)) << bpf_map__name(map);
      if (mine->spec().type == MapType::kPerfEventArray) continue;  // libbpf decides its sizes while loading
      EXPECT_EQ(mine->spec().key_size, bpf_map__key_size(map)) << bpf_map__name(map);
      EXPECT_EQ(mine->spec().value_size, bpf_map__value_size(map)) << bpf_map__name(map);
      if (mine->spec().type == MapType::kRingbuf) continue;
      EXPECT_EQ(mine->spec().max_entries, bpf_map__max_entries(map)) << bpf_map__name(map);
    }
    EXPECT_EQ(count, ours.maps.size());
  }

  // The names of maps and functions stand for descriptors and distances.
  static std::string operand(const ProgramImage& image, std::size_t at) {
    const Insn& insn = image.insns[at];
    if (insn.opcode == kLdImm64 && (insn.src == kMapFd || insn.src == kMapValue))
      return image.maps.at(static_cast<std::size_t>(insn.imm))->spec().name;
    if (insn.opcode == kLdImm64 && insn.src == kFunction)
      return std::to_string(image.functions.at(static_cast<std::size_t>(insn.imm)).first);
    return std::to_string(insn.imm);
  }
  static std::string operand(bpf_object* object, const bpf_insn* insns, std::size_t at) {
    const bpf_insn& insn = insns[at];
    if (insn.code == kLdImm64 &&
        (insn.src_reg == BPF_PSEUDO_MAP_FD || insn.src_reg == BPF_PSEUDO_MAP_VALUE)) {
      bpf_map* map = nullptr;
      bpf_object__for_each_map(map, object) if (bpf_map__fd(map) == insn.imm) return bpf_map__name(map);
      return "?";
    }
    if (insn.code == kLdImm64 && insn.src_reg == BPF_PSEUDO_FUNC)
      return std::to_string(static_cast<std::int64_t>(at) + 1 + insn.imm);
    return std::to_string(insn.imm);
  }

  // The kernel may refuse the programs: libbpf has relocated them by then.
  static void compare_relocated(std::string_view object_name) {
    const LibbpfObject theirs = open_with_libbpf(object_name);
    ASSERT_NE(theirs, nullptr);
    static_cast<void>(load(theirs.get()));
    LinkOptions options = with_fake_maps();
    options.kernel_types = running_kernel();
    if (options.kernel_types == nullptr) GTEST_SKIP() << "this kernel says nothing of its types";
    const LinkedObject ours = link_all(open(object_name), options);
    EXPECT_FALSE(ours.programs.empty());
    for (const auto& image : ours.programs) compare_program(*image, theirs.get());
  }
  static std::shared_ptr<const KernelTypes> running_kernel() {
    static const auto kTypes = KernelTypes::read("kernel");
    return kTypes ? *kTypes : nullptr;
  }

  static void compare_instructions(std::string_view object_name) {
    const LibbpfObject theirs = open_with_libbpf(object_name);
    ASSERT_NE(theirs, nullptr);
    const int error = load(theirs.get());
    if (error == -EPERM && geteuid() != 0) GTEST_SKIP() << "bpf(2) is not allowed for this user";
    ASSERT_EQ(error, 0) << "load into the kernel";
    const LinkedObject ours = link_all(open(object_name));
    for (const auto& image : ours.programs) compare_program(*image, theirs.get());
  }

  static void compare_program(const ProgramImage& image, bpf_object* theirs) {
    const bpf_program* program = bpf_object__find_program_by_name(theirs, image.name.c_str());
    ASSERT_NE(program, nullptr) << image.name;
    ASSERT_EQ(image.insns.size(), bpf_program__insn_cnt(program)) << image.name;
    EXPECT_EQ(static_cast<std::uint32_t>(image.type), bpf_program__type(program)) << image.name;
    const bpf_insn* insns = bpf_program__insns(program);
    for (std::size_t at = 0; at < image.insns.size(); ++at) {
      const Insn& mine = image.insns[at];
      const auto where = image.name + " at " + std::to_string(at);
      EXPECT_EQ(mine.opcode, insns[at].code) << where;
      EXPECT_EQ(mine.dst, insns[at].dst_reg) << where;
      EXPECT_EQ(mine.src, insns[at].src_reg) << where;
      EXPECT_EQ(mine.off, insns[at].off) << where;
      EXPECT_EQ(operand(image, at), operand(theirs, insns, at)) << where;
    }
  }
};
NETKIT_FOR_EVERY_COMPILER(Libbpf);

TEST_P(Libbpf, ReadsTheSameMapDefinitions) {
  compare_maps("maps");
  compare_maps("data");
}

TEST_P(Libbpf, RelocatesTheSameInstructionsByTheRunningKernelsTypes) {
  compare_relocated("core");
}

TEST_P(Libbpf, LoadsTheSameInstructionsWithFunctions) {
  compare_instructions("functions");
}
TEST_P(Libbpf, LoadsTheSameInstructionsWithGlobalData) {
  compare_instructions("data");
}
TEST_P(Libbpf, LoadsTheSameInstructionsWithMaps) {
  compare_instructions("maps");
}

}  // namespace
}  // namespace netkit::bpf
