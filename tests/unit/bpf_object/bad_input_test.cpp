#include <elf.h>
#include <gmock/gmock.h>
#include <linux/btf.h>

#include <filesystem>
#include <fstream>

#include "bpf/object/btf.h"
#include "bpf/object/btf_check.h"
#include "tests/unit/bpf_object/objects.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;
using Bytes = std::vector<std::byte>;

Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> content{std::istreambuf_iterator<char>(file), {}};
  const auto bytes = std::as_bytes(std::span(content));
  return {bytes.begin(), bytes.end()};
}

Bytes valid_object() {
  return read_bytes(object_path("functions", compiled_variants().front()));
}

std::string refusal(Bytes bytes) {
  const auto object = ObjectFile::parse(std::move(bytes), "x.o");
  return object ? "accepted" : object.error().text;
}

// The first section header whose name is `name`.
Elf64_Shdr& section_header(Bytes& file, std::string_view name) {
  auto* elf = reinterpret_cast<Elf64_Ehdr*>(file.data());
  auto* headers = reinterpret_cast<Elf64_Shdr*>(file.data() + elf->e_shoff);
  const char* names = reinterpret_cast<const char*>(file.data()) + headers[elf->e_shstrndx].sh_offset;
  for (std::size_t i = 0; i < elf->e_shnum; ++i)
    if (names + headers[i].sh_name == name) return headers[i];
  ADD_FAILURE() << "no section " << name;
  return headers[0];
}

// Builds BTF record by record; strings are "", "a" (1) and "b" (3) unless set otherwise.
class RawBtf {
 public:
  RawBtf& type(std::uint32_t kind, std::uint32_t count, std::uint32_t size_or_type,
               std::vector<std::uint32_t> tail = {}, std::uint32_t name = 0) {
    for (const std::uint32_t word : {name, kind << 24 | count, size_or_type}) words_.push_back(word);
    words_.insert(words_.end(), tail.begin(), tail.end());
    return *this;
  }
  RawBtf& strings(std::string_view all) {
    strings_ = all;
    return *this;
  }
  [[nodiscard]] Bytes bytes() const {
    btf_header header{};
    header.magic = BTF_MAGIC;
    header.version = BTF_VERSION;
    header.hdr_len = sizeof header;
    header.type_len = static_cast<std::uint32_t>(words_.size() * sizeof(std::uint32_t));
    header.str_off = header.type_len;
    header.str_len = static_cast<std::uint32_t>(strings_.size());
    Bytes out;
    const auto append = [&](const void* from, std::size_t size) {
      const auto* begin = static_cast<const std::byte*>(from);
      out.insert(out.end(), begin, begin + size);
    };
    append(&header, sizeof header);
    append(words_.data(), header.type_len);
    append(strings_.data(), strings_.size());
    return out;
  }

 private:
  std::vector<std::uint32_t> words_;
  std::string_view strings_{"\0a\0b\0", 5};
};

std::string btf_refusal(const Bytes& raw) {
  const auto checked = check_btf(raw);
  return checked ? "accepted" : checked.error().text;
}
std::string btf_refusal(const RawBtf& raw) {
  return btf_refusal(raw.bytes());
}

TEST(BadObject, MissingFileSaysSo) {
  const auto object = ObjectFile::read("/nowhere/pod.o");
  ASSERT_FALSE(object);
  EXPECT_EQ(object.error().code, ENOENT);
  EXPECT_THAT(object.error().text, HasSubstr("/nowhere/pod.o: No such file or directory"));
  EXPECT_EQ(ObjectFile::read("/tmp").error().code, EISDIR);
}

TEST(BadObject, OtherFilesAreNotTaken) {
  EXPECT_THAT(refusal({}), HasSubstr("x.o: not an ELF file"));
  EXPECT_THAT(refusal(Bytes(100, std::byte{'a'})), HasSubstr("x.o: not an ELF file"));
  EXPECT_THAT(refusal(read_bytes("/proc/self/exe")),
              HasSubstr("is no relocatable BPF object; compile with `clang -target bpf -c`"));
}

TEST(BadObject, TruncatedFilesAreRefusedAtEveryLength) {
  const Bytes whole = valid_object();
  for (std::size_t length = 0; length < whole.size(); length += 1 + length / 64) {
    const auto object =
        ObjectFile::parse(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)), "x.o");
    ASSERT_FALSE(object) << length;
    EXPECT_THAT(object.error().text, testing::Not(HasSubstr("\n")));
  }
}

TEST(BadObject, DamagedBytesNeverDoHarm) {
  const Bytes whole = valid_object();
  std::uint32_t random = 12345;
  for (int round = 0; round < 3000; ++round) {
    Bytes damaged = whole;
    for (int i = 0; i < 4; ++i) {
      random = random * 1664525 + 1013904223;
      damaged[(random >> 4) % damaged.size()] = static_cast<std::byte>(random >> 24);
    }
    const auto object = ObjectFile::parse(std::move(damaged), "x.o");
    if (object) (void)link(*object, with_fake_maps());
  }
}

