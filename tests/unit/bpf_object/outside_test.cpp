#include <gmock/gmock.h>

#include <array>

#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;

class Outside : public EveryCompiler {
 protected:
  static LinkOptions only(std::string program) {
    LinkOptions options = with_fake_maps();
    options.programs = {std::move(program)};
    return options;
  }
  static Error refusal(std::string program) {
    const auto linked = link(open("outside"), only(std::move(program)));
    EXPECT_FALSE(linked);
    return linked ? Error{} : linked.error();
  }
};
NETKIT_FOR_EVERY_COMPILER(Outside);

TEST_P(Outside, ProgramsThatNeedNothingOfItAreLinked) {
  EXPECT_NE(link_one(open("outside"), "plain"), nullptr);
}

TEST_P(Outside, SettingsAreAReadOnlyMapInTheOrderOfLibbpf) {
  const ObjectFile object = open("outside");
  const LinkedObject linked = link_all(object, only("settings"));
  const MapRef map = linked.find_map(".kconfig");
  ASSERT_NE(map, nullptr);
  EXPECT_EQ(map->spec().name, "outside_.kconfig");
  EXPECT_EQ(map->spec().flags, kMmapable | kRdonlyProg);
  EXPECT_TRUE(map->frozen());
  const auto& values = static_cast<const FakeMap&>(*linked.maps.back().map);
  const auto offset = [&](std::string_view name) { return object.find_variable(name)->offset; };
  EXPECT_EQ(offset("CONFIG_NOT_THERE"), 0U) << "the largest alignment comes first";
  EXPECT_LT(offset("CONFIG_HZ"), offset("CONFIG_DEFAULT_TCP_CONG"));
  EXPECT_EQ(values.at<std::uint32_t>(offset("LINUX_KERNEL_VERSION")), 0x00070300U);
  EXPECT_EQ(values.at<std::uint32_t>(offset("CONFIG_HZ")), 250U);
  EXPECT_EQ(values.at<std::uint32_t>(offset("CONFIG_VETH")), 2U) << "TRI_MODULE";
  EXPECT_EQ(values.at<char>(offset("CONFIG_NET_CLS_BPF")), 'm');
  EXPECT_EQ(values.at<bool>(offset("CONFIG_BPF_JIT")), true);
  EXPECT_EQ((values.at<std::array<char, 8>>(offset("CONFIG_DEFAULT_TCP_CONG"))),
            (std::array<char, 8>{'c', 'u', 'b', 'i', 'c'}));
}

TEST_P(Outside, SettingsTakeValuesFromTheCaller) {
  const ObjectFile object = open("outside");
  LinkOptions options = only("missing_setting");
  options.variables["CONFIG_MISSING"] = 5;
  const LinkedObject linked = link_all(object, options);
  const auto& values = static_cast<const FakeMap&>(*linked.maps.back().map);
  EXPECT_EQ(values.at<std::uint32_t>(object.find_variable("CONFIG_MISSING")->offset), 5U);
}

TEST_P(Outside, MissingSettingsAreRefusedByName) {
  const Error error = refusal("missing_setting");
  EXPECT_EQ(error.code, ESRCH);
  EXPECT_THAT(error.text, HasSubstr("section 'tc', function 'missing_setting', instruction 0 ("));
  EXPECT_THAT(error.text, HasSubstr("outside.bpf.c:"));
  EXPECT_THAT(error.text, HasSubstr("it needs the kernel setting 'CONFIG_MISSING', which is not set here"));
  EXPECT_THAT(error.text, testing::Not(HasSubstr("\n")));
}

TEST_P(Outside, WeakKernelVariablesAreNull) {
  const auto program = link_one(open("outside"), "weak_variable");
  ASSERT_NE(program, nullptr);
  const auto load = std::ranges::find(program->insns, kLdImm64, &Insn::opcode);
  ASSERT_NE(load, program->insns.end());
  EXPECT_EQ(load->src, kImm64);
  EXPECT_EQ(load->imm, 0);
}

TEST_P(Outside, StrongKernelVariablesAreRefusedByName) {
  const Error error = refusal("strong_variable");
  EXPECT_EQ(error.code, ESRCH);
  EXPECT_THAT(error.text,
              HasSubstr("it needs the kernel variable 'bpf_prog_active', and there is no kernel here"));
}

TEST_P(Outside, KernelFunctionsAreCalledByName) {
  const auto program = link_one(open("outside"), "kernel_function");
  ASSERT_NE(program, nullptr);
  EXPECT_THAT(program->kfuncs, testing::ElementsAre("bpf_iter_num_new"));
  const auto call = std::ranges::find(program->insns, kCallImm, &Insn::opcode);
  EXPECT_EQ(call->src, kCallKfunc);
  EXPECT_EQ(call->imm, 0);
  EXPECT_EQ(call->off, 0);
}

TEST_P(Outside, WeakKernelFunctionsThatAreMissingAreNullAndTheirCallsPoisoned) {
  LinkOptions options = only("weak_function");
  options.has_kfunc = [](std::string_view) { return false; };
  const LinkedObject linked = link_all(open("outside"), options);
  const auto& program = *linked.programs.front();
  const auto load = std::ranges::find(program.insns, kLdImm64, &Insn::opcode);
  EXPECT_EQ(load->imm, 0);
  ASSERT_EQ(program.poisoned.size(), 1U);
  EXPECT_EQ(program.poisoned[0].what, "kernel function bpf_of_tomorrow");
  EXPECT_EQ(program.insns[program.poisoned[0].insn].imm, kPoisonedCall);
  EXPECT_TRUE(program.kfuncs.empty());
}

TEST_P(Outside, KernelFunctionsThatAreThereHaveAnAddress) {
  LinkOptions options = only("weak_function");
  options.has_kfunc = [](std::string_view) { return true; };
  const LinkedObject linked = link_all(open("outside"), options);
  const auto& program = *linked.programs.front();
  const auto load = std::ranges::find(program.insns, kLdImm64, &Insn::opcode);
  EXPECT_NE(load->imm, 0);
  EXPECT_THAT(program.kfuncs, testing::ElementsAre("bpf_of_tomorrow"));
}

TEST_P(Outside, ExternsAreListed) {
  const ObjectFile object = open("outside");
  EXPECT_EQ(object.contents().externs.size(), 14U);
  for (const Extern& external : object.contents().externs) {
    const bool weak = external.name == "jiffies" || external.name == "bpf_of_tomorrow" ||
                      external.name == "CONFIG_NOT_THERE" || external.name == "LINUX_HAS_BPF_COOKIE";
    EXPECT_EQ(external.weak, weak) << external.name;
    EXPECT_NE(external.kind, ExternKind::kUndefined) << external.name;
  }
}

}  // namespace
}  // namespace netkit::bpf
