#include <gmock/gmock.h>

#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::vector<std::string> names(const std::vector<Function>& functions) {
  std::vector<std::string> found;
  for (const Function& function : functions) found.push_back(function.name);
  return found;
}
std::vector<std::string> names(const std::vector<std::shared_ptr<const ProgramImage>>& programs) {
  std::vector<std::string> found;
  for (const auto& program : programs) found.push_back(program->name);
  return found;
}

// Names of the functions that the calls and function pointers in instructions of `function` lead to.
std::vector<std::string> references(const ProgramImage& image, const Function& function) {
  std::vector<std::string> found;
  for (std::uint32_t at = function.first; at < function.first + function.count; ++at) {
    const Insn& insn = image.insns[at];
    if (insn.opcode == kCallImm && insn.src == kCallLocal) {
      const auto target = static_cast<std::uint32_t>(static_cast<std::int32_t>(at) + 1 + insn.imm);
      const auto callee = std::ranges::find(image.functions, target, &Function::first);
      found.push_back(callee == image.functions.end() ? "?" : callee->name);
    }
    if (insn.opcode == kLdImm64 && insn.src == kFunction)
      found.push_back("&" + image.functions.at(static_cast<std::size_t>(insn.imm)).name);
    if (insn.opcode == kLdImm64) ++at;
  }
  return found;
}

class Programs : public EveryCompiler {};
NETKIT_FOR_EVERY_COMPILER(Programs);

TEST_P(Programs, OfTcSectionsAreLinkedUnlessAskedOtherwise) {
  const LinkedObject linked = link_all(open("sections"));
  EXPECT_THAT(names(linked.programs),
              testing::UnorderedElementsAre(
                  "tc_first", "tc_second", "tc_static", "tc_ingress", "tc_egress", "tc_from_pod", "to_pod",
                  "tcx_ingress", "tcx_egress", "netkit_primary", "netkit_peer", "classifier_plain",
                  "classifier_egress", "action_plain", "from_container", "tail_by_section"));
}

TEST_P(Programs, CarryTypeAttachTypeSectionAndLicense) {
  const LinkedObject linked = link_all(open("sections"));
  const auto peer = linked.find_program("netkit_peer");
  ASSERT_NE(peer, nullptr);
  EXPECT_EQ(peer->section, "netkit/peer");
  EXPECT_EQ(peer->type, ProgramType::kSchedCls);
  EXPECT_EQ(peer->expected_attach_type, AttachType::kNetkitPeer);
  EXPECT_EQ(peer->license, "Dual BSD/GPL");
  EXPECT_TRUE(peer->gpl_compatible);
  EXPECT_EQ(linked.find_program("action_plain")->type, ProgramType::kSchedAct);
}

TEST_P(Programs, OfOneSectionKeepTheirOwnInstructions) {
  const LinkedObject linked = link_all(open("sections"));
  const Insn exit{.opcode = 0x95};
  for (const auto& [name, verdict] :
       {std::pair("tc_first", 0), std::pair("tc_second", 2), std::pair("tc_static", 2)}) {
    const auto program = linked.find_program(name);
    ASSERT_NE(program, nullptr) << name;
    ASSERT_EQ(program->insns.size(), 2U) << name;
    EXPECT_EQ(program->insns[0].imm, verdict) << name;
    EXPECT_EQ(program->insns[1], exit) << name;
  }
}

TEST_P(Programs, MarkedOnDemandAreLinkedWhenNamed) {
  const auto program = link_one(open("sections"), "tc_on_demand");
  ASSERT_NE(program, nullptr);
  EXPECT_EQ(program->section, "tc");
}

TEST_P(Programs, WithoutLicenseAreNotGplCompatible) {
  const auto program = link_one(open("cross_section"), "other_program");
  EXPECT_EQ(program->license, "");
  EXPECT_FALSE(program->gpl_compatible);
}

TEST_P(Programs, OfOtherTypesAreLinkedWhenNamed) {
  const auto program = link_one(open("sections"), "xdp_main");
  ASSERT_NE(program, nullptr);
  EXPECT_EQ(program->type, ProgramType::kXdp);
}