TEST(BadObject, SectionsOutsideTheFileAreNamed) {
  Bytes file = valid_object();
  section_header(file, ".text").sh_size = 1ULL << 60;
  EXPECT_THAT(refusal(std::move(file)), HasSubstr("does not lie in the file"));
}

TEST(BadObject, SectionsThatEndInsideAnInstructionAreNamed) {
  Bytes file = valid_object();
  section_header(file, ".text").sh_size -= 4;
  EXPECT_THAT(refusal(std::move(file)), HasSubstr("section '.text' of "));
}

TEST(BadObject, RelocationsOfMissingSymbolsAreNamed) {
  Bytes file = valid_object();
  auto& header = section_header(file, ".reltc");
  auto* first = reinterpret_cast<Elf64_Rel*>(file.data() + header.sh_offset);
  first->r_info = ELF64_R_INFO(9999ULL, 10ULL);
  EXPECT_THAT(refusal(std::move(file)), HasSubstr("relocation 0 of section '.reltc' names symbol 9999 of "));
}

TEST(BadObject, RelocationsOutsideTheSectionAreNamed) {
  Bytes file = valid_object();
  auto& header = section_header(file, ".reltc");
  reinterpret_cast<Elf64_Rel*>(file.data() + header.sh_offset)->r_offset = 1ULL << 40;
  EXPECT_THAT(refusal(std::move(file)),
              HasSubstr("section 'tc': relocation at byte 1099511627776 lies on no instruction"));
}

TEST(BadObject, NamesWithControlCharactersAreRefused) {
  Bytes file = valid_object();
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  std::size_t changed = 0;
  for (auto at = text.find("calls_all"); at != std::string_view::npos;
       at = text.find("calls_all", at + 1), ++changed)
    file[at] = std::byte{'\n'};
  ASSERT_GT(changed, 0U);
  EXPECT_THAT(refusal(std::move(file)), HasSubstr("has no valid name"));
  EXPECT_THAT(btf_refusal(RawBtf().type(BTF_KIND_INT, 0, 4, {32}, 5).strings({"\0a\0b\0\n\0", 7})),
              HasSubstr("type 1: a name with control characters"));
}

TEST(BadObject, HugeZeroSectionsAreRefusedWithoutMemory) {
  Bytes file = read_bytes(object_path("data", compiled_variants().front()));
  section_header(file, ".bss").sh_size = 1ULL << 50;
  EXPECT_THAT(refusal(std::move(file)), HasSubstr("section '.bss' has 1125899906842624 bytes"));
}

TEST(BadObject, LegacyMapsThatAreNoneAreRefusedWithTheRemedy) {
  Bytes file = read_bytes(object_path("maps", compiled_variants().front()));
  // ".maps" becomes "maps": names share one table, so begin one character later.
  section_header(file, ".maps").sh_name += 1;
  EXPECT_THAT(refusal(std::move(file)), testing::AllOf(HasSubstr("section 'maps': map '"),
                                                       HasSubstr("define maps with struct bpf_map_def or, "
                                                                 "better, in SEC(\".maps\")")));
}

TEST(BadObject, LegacyMapsOfUnevenSizeAreRefused) {
  Bytes file = read_bytes(object_path("legacy_maps", compiled_variants().front()));
  section_header(file, "maps").sh_size -= 1;
  EXPECT_THAT(refusal(std::move(file)),
              HasSubstr("section 'maps': 179 bytes cannot be divided evenly among 5 maps"));
}

TEST(BadObject, LegacyMapsWithoutTheirTemplateAreRefused) {
  constexpr std::size_t kInnerId = 7 * sizeof(std::uint32_t);
  constexpr std::size_t kDefinition = 9 * sizeof(std::uint32_t);
  Bytes file = read_bytes(object_path("legacy_maps", compiled_variants().front()));
  const std::size_t maps = section_header(file, "maps").sh_offset;
  for (std::size_t map = 0; map < 5; ++map) {
    std::uint32_t inner_id = 0;
    std::memcpy(&inner_id, file.data() + maps + map * kDefinition + kInnerId, sizeof inner_id);
    if (inner_id != 0) file[maps + map * kDefinition + kInnerId] = std::byte{43};
  }
  EXPECT_THAT(
      refusal(std::move(file)),
      HasSubstr("section 'maps': map 'rows' wants inner maps like the one with id 43, which is not there"));
}

TEST(BadObject, SectionsThatShareBytesAreRefused) {
  Bytes file = valid_object();
  section_header(file, "license").sh_offset = section_header(file, "tc").sh_offset;
  EXPECT_THAT(refusal(std::move(file)),
              testing::AllOf(HasSubstr("sections '"), HasSubstr("overlap; compile")));
}

