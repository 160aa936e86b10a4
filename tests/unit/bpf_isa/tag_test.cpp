// Digest and tag of programs.
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "bpf/isa/assembler.h"
#include "bpf/isa/sha256.h"
#include "bpf/isa/tag.h"

namespace netkit::bpf {
namespace {

template <class Bytes>
std::string hex(const Bytes& bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) text += {kDigits[byte >> 4], kDigits[byte & 15]};
  return text;
}

std::string digest(std::string_view message) {
  return hex(sha256(std::as_bytes(std::span(message))));
}

TEST(Sha256, known_answers) {
  EXPECT_EQ(digest(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(digest("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(digest("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(digest(std::string(1'000'000, 'a')),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Tag, map_references_do_not_count) {
  const auto tag = [](std::string_view code) { return hex(program_tag(*assemble(code))); };
  EXPECT_EQ(tag("r1 = map[0]; exit"), tag("r1 = map[3]; exit"));
  EXPECT_EQ(tag("r1 = map[0]+0; exit"), tag("r1 = map[3]+8; exit"));
  EXPECT_NE(tag("r1 = 0 ll; exit"), tag("r1 = 3 ll; exit"));
  EXPECT_NE(tag("r1 = map[0]; exit"), tag("r1 = map[0]+0; exit"));
}

}  // namespace
}  // namespace netkit::bpf
