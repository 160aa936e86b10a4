// tc's grammar: what words stand for, and what is said about words that stand for nothing.
#include <gtest/gtest.h>

#include "base/text.h"
#include "cli/tc/names.h"
#include "cli/tc/parse.h"
#include "cli/tc/request.h"

namespace netkit::cli::tc {
namespace {

Result<Command> parse_line(std::string_view line) {
  std::vector<std::string> words;
  for (const std::string_view word : split_words(line)) words.emplace_back(word);
  return parse(words);
}
template <class T>
T parsed(std::string_view line) {
  return std::get<T>(parse_line(line).value());
}
std::string refusal(std::string_view line) {
  const Result<Command> command = parse_line(line);
  return command ? "accepted" : command.error().text;
}

TEST(TcParseTest, AQdiscByItsKindAlone) {
  const auto command = parsed<QdiscCommand>("qdisc add dev nk0 clsact");
  EXPECT_EQ(command.verb, Verb::kAdd);
  EXPECT_EQ(command.dev, "nk0");
  EXPECT_EQ(command.kind, "clsact");
  EXPECT_EQ(command.parent, control::kIngressParent);
  EXPECT_EQ(command.handle, control::kIngressHandle);
}

TEST(TcParseTest, VerbsAndWordsMayBeCutShortWhereTcAllowsIt) {
  EXPECT_EQ(parsed<QdiscCommand>("q d dev nk0 ingress").verb, Verb::kDelete);
  EXPECT_EQ(parsed<QdiscCommand>("qdisc").verb, Verb::kShow);
  EXPECT_EQ(parsed<QdiscCommand>("qdisc list dev nk0").dev, "nk0");
}

TEST(TcParseTest, AFilterWithItsProgram) {
  const auto command = parsed<FilterCommand>(
      "filter replace dev nk0 egress prio 7 protocol ip handle 0x5 chain 3 bpf da obj x.o sec tc classid "
      "1:2");
  EXPECT_EQ(command.verb, Verb::kReplace);
  EXPECT_EQ(command.parent, control::kEgressFilters);
  EXPECT_EQ(command.priority, 7);
  EXPECT_EQ(command.protocol, Be16(0x0800));
  EXPECT_EQ(command.handle, 5U);
  EXPECT_EQ(command.chain, 3U);
  EXPECT_TRUE(command.direct_action);
  EXPECT_EQ(command.classid, 0x10002U);
  const auto& object = std::get<ObjectProgram>(command.program);
  EXPECT_EQ(object.file, "x.o");
  EXPECT_EQ(object.section, "tc");
}

TEST(TcParseTest, WithoutWordsAFilterIsForEveryProtocolAndTheSectionClassifier) {
  const auto command = parsed<FilterCommand>("filter add dev nk0 ingress bpf obj x.o");
  EXPECT_EQ(command.protocol, Be16(0x0003));
  EXPECT_EQ(std::get<ObjectProgram>(command.program).section, "classifier");
  EXPECT_EQ(parsed<FilterCommand>("filter del dev nk0 ingress").protocol, Be16{});
}

TEST(TcParseTest, ProgramsByPinAndByDescriptor) {
  EXPECT_EQ(
      std::get<PinnedProgram>(parsed<FilterCommand>("filter add dev nk0 ingress bpf da pinned /p").program)
          .path,
      "/p");
  EXPECT_EQ(
      std::get<DescriptorProgram>(parsed<FilterCommand>("filter add dev nk0 ingress bpf fd 9").program).fd,
      9);
}

TEST(TcParseTest, AWordThatIsNotKnownGetsASuggestion) {
  EXPECT_EQ(refusal("qdsic show"), "'qdsic' is not known to tc; did you mean 'qdisc'?");
  EXPECT_EQ(refusal("qdisc ad dev nk0 clsact"), "accepted");
  EXPECT_EQ(refusal("qdisc adx dev nk0 clsact"), "'adx' is not known to qdisc; did you mean 'add'?");
  EXPECT_EQ(refusal("qdisc add dev nk0 clsatc"), "'clsatc' is not known to qdisc; did you mean 'clsact'?");
  EXPECT_EQ(refusal("filter add dev nk0 ingres bpf da fd 3"),
            "'ingres' is not known to filter; did you mean 'ingress'?");
  EXPECT_EQ(refusal("filter add dev nk0 ingress bpf direct-acton fd 3"),
            "'direct-acton' is not known to filters of kind bpf; did you mean 'direct-action'?");
}

TEST(TcParseTest, WhatIsMissingOrOutOfRangeIsSaid) {
  EXPECT_EQ(refusal(""), "nothing is said; write qdisc or filter");
  EXPECT_EQ(refusal("qdisc add clsact"), "which device is not said; add dev NAME");
  EXPECT_EQ(refusal("qdisc add dev"), "'dev' needs a value behind it");
  EXPECT_EQ(refusal("filter show"), "where is not said; add dev NAME or block N");
  EXPECT_EQ(refusal("filter show dev a block 1"), "dev and block exclude each other; remove one");
  EXPECT_EQ(refusal("filter add dev nk0 ingress"), "the filter's kind is not said; add bpf and its program");
  EXPECT_EQ(refusal("filter add dev nk0 ingress bpf da"),
            "the program is not said; add object-file FILE section NAME, pinned PATH or fd N");
  EXPECT_EQ(refusal("filter add dev nk0 ingress prio 65536 bpf fd 3"),
            "'65536' is no value of 'prio'; give a number up to 65535");
  EXPECT_EQ(refusal("filter add dev nk0 ingress protocol tcp bpf fd 3"),
            "'tcp' is no protocol; write ip, ipv6, all or a number");
  EXPECT_EQ(refusal("filter add dev nk0 ingress bpf section x fd 3"),
            "'section' belongs behind the object file; write object-file FILE first");
  EXPECT_EQ(refusal("filter show dev nk0 parent xyz"), "'xyz' is no handle; write it as ffff: or 1:2");
}

TEST(TcNamesTest, HandlesAreReadAsTheyAreWritten) {
  for (const char* const name : {"root", "none", "ffff:", "ffff:fff1", "1:2", ":2"}) {
    ASSERT_TRUE(parse_handle(name)) << name;
    EXPECT_EQ(handle_name(*parse_handle(name)), name);
  }
  for (const char* const wrong : {"", "12345:", "1:12345", "x:", "1:2:3", "-1"})
    EXPECT_FALSE(parse_handle(wrong)) << wrong;
}

TEST(TcNamesTest, ProtocolsHaveNamesOrNumbers) {
  EXPECT_EQ(protocol_name(Be16(0x0800)), "ip");
  EXPECT_EQ(protocol_name(Be16(0x1234)), "[4660]");
  EXPECT_EQ(parse_protocol("802.1Q"), Be16(0x8100));
  EXPECT_EQ(parse_protocol("0x1234"), Be16(0x1234));
  EXPECT_FALSE(parse_protocol("0x12345"));
}

TEST(TcRequestTest, AFilterIsCalledAfterItsProgram) {
  const auto name = [](std::string_view line) {
    const control::TcRequest request = request_of(parsed<FilterCommand>(line), 3, 9);
    const auto attributes =
        control::AttributeTable::parse(request.attributes.all(), control::tc_policy()).value();
    static constexpr control::Rule kPolicy[] = {{.type = control::kTcaBpfName, .form = control::Form::kText}};
    const auto options =
        control::AttributeTable::parse(*attributes.find(control::kTcaOptions), kPolicy).value();
    return std::string(options.text(control::kTcaBpfName).value_or(""));
  };
  EXPECT_EQ(name("filter add dev nk0 ingress bpf da obj /a/b.o sec tc"), "b.o:[tc]");
  EXPECT_EQ(name("filter add dev nk0 ingress bpf da pinned /sys/fs/bpf/p"), "/sys/fs/bpf/p:[*fsobj]");
  EXPECT_EQ(name("filter add dev nk0 ingress bpf da fd 9"), "");
}

}  // namespace
}  // namespace netkit::cli::tc