TEST(BadObject, MapsWithoutTypesAreRefusedWithTheRemedy) {
  Bytes file = read_bytes(object_path("maps", compiled_variants().front()));
  section_header(file, ".BTF").sh_name += 1;  // "BTF"
  EXPECT_THAT(refusal(std::move(file)),
              HasSubstr("section '.maps' cannot be read without BTF; compile with -g"));
}

RawBtf with_int() {
  return RawBtf().type(BTF_KIND_INT, 0, 4, {32}, 1);
}

TEST(BadBtf, SoundTypesAreTaken) {
  const RawBtf raw = with_int()
                         .type(BTF_KIND_PTR, 0, 3)                              // 2: pointer to 3
                         .type(BTF_KIND_STRUCT, 2, 16, {1, 1, 0, 3, 2, 64}, 3)  // 3: holds an int and 2
                         .type(BTF_KIND_ARRAY, 0, 0, {3, 1, 5});                // 4
  EXPECT_EQ(btf_refusal(raw), "accepted");
  EXPECT_TRUE(Btf::parse(raw.bytes()));
}

TEST(BadBtf, HeadersMustFit) {
  EXPECT_THAT(btf_refusal(Bytes(5)), HasSubstr("only 5 bytes"));
  EXPECT_THAT(btf_refusal(Bytes(24)), HasSubstr("magic number"));
  Bytes raw = with_int().bytes();
  reinterpret_cast<btf_header*>(raw.data())->type_len = 0xfffffffc;
  EXPECT_THAT(btf_refusal(raw), HasSubstr("do not lie in"));
  raw = with_int().bytes();
  reinterpret_cast<btf_header*>(raw.data())->str_len += 1;
  EXPECT_THAT(btf_refusal(raw), HasSubstr("do not lie in"));
  raw = with_int().bytes();
  raw.back() = std::byte{'x'};
  EXPECT_THAT(btf_refusal(raw), HasSubstr("strings do not begin and end with a zero byte"));
}

TEST(BadBtf, RecordsMustBeWholeAndKnown) {
  EXPECT_THAT(btf_refusal(RawBtf().type(BTF_KIND_INT, 0, 4)), HasSubstr("type 1 is cut off"));
  EXPECT_THAT(btf_refusal(RawBtf().type(BTF_KIND_STRUCT, 65535, 4)), HasSubstr("type 1 is cut off"));
  EXPECT_THAT(btf_refusal(RawBtf().type(31, 0, 4)), HasSubstr("type 1 is of unknown kind 31"));
}

TEST(BadBtf, ReferencesMustExist) {
  EXPECT_THAT(btf_refusal(RawBtf().type(BTF_KIND_PTR, 0, 2)), HasSubstr("type 1 refers to type 2 of 2"));
  EXPECT_THAT(btf_refusal(RawBtf().type(BTF_KIND_PTR, 0, 0, {}, 5)),
              HasSubstr("type 1: name at 5 of 5 bytes"));
  EXPECT_THAT(btf_refusal(with_int().type(BTF_KIND_STRUCT, 1, 4, {1, 77, 0})),
              HasSubstr("type 2 refers to type 77 of 3"));
  EXPECT_THAT(btf_refusal(with_int().type(BTF_KIND_FUNC, 0, 1, {}, 1)),
              HasSubstr("type 1, which is no prototype"));
  EXPECT_THAT(btf_refusal(with_int().type(BTF_KIND_DATASEC, 1, 4, {1, 0, 4})),
              HasSubstr("type 1, which is no variable"));
}

TEST(BadBtf, TypesMustNotContainThemselves) {
  EXPECT_THAT(btf_refusal(RawBtf().type(BTF_KIND_TYPEDEF, 0, 1, {}, 1)), HasSubstr("type 1 contains itself"));
  EXPECT_THAT(btf_refusal(RawBtf().type(BTF_KIND_CONST, 0, 2).type(BTF_KIND_VOLATILE, 0, 1)),
              HasSubstr("contains itself"));
  EXPECT_THAT(
      btf_refusal(with_int().type(BTF_KIND_STRUCT, 1, 4, {1, 3, 0}).type(BTF_KIND_ARRAY, 0, 0, {2, 1, 1})),
      HasSubstr("contains itself"));
}

TEST(BadBtf, LongChainsOfTypesNeedNoStack) {
  RawBtf raw;
  for (std::uint32_t id = 1; id < 200'000; ++id) raw.type(BTF_KIND_CONST, 0, id + 1);
  raw.type(BTF_KIND_INT, 0, 4, {32}, 1);
  EXPECT_EQ(btf_refusal(raw), "accepted");
  const auto btf = Btf::parse(raw.bytes());
  ASSERT_TRUE(btf);
  EXPECT_EQ(btf->underlying(1), 200'000U);
}

}  // namespace
}  // namespace netkit::bpf
