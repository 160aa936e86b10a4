#include <gmock/gmock.h>

#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;

class Outside : public EveryCompiler {
 protected:
  static Error refusal(std::string program) {
    LinkOptions options = with_fake_maps();
    options.programs = {std::move(program)};
    const auto linked = link(open("outside"), options);
    EXPECT_FALSE(linked);
    return linked ? Error{} : linked.error();
  }
};
NETKIT_FOR_EVERY_COMPILER(Outside);

TEST_P(Outside, ProgramsThatNeedNothingOfItAreLinked) {
  EXPECT_NE(link_one(open("outside"), "plain"), nullptr);
}

TEST_P(Outside, FieldsOfUserInterfaceTypesStayAsCompiled) {
  const auto program = link_one(open("outside"), "fixed_layout");
  ASSERT_NE(program, nullptr);
  EXPECT_EQ(program->insns[0].off, 8) << "mark is the third word of struct __sk_buff";
}

TEST_P(Outside, FieldsOfKernelTypesAreRefusedByName) {
  const Error error = refusal("moving_layout");
  EXPECT_EQ(error.code, ENOTSUP);
  EXPECT_THAT(error.text, HasSubstr("section 'tc', function 'moving_layout', instruction "));
  EXPECT_THAT(error.text, HasSubstr("outside.bpf.c:"));
  EXPECT_THAT(error.text, HasSubstr("CO-RE relocation of struct sk_buff.dev is not supported"));
  EXPECT_THAT(error.text, testing::Not(HasSubstr("\n")));
}

TEST_P(Outside, FieldsOfIncompleteUserInterfaceTypesAreRefused) {
  EXPECT_THAT(refusal("partial_layout").text,
              HasSubstr("CO-RE relocation of struct iphdr.protocol is not supported"));
}

TEST_P(Outside, EnumValuesAreRefusedByName) {
  EXPECT_THAT(refusal("enum_value").text,
              HasSubstr("CO-RE relocation of enum bpf_func_id.BPF_FUNC_loop is not supported"));
}

TEST_P(Outside, ExternsAreRefusedByName) {
  EXPECT_THAT(refusal("kernel_setting").text,
              HasSubstr("it uses the kernel setting 'LINUX_KERNEL_VERSION' (extern in .kconfig)"));
  EXPECT_THAT(refusal("kernel_symbol").text,
              HasSubstr("it uses the kernel symbol 'jiffies' (extern in .ksyms)"));
}

TEST_P(Outside, ExternsAreListed) {
  const ObjectFile object = open("outside");
  ASSERT_EQ(object.contents().externs.size(), 2U);
  for (const Extern& external : object.contents().externs)
    EXPECT_EQ(external.weak, external.name == "jiffies");
}

}  // namespace
}  // namespace netkit::bpf