TEST_P(Programs, TakeTypeAndAttachTypeFromTheCaller) {
  LinkOptions options = with_fake_maps();
  options.programs = {"from_container"};
  options.program_overrides["from_container"] = {.type = ProgramType::kSchedAct,
                                                 .expected_attach_type = AttachType::kNetkitPrimary};
  const LinkedObject linked = link_all(open("sections"), options);
  ASSERT_EQ(linked.programs.size(), 1U);
  EXPECT_EQ(linked.programs[0]->type, ProgramType::kSchedAct);
  EXPECT_EQ(linked.programs[0]->expected_attach_type, AttachType::kNetkitPrimary);
}

TEST_P(Programs, OfUnknownNameAreRefusedWithTheNamesThereAre) {
  LinkOptions options = with_fake_maps();
  options.programs = {"nat"};
  const auto linked = link(open("functions"), options);
  ASSERT_FALSE(linked);
  EXPECT_EQ(linked.error().code, ENOENT);
  EXPECT_THAT(linked.error().text,
              HasSubstr("no program 'nat'; the object has 'calls_nothing', 'calls_static'"));
}

TEST_P(Programs, HoldOnlyTheFunctionsTheyReach) {
  const ObjectFile object = open("functions");
  EXPECT_THAT(names(link_one(object, "calls_nothing")->functions), ElementsAre("calls_nothing"));
  EXPECT_THAT(names(link_one(object, "calls_static")->functions),
              ElementsAre("calls_static", "middle", "innermost"));
  EXPECT_THAT(names(link_one(object, "calls_all")->functions),
              ElementsAre("calls_all", "global_function", "add_index", "middle", "innermost"));
}

TEST_P(Programs, CallTheFunctionsOfTheSource) {
  const auto program = link_one(open("functions"), "calls_all");
  EXPECT_THAT(references(*program, program->functions[0]),
              ElementsAre("global_function", "&add_index", "middle", "innermost"));
  EXPECT_THAT(references(*program, program->functions[3]), ElementsAre("innermost"));
  EXPECT_THAT(references(*program, program->functions[4]), ElementsAre());
}

TEST_P(Programs, CallProgramsOfOtherSectionsAsFunctions) {
  const auto program = link_one(open("cross_section"), "calls_program");
  EXPECT_THAT(names(program->functions), ElementsAre("calls_program", "other_program", "last_bits"));
  EXPECT_THAT(references(*program, program->functions[0]), ElementsAre("other_program"));
}

TEST_P(Programs, HaveFunctionsThatFollowOneAnother) {
  const auto program = link_one(open("functions"), "calls_all");
  std::uint32_t next = 0;
  for (const Function& function : program->functions) {
    EXPECT_EQ(function.first, next) << function.name;
    EXPECT_EQ(program->insns[function.first + function.count - 1].opcode, 0x95) << function.name;
    next += function.count;
  }
  EXPECT_EQ(program->insns.size(), next);
}

TEST_P(Programs, KnowTheSourceLineOfEveryInstruction) {
  const auto program = link_one(open("functions"), "calls_all");
  const auto text_of = [&](std::uint32_t insn) {
    const SourceLine* line = program->line_of(insn);
    return line == nullptr ? std::string() : line->text;
  };
  EXPECT_THAT(text_of(program->functions[1].first), HasSubstr("skb->len > 100"));
  EXPECT_THAT(program->line_of(0)->file, HasSubstr("bpf/tests/functions.bpf.c"));
  // The appended innermost(): its first line is its only statement.
  const Function& innermost = program->functions[4];
  EXPECT_THAT(text_of(innermost.first + innermost.count - 1), HasSubstr("return skb->mark + 1;"));
  for (const Function& function : program->functions)
    for (std::uint32_t at = function.first; at < function.first + function.count; ++at)
      EXPECT_FALSE(text_of(at).empty()) << function.name << " at " << at;
}

TEST(ProgramImage, HasNoLineBeforeTheFirstOne) {
  ProgramImage image;
  EXPECT_EQ(image.line_of(0), nullptr);
  image.lines = {{.insn = 2, .line = 10, .column = 1, .file = "a.c", .text = "x"}};
  EXPECT_EQ(image.line_of(1), nullptr);
  EXPECT_EQ(image.line_of(2)->line, 10U);
  EXPECT_EQ(image.line_of(99)->line, 10U);
}

}  // namespace
}  // namespace netkit::bpf
