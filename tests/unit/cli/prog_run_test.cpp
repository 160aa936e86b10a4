// The words of `netkit prog run`, files of map contents, and what is printed.
#include <gtest/gtest.h>

#include "base/per_cpu.h"
#include "bpf/run/redirect.h"
#include "cli/prog/arguments.h"
#include "cli/prog/map_file.h"
#include "cli/prog/report.h"
#include "cli/prog/verdict.h"

namespace netkit::cli {
namespace {

Result<RunArguments> read(std::vector<std::string_view> words) {
  return read_run_arguments(Words(words));
}

std::string refusal(std::vector<std::string_view> words) {
  const auto run = read(std::move(words));
  return run ? "accepted" : run.error().text;
}

TEST(ProgRunWords, StandInAnyOrder) {
  const auto run = read({"repeat", "5", "a.o"});
  EXPECT_FALSE(run);  // the object comes first, as a program does for bpftool
  const auto all =
      read({"--prog",        "p",       "a.o", "ctx_out",      "-", "repeat", "0x10", "data_out", "o",
            "--then=q",      "data_in", "i",   "ctx_size_out", "7", "--map",  "m=f",  "--var",    "v=a=b",
            "data_size_out", "9"});
  ASSERT_TRUE(all) << all.error().text;
  EXPECT_EQ(all->object, "a.o");
  EXPECT_EQ(all->chain, (std::vector<std::string>{"p", "q"}));
  EXPECT_EQ(all->data_in, "i");
  EXPECT_EQ(all->data_out, "o");
  EXPECT_EQ(all->ctx_out, "-");
  EXPECT_EQ(all->repeat, 16U);
  EXPECT_EQ(all->data_size_out, 9U);
  EXPECT_EQ(all->ctx_size_out, 7U);
  EXPECT_EQ(all->maps, (std::vector<std::pair<std::string, std::string>>{{"m", "f"}}));
  EXPECT_EQ(all->variables, (std::vector<std::pair<std::string, std::string>>{{"v", "a=b"}}));
}

TEST(ProgRunWords, TraceIsByLineOrByInstruction) {
  EXPECT_EQ(read({"a.o", "data_in", "i", "--trace"})->trace, bpf::TraceGrain::kLine);
  EXPECT_EQ(read({"a.o", "data_in", "i", "--trace=insn"})->trace, bpf::TraceGrain::kInsn);
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "--trace=all"}),
            "unknown kind of trace 'all'; known are line, insn");
}

TEST(ProgRunWords, DevicesHaveNameAndMtu) {
  const auto run = read({"a.o", "data_in", "i", "--dev", "3=eth1,9000", "--dev=4"});
  ASSERT_TRUE(run) << run.error().text;
  ASSERT_EQ(run->devices.size(), 2U);
  EXPECT_EQ(run->devices[0].ifindex, 3U);
  EXPECT_EQ(run->devices[0].name, "eth1");
  EXPECT_EQ(run->devices[0].mtu, 9000U);
  EXPECT_EQ(run->devices[1].ifindex, 4U);
  EXPECT_EQ(run->devices[1].mtu, 1500U);
}

TEST(ProgRunWords, ThatMakeNoSenseAreRefusedInOneLine) {
  EXPECT_EQ(refusal({}), "which object file? Say `netkit prog run OBJECT data_in FILE`");
  EXPECT_EQ(refusal({"id", "3", "data_in", "i"}),
            "programs of an engine run on its devices: say an object file in place of `id ...`");
  EXPECT_EQ(refusal({"a.o"}), "which packet? Say `data_in FILE`, or `data_in -` for standard input");
  EXPECT_EQ(refusal({"a.o", "data_in"}), "'data_in' needs a value behind it");
  EXPECT_EQ(refusal({"a.o", "data_in", "-", "ctx_in", "-"}),
            "cannot use standard input for both data_in and ctx_in");
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "repeat", "many"}),
            "'repeat' takes a number from 0 to 4294967295, not 'many'");
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "--map", "m"}), "'--map' takes NAME=FILE, not 'm'");
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "--dev", "1"}),
            "'--dev' takes an ifindex from 2 on: 1 is the loopback device");
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "--engine", "kernel", "--trace"}),
            "the kernel's engine cannot be traced: leave `--trace` or `--engine kernel` out");
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "data_out", "o.pcap"}),
            "data_out 'o.pcap' is a capture file, data_in 'i' is not: say both as captures or none");
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "--nothing"}).substr(0, 26), "unknown option '--nothing'");
  EXPECT_EQ(refusal({"a.o", "data_in", "i", "data_"}).substr(0, 25), "'data_' may be any of: da");
}

// ---- files of map contents ----

bpf::MapSpec map(bpf::MapType type, std::uint32_t key, std::uint32_t value) {
  return {.name = "m", .type = type, .key_size = key, .value_size = value, .max_entries = 8};
}

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> all;
  for (const int value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}

using Value = std::variant<std::vector<std::byte>, std::string>;

std::string refusal(std::string_view text, const bpf::MapSpec& spec) {
  const auto entries = parse_map_file(text, "f", spec);
  return entries ? "accepted" : entries.error().text;
}

