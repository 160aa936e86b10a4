#include "topology/datum.h"

#include "tests/unit/topology/topology_testing.h"

namespace netkit::topology {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using ByteVector = std::vector<std::uint8_t>;

const DatumNames kNames{
    .ifindex = [](EndIndex end) -> Result<std::uint32_t> { return static_cast<std::uint32_t>(100 + end); },
    .mac = [](EndIndex end) -> Result<MacAddress> {
      return MacAddress{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(end)}};
    },
    .program_id = [](const ObjectMember&) -> Result<std::uint32_t> { return 77U; },
};

// The bytes of a value of `size` bytes.
Result<ByteVector> encoded(std::string_view value, std::size_t size) {
  const Topology topology =
      parsed(two_pods("maps: {policy.m: [{key: 0, value: " + std::string(value) + "}]}\n"));
  if (topology.maps.empty()) return fail(EINVAL);
  return encode(*topology.maps[0].entries[0].value, size, kNames);
}

ByteVector bytes_of(std::string_view value, std::size_t size) {
  const auto bytes = encoded(value, size);
  if (bytes) return *bytes;
  ADD_FAILURE() << value << ": " << bytes.error().text;
  return {};
}

std::string problem_of_value(std::string_view value) {
  return problem_of(two_pods("maps: {policy.m: [{key: 0, value: " + std::string(value) + "}]}\n"));
}

TEST(Datum, ANumberAloneFillsItsPlace) {
  EXPECT_THAT(bytes_of("5", 1), ElementsAre(5));
  EXPECT_THAT(bytes_of("0x0102", 4), ElementsAre(2, 1, 0, 0));
  EXPECT_THAT(bytes_of("-2", 8), ElementsAre(254, 255, 255, 255, 255, 255, 255, 255));
  EXPECT_THAT(bytes_of("'7'", 2), ElementsAre(7, 0));
  EXPECT_EQ(encoded("256", 1).error().text, "256 does not fit 1 bytes");
  EXPECT_EQ(encoded("-129", 1).error().text, "-129 does not fit 1 bytes");
  EXPECT_EQ(encoded("1", 12).error().text, "a number alone cannot fill 12 bytes; write the fields as a list");
}

TEST(Datum, NumbersWithASizeAreHostOrNetworkOrder) {
  EXPECT_THAT(bytes_of("{u16: 258}", 2), ElementsAre(2, 1));
  EXPECT_THAT(bytes_of("{be16: 258}", 2), ElementsAre(1, 2));
  EXPECT_THAT(bytes_of("{be64: 1}", 8), ElementsAre(0, 0, 0, 0, 0, 0, 0, 1));
  EXPECT_THAT(bytes_of("{i8: -128}", 1), ElementsAre(128));
  EXPECT_THAT(bytes_of("{i64: -9223372036854775808}", 8), ElementsAre(0, 0, 0, 0, 0, 0, 0, 128));
  EXPECT_THAT(problem_of_value("{u8: 256}"), HasSubstr("'256' is no u8"));
  EXPECT_THAT(problem_of_value("{u8: -1}"), HasSubstr("'-1' is no u8"));
  EXPECT_THAT(problem_of_value("{i8: 128}"), HasSubstr("'128' is no i8"));
  EXPECT_THAT(problem_of_value("{u64: 18446744073709551616}"), HasSubstr("is no u64"));
}

TEST(Datum, AddressesPrefixesAndMacsAreKnownByTheirForm) {
  EXPECT_THAT(bytes_of("10.0.1.2", 4), ElementsAre(10, 0, 1, 2));
  EXPECT_THAT(bytes_of("02:00:00:00:00:01", 6), ElementsAre(2, 0, 0, 0, 0, 1));
  EXPECT_THAT(bytes_of("10.0.0.0/8", 8), ElementsAre(8, 0, 0, 0, 10, 0, 0, 0));
  EXPECT_THAT(bytes_of("'::ffff:10.0.0.1/104'", 20),
              ElementsAre(104, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 1));
}

TEST(Datum, HexTextAndPadding) {
  EXPECT_THAT(bytes_of("{hex: '0a 0B:0c0d'}", 4), ElementsAre(10, 11, 12, 13));
  EXPECT_THAT(bytes_of("{text: ab, size: 4}", 4), ElementsAre('a', 'b', 0, 0));
  EXPECT_THAT(bytes_of("[{u8: 1}, {pad: 3}, {u32: 2}]", 8), ElementsAre(1, 0, 0, 0, 2, 0, 0, 0));
  EXPECT_THAT(problem_of_value("{hex: 0ax}"), HasSubstr("pairs of hexadecimal digits"));
  EXPECT_THAT(problem_of_value("{text: abc, size: 2}"), HasSubstr("the text has 3 bytes, its size is 2"));
}

TEST(Datum, ReferencesAreFilledInWhenTheyAreKnown) {
  EXPECT_THAT(bytes_of("{ifindex: nk1.peer}", 4), ElementsAre(101, 0, 0, 0));
  EXPECT_THAT(bytes_of("{mac: nk2}", 6), ElementsAre(2, 0, 0, 0, 0, 2));
  EXPECT_THAT(bytes_of("{program: policy.tail}", 4), ElementsAre(77, 0, 0, 0));
  EXPECT_THAT(problem_of_value("{ifindex: nk8}"), HasSubstr("no device is called 'nk8'"));
}

TEST(Datum, ListsAreStructs) {
  EXPECT_THAT(bytes_of("[10.0.0.1, {be16: 80}, [{u8: 6}, {pad: 1}]]", 8),
              ElementsAre(10, 0, 0, 1, 0, 80, 6, 0));
  EXPECT_THAT(problem_of_value("[1, 2]"), HasSubstr("a number in a list needs its size"));
  EXPECT_THAT(problem_of_value("[]"), HasSubstr("an empty list"));
  EXPECT_EQ(encoded("[{u8: 1}, {u8: 2}]", 4).error().text,
            "this is 2 bytes, 4 are needed; add the missing fields or {pad: N}");
  EXPECT_EQ(encoded("[{u32: 1}, {u8: 2}]", 4).error().text, "this is 5 bytes, 4 are needed; remove fields");
}

TEST(Datum, UnknownFormsAreTold) {
  EXPECT_THAT(problem_of_value("{u33: 1}"), HasSubstr("'u33' is no form of a value; did you mean 'u32'?"));
  EXPECT_THAT(problem_of_value("{}"), HasSubstr("is no form of a value"));
  EXPECT_THAT(problem_of_value("hello"), HasSubstr("for text write {text: ..., size: N}"));
  EXPECT_THAT(problem_of_value("{u32: 1, u16: 2}"), HasSubstr("unknown key"));
}

}  // namespace
}  // namespace netkit::topology