TEST(MapFile, HasALineForEachEntry) {
  const auto entries =
      parse_map_file("# two\n0a00 01\n\n 0x0b00\tff \r\n", "f", map(bpf::MapType::kHash, 2, 1));
  ASSERT_TRUE(entries) << entries.error().text;
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].key, bytes({0x0a, 0}));
  EXPECT_EQ((*entries)[0].value, Value(bytes({1})));
  EXPECT_EQ((*entries)[1].key, bytes({0x0b, 0}));
  EXPECT_EQ((*entries)[1].value, Value(bytes({0xff})));
}

TEST(MapFile, NamesProgramsForProgArrays) {
  const auto entries = parse_map_file("00000000 prog:next", "f", map(bpf::MapType::kProgArray, 4, 4));
  ASSERT_TRUE(entries) << entries.error().text;
  EXPECT_EQ(entries->front().value, Value(std::string("next")));
  EXPECT_EQ(refusal("00000000 01000000", map(bpf::MapType::kProgArray, 4, 4)),
            "f:1: map m: a prog array's value is `prog:NAME`");
  EXPECT_EQ(refusal("00000000 prog:next", map(bpf::MapType::kArray, 4, 4)),
            "f:1: map m: only prog arrays hold programs");
}

TEST(MapFile, MayBeJsonAsBpftoolDumpsIt) {
  const auto entries = parse_map_file(
      R"( [{"key":["0x0a","0"],"value":["0x01"],"formatted":{}},{"key":[11,0],"value":["255"]}])", "f",
      map(bpf::MapType::kHash, 2, 1));
  ASSERT_TRUE(entries) << entries.error().text;
  ASSERT_EQ(entries->size(), 2U);
  EXPECT_EQ((*entries)[0].key, bytes({0x0a, 0}));
  EXPECT_EQ((*entries)[1].value, Value(bytes({0xff})));
}

TEST(MapFile, GivesEveryCpuTheOneValueOrEachItsOwn) {
  const auto same = parse_map_file("00 05", "f", map(bpf::MapType::kPercpuHash, 1, 1));
  ASSERT_TRUE(same) << same.error().text;
  const auto& value = std::get<std::vector<std::byte>>(same->front().value);
  ASSERT_EQ(value.size(), 8 * possible_cpus());
  for (std::size_t cpu = 0; cpu < possible_cpus(); ++cpu) EXPECT_EQ(value[8 * cpu], std::byte{5});
  const auto own = parse_map_file(
      R"([{"key":["0x00"],"values":[{"cpu":0,"value":["0x07"]},{"cpu":99999,"value":["1"]}]}])", "f",
      map(bpf::MapType::kPercpuHash, 1, 1));
  ASSERT_TRUE(own) << own.error().text;
  EXPECT_EQ(std::get<std::vector<std::byte>>(own->front().value)[0], std::byte{7});
}

TEST(MapFile, SaysWhereItIsWrong) {
  const bpf::MapSpec hash = map(bpf::MapType::kHash, 2, 1);
  EXPECT_EQ(refusal("0a00 01\n0a 01\n", hash), "f:2: map m: the key has 1 bytes, the map's have 2");
  EXPECT_EQ(refusal("0a00 0102", hash), "f:1: map m: the value has 2 bytes, the map's have 1");
  EXPECT_EQ(refusal("0a0 01", hash), "f:1: map m: the key is not made of bytes in hexadecimal digits");
  EXPECT_EQ(refusal("0a00", hash), "f:1: map m: a line is `KEYHEX VALUEHEX` or `KEYHEX prog:NAME`");
  EXPECT_EQ(refusal("[1]", hash), "f:1: map m: is no entry");
  EXPECT_EQ(refusal("[{}]", hash), "f:1: map m: the entry has no key");
  EXPECT_EQ(refusal("{", hash), "f: map m: is no JSON list of entries, as `bpftool map dump -j` prints it");
}

// ---- output ----

TEST(ProgRunOutput, DumpsBytesAsBpftoolDoes) {
  std::vector<std::uint8_t> packet(18, 'a');
  packet[1] = 0;
  EXPECT_EQ(hex_dump(packet),
            "0000000\t6100 6161 6161 6161 6161 6161 6161 6161 | a.aaaaaa aaaaaaaa\n"
            "0000010\t6161                                    | aa\n");
  EXPECT_EQ(hex_dump({}), "");
}

TEST(ProgRunOutput, NamesVerdictsAndTargets) {
  EXPECT_EQ(verdict_name(0), "pass");
  EXPECT_EQ(verdict_name(0xffff'ffff), "next");
  EXPECT_EQ(verdict_name(99), "unknown");
  const std::vector<bpf::TestDevice> devices = {{.ifindex = 3, .name = "eth1"}};
  EXPECT_EQ(redirect_text({}, devices), "");
  EXPECT_EQ(redirect_text({.kind = bpf::RedirectKind::kPlain, .ifindex = 3, .flags = 1}, devices),
            "to ifindex 3 (eth1) by bpf_redirect, ingress");
  EXPECT_EQ(redirect_text({.kind = bpf::RedirectKind::kPeer, .ifindex = 9}, devices),
            "to ifindex 9 by bpf_redirect_peer");
  EXPECT_EQ(redirect_text({.kind = bpf::RedirectKind::kNeigh,
                           .ifindex = 3,
                           .has_next_hop = true,
                           .next_hop = {.family = 2, .address = {10, 0, 0, 1}}},
                          devices),
            "to ifindex 3 (eth1) by bpf_redirect_neigh, next hop 10.0.0.1");
}

}  // namespace
}  // namespace netkit::cli
