// The same requests to the running kernel and to us: programs, maps, ids, information, pins. A script is a
// list of requests; what both sides answered is compared as text, request by request.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <sched.h>
#include <cerrno>
#include <cstring>
#include <functional>

#include "base/endian.h"
#include "base/per_cpu.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/value.h"
#include "tests/differential/object/side.h"

namespace netkit::control::test {
namespace {

using bpf::MapType;

using Answers = std::vector<std::string>;

// What one side answered. Descriptors, ids and counts are told apart from errors only.
class Log {
 public:
  int operator()(std::string_view what, int answer) {
    answers.push_back(fmt::format("{}: {}", what, answer < 0 ? errno_name(-answer) : "ok"));
    return answer;
  }
  // `said` may be what the request that answered wrote: it is read only now.
  void text(std::string_view what, int answer, const std::string& said) {
    answers.push_back(fmt::format("{}: {}", what, answer < 0 ? errno_name(-answer) : said));
  }
  Answers answers;
};

using Script = std::function<void(Side&, Log&)>;

Answers play(const std::unique_ptr<Side>& side, const Script& script) {
  Log log;
  script(*side, log);
  return log.answers;
}

void expect_same(const Script& script) {
  const Answers kernels = play(make_kernel_side(), script);
  const Answers ours = play(make_our_side(), script);
  ASSERT_EQ(kernels.size(), ours.size());
  ASSERT_FALSE(ours.empty());
  ::testing::Test::RecordProperty("answers", static_cast<int>(ours.size()));
  for (std::size_t i = 0; i < ours.size(); ++i) EXPECT_EQ(ours[i], kernels[i]) << "answer " << i;
}

// ---- words of scripts ----

constexpr int kClosed = 999;
constexpr std::uint32_t kSchedCls = 3;
constexpr std::uint32_t kEntries = 4;

Buffer bytes_of(std::uint32_t number, std::size_t size = 4) {
  Buffer bytes(size);
  store_unaligned(bytes.data(), number);
  return bytes;
}

MapCreateRequest map_request(MapType type, std::uint32_t key = 4, std::uint32_t value = 8,
                             std::uint32_t flags = 0) {
  return {.map_type = static_cast<std::uint32_t>(type),
          .key_size = key,
          .value_size = value,
          .max_entries = kEntries,
          .map_flags = flags,
          .map_name = "m"};
}

const std::vector<bpf::Insn>& pass() {
  static const std::vector<bpf::Insn> kPass = bpf::assemble("r0 = 0\nexit").value();
  return kPass;
}

ProgramLoadRequest program_request(std::span<const bpf::Insn> insns = pass()) {
  return {.prog_type = kSchedCls, .insns = insns, .license = "GPL", .prog_name = "p"};
}

// r1 = <map>, r0 = 0, exit
std::vector<bpf::Insn> naming_map(unsigned kind, std::int32_t number, std::int32_t offset = 0) {
  bpf::Insn load{.opcode = bpf::kLdImm64, .dst = 1, .imm = number};
  load.src = kind & 0xfU;
  return {load, {.opcode = 0, .imm = offset}, pass()[0], pass()[1]};
}

std::size_t value_size(MapType type, std::uint32_t size) {
  const bool per_cpu =
      type == MapType::kPercpuArray || type == MapType::kPercpuHash || type == MapType::kLruPercpuHash;
  return per_cpu ? bpf::round_up_8(size) * possible_cpus() : size;
}

class ObjectDifferential : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  }
};

// ---- creation ----

TEST_F(ObjectDifferential, MapCreationIsRefusedInTheSameOrder) {
  expect_same([](Side& side, Log& log) {
    const auto try_all = [&](std::string_view who) {
      const auto attempt = [&](std::string_view what, const MapCreateRequest& request) {
        log(fmt::format("{} {}", who, what), side.create_map(request));
      };
      attempt("hash", map_request(MapType::kHash));
      attempt("lru", map_request(MapType::kLruHash));
      attempt("trie", map_request(MapType::kLpmTrie, 8, 8, bpf::kNoPrealloc));
      attempt("no type", map_request(MapType::kUnspec));
      attempt("unknown type", map_request(static_cast<MapType>(4000)));
      attempt("bad key size", map_request(MapType::kArray, 5));
      attempt("bad flags", map_request(MapType::kHash, 4, 8, 1U << 30));
      attempt("both directions", map_request(MapType::kHash, 4, 8, bpf::kRdonly | bpf::kWronly));
      MapCreateRequest request = map_request(MapType::kHash);
      request.max_entries = 0;
      attempt("no entries", request);
      request = map_request(MapType::kHash);
      request.map_extra = 1;
      attempt("extra", request);
      request = map_request(MapType::kHash);
      request.numa_node = 77;
      attempt("a node without the flag", request);
      request.map_flags = bpf::kNumaNode;
      attempt("no such node", request);
      for (const std::string_view name :
           {"", "a", "fifteen_letters", "sixteen_letters_", "a.b_C9", "a b", "a-b", "a/b"}) {
        request = map_request(MapType::kHash);
        request.map_name = name;
        attempt(fmt::format("name '{}'", name), request);
        request.max_entries = 0;
        attempt(fmt::format("name '{}' and no entries", name), request);
      }
    };
    try_all("root");
    side.drop_privilege();
    try_all("nobody");
    side.regain_privilege();
  });
}

TEST_F(ObjectDifferential, ProgramLoadingIsRefusedInTheSameOrder) {
  expect_same([](Side& side, Log& log) {
    const int map = side.create_map(map_request(MapType::kHash));
    const int one = side.create_map([] {
      MapCreateRequest request = map_request(MapType::kArray);
      request.max_entries = 1;
      return request;
    }());
    const int array = side.create_map(map_request(MapType::kArray));
    const int program = side.load_program(program_request());
    const int other = side.open_other();
    const auto try_all = [&](std::string_view who) {
      const auto attempt = [&](std::string_view what, const ProgramLoadRequest& request) {
        log(fmt::format("{} {}", who, what), side.load_program(request));
      };
      attempt("plain", program_request());
      for (const std::uint32_t flag : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 30U}) {
        ProgramLoadRequest request = program_request();
        request.prog_flags = 1U << flag;
        attempt(fmt::format("flag {}", flag), request);
      }
      ProgramLoadRequest request = program_request(std::span<const bpf::Insn>());
      attempt("no instructions", request);
      const std::vector<bpf::Insn> many(bpf::kMaxInsns + 1, pass()[0]);
      attempt("too many instructions", program_request(many));
      request = program_request();
      request.prog_type = 4000;
      attempt("unknown type", request);
      request.prog_type = 0;
      attempt("no type", request);
      for (const std::uint32_t type : {0U, 9U, 46U, 47U, 54U, 55U}) {
        request = program_request();
        request.expected_attach_type = type;
        attempt(fmt::format("expected attach type {}", type), request);
      }
      for (const std::string_view name :
           {"", "fifteen_letters", "sixteen_letters_", "a.b_C9", "a b", "a-b"}) {
        request = program_request();
        request.prog_name = name;
        attempt(fmt::format("name '{}'", name), request);
      }
      for (const auto& [what, fd] : {std::pair("map", map),
                                     {"array", array},
                                     {"one", one},
                                     {"closed", kClosed},
                                     {"program", program},
                                     {"other", other},
                                     {"negative", -1}}) {
        attempt(fmt::format("fd of {}", what), program_request(naming_map(bpf::kMapFd, fd)));
        attempt(fmt::format("fd of {} with offset", what), program_request(naming_map(bpf::kMapFd, fd, 4)));
        attempt(fmt::format("value of {}", what), program_request(naming_map(bpf::kMapValue, fd)));
        attempt(fmt::format("value of {} at 7", what), program_request(naming_map(bpf::kMapValue, fd, 7)));
        attempt(fmt::format("value of {} at 8", what), program_request(naming_map(bpf::kMapValue, fd, 8)));
        attempt(fmt::format("value of {} at 2^29", what),
                program_request(naming_map(bpf::kMapValue, fd, 1 << 29)));
        attempt(fmt::format("place without array, {}", what), program_request(naming_map(bpf::kMapIndex, 0)));
        const std::vector<bpf::Insn> by_place = naming_map(bpf::kMapIndex, 1);
        request = program_request(by_place);
        request.fd_array = {map, fd};
        attempt(fmt::format("place of {}", what), request);
      }
      const std::vector<bpf::Insn> unknown = naming_map(9, 0);
      attempt("unknown pseudo", program_request(unknown));
      const std::vector<bpf::Insn> function = naming_map(bpf::kFunction, 0);
      attempt("function", program_request(function));
      const std::vector<bpf::Insn> cut = {pass()[0], {.opcode = bpf::kLdImm64, .dst = 1}};
      attempt("cut off", program_request(cut));
      const std::vector<bpf::Insn> falls = {pass()[0]};
      attempt("falls off the end", program_request(falls));
    };
    try_all("root");
    side.drop_privilege();
    try_all("nobody");
    side.regain_privilege();
  });
}

// ---- elements ----

void use_map(Side& side, Log& log, const MapCreateRequest& request) {
  const auto type = static_cast<MapType>(request.map_type);
  const int fd = log("create", side.create_map(request));
  if (fd < 0) return;
  Buffer value(value_size(type, request.value_size));
  Buffer next(request.key_size);
  const auto key = [&](std::uint32_t number) {
    Buffer bytes = bytes_of(number, request.key_size);
    if (type == MapType::kLpmTrie) {
      store_unaligned<std::uint32_t>(bytes.data(), 32);
      bytes[4] = static_cast<std::byte>(number);
    }
    return bytes;
  };
  for (const std::uint64_t flags : {0ULL, 1ULL, 2ULL, 3ULL, 4ULL, 64ULL}) {
    for (const std::uint32_t number : {0U, 1U, 1U, 100U})
      log(fmt::format("update {} flags {}", number, flags), side.update(fd, key(number), value, flags));
  }
  for (const std::uint32_t number : {0U, 1U, 2U, 100U}) {
    log(fmt::format("lookup {}", number), side.lookup(fd, key(number), value, 0));
    log(fmt::format("lookup {} locked", number), side.lookup(fd, key(number), value, 4));
    log(fmt::format("take {}", number), side.take(fd, key(number), value, 0));
    log(fmt::format("take {} locked", number), side.take(fd, key(number), value, 4));
    log(fmt::format("take {} flag 1", number), side.take(fd, key(number), value, 1));
    log(fmt::format("erase {}", number), side.erase(fd, key(number)));
    log(fmt::format("erase {} again", number), side.erase(fd, key(number)));
  }
  log("next of nothing", side.next_key(fd, {}, next));
  for (std::uint32_t number = 0; number < 2; ++number) side.update(fd, key(number), value, 0);
  log("next of nothing", side.next_key(fd, {}, next));
  log("freeze", side.freeze(fd));
  log("freeze again", side.freeze(fd));
  log("lookup frozen", side.lookup(fd, key(0), value, 0));
  log("update frozen", side.update(fd, key(0), value, 0));
  log("update frozen, bad flags", side.update(fd, key(0), value, 64));
  log("erase frozen", side.erase(fd, key(0)));
  log("take frozen", side.take(fd, key(0), value, 0));
}

TEST_F(ObjectDifferential, ElementsOfEveryTypeAnswerAlike) {
  expect_same([](Side& side, Log& log) {
    use_map(side, log, map_request(MapType::kHash));
    use_map(side, log, map_request(MapType::kPercpuHash));
    use_map(side, log, map_request(MapType::kLruHash));
    use_map(side, log, map_request(MapType::kLruPercpuHash));
    use_map(side, log, map_request(MapType::kArray));
    use_map(side, log, map_request(MapType::kPercpuArray));
    use_map(side, log, map_request(MapType::kLpmTrie, 8, 8, bpf::kNoPrealloc));
  });
}

TEST_F(ObjectDifferential, BadDescriptorsAnswerAlike) {
  expect_same([](Side& side, Log& log) {
    const int program = side.load_program(program_request());
    const int other = side.open_other();
    Buffer value(8), next(4);
    std::uint32_t done = 0;
    std::string text;
    for (const auto& [what, fd] :
         {std::pair("closed", kClosed), {"program", program}, {"other", other}, {"negative", -1}}) {
      const auto say = [&](std::string_view request, int answer) {
        log(fmt::format("{} of {}", request, what), answer);
      };
      say("lookup", side.lookup(fd, bytes_of(0), value, 0));
      say("update", side.update(fd, bytes_of(0), value, 0));
      say("erase", side.erase(fd, bytes_of(0)));
      say("next", side.next_key(fd, bytes_of(0), next));
      say("take", side.take(fd, bytes_of(0), value, 0));
      say("take flag 1", side.take(fd, bytes_of(0), value, 1));
      say("freeze", side.freeze(fd));
      say("read batch", side.read_batch(fd, false, 1, 0, done));
      say("take batch", side.read_batch(fd, true, 1, 0, done));
      say("update batch", side.update_batch(fd, 1, bytes_of(0), value, 0, done));
      say("delete batch", side.delete_batch(fd, 1, bytes_of(0), 0, done));
      if (fd != program) say("info", side.describe(fd, text));
    }
  });
}

TEST_F(ObjectDifferential, RightsAreTheDescriptorsNotTheMaps) {
  expect_same([](Side& side, Log& log) {
    for (const std::uint32_t flags : {0U, std::uint32_t{bpf::kRdonly}, std::uint32_t{bpf::kWronly}}) {
      const int fd = side.create_map(map_request(MapType::kHash, 4, 8, flags));
      std::string text;
      log.text("info", side.describe(fd, text), text);
      std::vector<std::pair<std::string, int>> descriptors = {{"created", fd}, {"dup", side.duplicate(fd)}};
      for (const std::uint32_t open_flags : {0U, 8U, 16U, 24U, 1U, 4U}) {
        const int opened =
            log(fmt::format("open {}", open_flags), side.open_id(Kind::kMap, side.id_of(fd), open_flags));
        if (opened >= 0) descriptors.emplace_back(fmt::format("opened {}", open_flags), opened);
      }
      Buffer value(8), next(4);
      std::uint32_t done = 0;
      for (const auto& [name, one] : descriptors) {
        const auto say = [&](std::string_view request, int answer) {
          log(fmt::format("flags {} {} {}", flags, name, request), answer);
        };
        say("update", side.update(one, bytes_of(1), value, 0));
        say("lookup", side.lookup(one, bytes_of(1), value, 0));
        say("next", side.next_key(one, {}, next));
        say("take", side.take(one, bytes_of(1), value, 0));
        say("erase", side.erase(one, bytes_of(1)));
        say("read batch", side.read_batch(one, false, 4, 0, done));
        say("take batch", side.read_batch(one, true, 4, 0, done));
        say("update batch", side.update_batch(one, 1, bytes_of(0), value, 0, done));
        say("delete batch", side.delete_batch(one, 1, bytes_of(0), 0, done));
      }
      for (const auto& [name, one] : descriptors)
        log(fmt::format("flags {} {} freeze", flags, name), side.freeze(one));
    }
  });
}

TEST_F(ObjectDifferential, ProgArraysTakeDescriptorsAndShowIds) {
  expect_same([](Side& side, Log& log) {
    const int array = log("create", side.create_map(map_request(MapType::kProgArray, 4, 4)));
    const int program = side.load_program(program_request());
    ProgramLoadRequest of_other_kind = program_request();
    of_other_kind.expected_attach_type = 47;
    const int stranger = log("load", side.load_program(of_other_kind));
    const int other = side.open_other();
    Buffer value(4);
    for (const auto& [what, fd] : {std::pair("closed", kClosed),
                                   {"array", array},
                                   {"other", other},
                                   {"negative", -1},
                                   {"program", program},
                                   {"stranger", stranger}}) {
      const Buffer written = bytes_of(static_cast<std::uint32_t>(fd));
      for (const std::uint32_t index : {0U, 3U, 4U}) {
        for (const std::uint64_t flags : {0ULL, 1ULL, 2ULL})
          log(fmt::format("{} at {} flags {}", what, index, flags),
              side.update(array, bytes_of(index), written, flags));
      }
    }
    for (const std::uint32_t index : {0U, 1U, 3U, 4U}) {
      const int answer = log(fmt::format("lookup {}", index), side.lookup(array, bytes_of(index), value, 0));
      if (answer == 0)
        log.text("holds the id", 0,
                 load_unaligned<std::uint32_t>(value.data()) == side.id_of(program) ? "yes" : "no");
      log(fmt::format("take {}", index), side.take(array, bytes_of(index), value, 0));
      log(fmt::format("erase {}", index), side.erase(array, bytes_of(index)));
      log(fmt::format("erase {} again", index), side.erase(array, bytes_of(index)));
    }
    side.update(array, bytes_of(2), bytes_of(static_cast<std::uint32_t>(program)), 0);
    const int again = side.open_id(Kind::kMap, side.id_of(array), 0);
    log("close one", side.close(array));
    log("still there", side.lookup(again, bytes_of(2), value, 0));
  });
}

TEST_F(ObjectDifferential, BatchesAnswerAlike) {
  expect_same([](Side& side, Log& log) {
    const std::vector<MapCreateRequest> requests = {map_request(MapType::kHash),
                                                    map_request(MapType::kPercpuHash),
                                                    map_request(MapType::kLruHash),
                                                    map_request(MapType::kArray),
                                                    map_request(MapType::kPercpuArray),
                                                    map_request(MapType::kProgArray, 4, 4),
                                                    map_request(MapType::kLpmTrie, 8, 8, bpf::kNoPrealloc),
                                                    map_request(MapType::kArrayOfMaps, 4, 4),
                                                    map_request(MapType::kHashOfMaps, 4, 4),
                                                    map_request(MapType::kQueue, 0),
                                                    map_request(MapType::kStack, 0),
                                                    map_request(MapType::kBloomFilter, 0),
                                                    map_request(MapType::kPerfEventArray, 4, 4),
                                                    map_request(MapType::kDevmap, 4, 4),
                                                    map_request(MapType::kDevmapHash, 4, 4),
                                                    map_request(MapType::kSockmap),
                                                    map_request(MapType::kSockhash)};
    const int inner = side.create_map(map_request(MapType::kArray));
    for (MapCreateRequest request : requests) {
      const auto type = static_cast<MapType>(request.map_type);
      if (bpf::is_map_of_maps(type)) request.inner_map_fd = inner;
      const int fd = side.create_map(request);
      const std::size_t size = value_size(type, request.value_size);
      Buffer keys, values(size * 3);
      if (bpf::is_map_of_maps(type)) {
        for (std::size_t at = 0; at < 3; ++at) store_unaligned(values.data() + at * size, inner);
      }
      for (std::uint32_t number = 0; number < 3; ++number) {
        if (request.key_size == 0) break;
        Buffer key = bytes_of(number, request.key_size);
        if (request.key_size == 8) {
          store_unaligned<std::uint32_t>(key.data(), 8);
          key[4] = static_cast<std::byte>(number);
        }
        keys.insert(keys.end(), key.begin(), key.end());
      }
      std::uint32_t done = 77;
      const auto say = [&](std::string_view what, int answer) {
        log.text(fmt::format("type {} {}", request.map_type, what), answer, "ok");
        if (answer != -bpf::kENOTSUPP && answer != -EINVAL) log.text("done", 0, std::to_string(done));
      };
      say("update none", side.update_batch(fd, 0, keys, values, 0, done));
      say("update, noexist", side.update_batch(fd, 3, keys, values, 1, done));
      say("update, locked", side.update_batch(fd, 3, keys, values, 4, done));
      say("update", side.update_batch(fd, 3, keys, values, 0, done));
      say("read, locked", side.read_batch(fd, false, 10, 4, done));
      say("read, flag 1", side.read_batch(fd, false, 10, 1, done));
      say("read none", side.read_batch(fd, false, 0, 0, done));
      say("read", side.read_batch(fd, false, 10, 0, done));
      say("delete, flags", side.delete_batch(fd, 1, keys, 1, done));
      say("delete", side.delete_batch(fd, 1, keys, 0, done));
      say("delete some", side.delete_batch(fd, 3, keys, 0, done));
      say("read", side.read_batch(fd, false, 10, 0, done));
      say("take", side.read_batch(fd, true, 10, 0, done));
      say("take again", side.read_batch(fd, true, 10, 0, done));
    }
  });
}

// ---- information, ids ----

TEST_F(ObjectDifferential, InformationIsTheSame) {
  expect_same([](Side& side, Log& log) {
    const auto tell = [&](std::string_view what, int fd) {
      std::string text;
      log.text(what, side.describe(fd, text), text);
    };
    const int hash =
        side.create_map(map_request(MapType::kHash, 12, 20, bpf::kNoPrealloc | bpf::kRdonlyProg));
    const int array = side.create_map(map_request(MapType::kArray));
    tell("hash", hash);
    tell("array", array);
    std::vector<bpf::Insn> insns = naming_map(bpf::kMapFd, hash);
    const std::vector<bpf::Insn> rest = naming_map(bpf::kMapFd, array);
    insns.erase(insns.end() - 2, insns.end());
    insns.insert(insns.end(), rest.begin(), rest.end());
    ProgramLoadRequest request = program_request(insns);
    request.prog_name = "fifteen_letters";
    const int program = log("load", side.load_program(request));
    tell("program", program);
    request.license = "Proprietary";
    const int closed_source = log("load", side.load_program(request));
    tell("closed source", closed_source);
    for (const std::string_view license :
         {"", "GPL v2", "Dual BSD/GPL", "Dual MIT/GPL", "Dual MPL/GPL", "gpl"}) {
      request.license = license;
      tell(license, side.load_program(request));
    }
    side.drop_privilege();
    tell("program, by nobody", program);
    tell("map, by nobody", hash);
    side.regain_privilege();
  });
}

TEST_F(ObjectDifferential, IdsAndStatisticsAskForPrivilegeAtTheSameMoment) {
  expect_same([](Side& side, Log& log) {
    const int map = side.create_map(map_request(MapType::kHash));
    const int program = side.load_program(program_request());
    const std::uint32_t map_id = side.id_of(map), program_id = side.id_of(program);
    const auto try_all = [&](std::string_view who) {
      const auto say = [&](std::string_view what, int answer) {
        log(fmt::format("{} {}", who, what), answer);
      };
      for (const Kind kind : {Kind::kProgram, Kind::kMap, Kind::kLink}) {
        const int number = static_cast<int>(kind);
        if (kind != Kind::kLink) say(fmt::format("next of 0, kind {}", number), side.next_id(kind, 0));
        say(fmt::format("next of 2^31-2, kind {}", number), side.next_id(kind, 0x7ffffffe));
        say(fmt::format("next of 2^31-1, kind {}", number), side.next_id(kind, 0x7fffffff));
        say(fmt::format("next of 2^32-1, kind {}", number), side.next_id(kind, 0xffffffff));
        say(fmt::format("open 0, kind {}", number), side.open_id(kind, 0, 0));
        say(fmt::format("open unknown, kind {}", number), side.open_id(kind, 0x7ffffff0, 0));
      }
      say("open map", side.open_id(Kind::kMap, map_id, 0));
      for (const std::uint32_t flags : {8U, 16U, 24U, 1U}) {
        say(fmt::format("open map flags {}", flags), side.open_id(Kind::kMap, map_id, flags));
        say(fmt::format("open unknown map flags {}", flags), side.open_id(Kind::kMap, 0x7ffffff0, flags));
      }
      say("open program", side.open_id(Kind::kProgram, program_id, 0));
      say("stats", side.enable_stats(0));
      say("stats of another type", side.enable_stats(1));
    };
    try_all("root");
    side.drop_privilege();
    try_all("nobody");
    Buffer value(8);
    log("nobody update", side.update(map, bytes_of(1), value, 0));
    log("nobody lookup", side.lookup(map, bytes_of(1), value, 0));
    log("nobody freeze", side.freeze(map));
    side.regain_privilege();
  });
}

// ---- pins ----

class PinDifferential : public ObjectDifferential {
 protected:
  // A bpffs of one's own, seen by this process alone.
  static void SetUpTestSuite() {
    if (::geteuid() != 0) return;
    ASSERT_EQ(::unshare(CLONE_NEWNS), 0) << std::strerror(errno);
    ASSERT_EQ(::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0) << std::strerror(errno);
  }
  void SetUp() override {
    ObjectDifferential::SetUp();
    if (IsSkipped()) return;
    ASSERT_EQ(::mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"), 0) << std::strerror(errno);
    mounted_ = true;
  }
  void TearDown() override {
    if (mounted_) ::umount2("/sys/fs/bpf", MNT_DETACH);
  }

 private:
  bool mounted_ = false;
};

const std::string kRoot = "/sys/fs/bpf";

TEST_F(PinDifferential, PinsAreRefusedForTheSameReasons) {
  expect_same([](Side& side, Log& log) {
    const int map = side.create_map(map_request(MapType::kHash));
    const int program = side.load_program(program_request());
    const int other = side.open_other();
    const std::string long_name(255, 'n'), too_long_name(256, 'n');
    std::string deep = kRoot;
    while (deep.size() < 4100) deep += "/./././.";
    log("mkdir", side.make_directory(kRoot + "/d", 0755));
    log("pin", side.pin(map, kRoot + "/m", 0));
    const std::vector<std::string> paths = {"",
                                            kRoot,
                                            kRoot + "/",
                                            kRoot + "/.",
                                            kRoot + "/d",
                                            kRoot + "/d/",
                                            kRoot + "/d/..",
                                            kRoot + "/d/x",
                                            kRoot + "//d///y",
                                            kRoot + "/d/./z",
                                            kRoot + "/d/../up",
                                            kRoot + "/trailing/",
                                            kRoot + "/m",
                                            kRoot + "/m/",
                                            kRoot + "/m/x",
                                            kRoot + "/none/x",
                                            kRoot + "/a.b",
                                            kRoot + "/.hidden",
                                            kRoot + "/d/a.b",
                                            kRoot + "/a.b/x",
                                            kRoot + "/none/a.b",
                                            kRoot + "/" + long_name,
                                            kRoot + "/" + too_long_name,
                                            kRoot + "/." + too_long_name,
                                            deep,
                                            "/tmp/netkit-no-such-pin",
                                            kRoot + "/../../../tmp/netkit-no-such-pin"};
    for (const std::string& path : paths) {
      const std::string_view shown = std::string_view(path).substr(0, 40);
      const auto say = [&](std::string_view what, int answer) {
        log(fmt::format("{} '{}'", what, shown), answer);
      };
      const bool outside = path.contains("/tmp/");
      for (const auto& [what, fd] :
           {std::pair("closed", kClosed), {"other", other}, {"map", map}, {"program", program}})
        say(fmt::format("pin {}", what), side.pin(fd, path, 0));
      say("pin flags 1", side.pin(map, path, 1));
      // What is outside we do not look at: EACCES, as for a file that holds no pin.
      if (!outside) say("get", side.get(path, 0));
      if (!outside) say("get to read", side.get(path, bpf::kRdonly));
      say("get both", side.get(path, bpf::kRdonly | bpf::kWronly));
      say("get flags 1", side.get(path, 1));
      if (!outside) {
        std::string text;
        log.text(fmt::format("stat '{}'", shown), side.stat(path, text), text);
        say("mkdir", side.make_directory(path, 0700));
      }
    }
    for (const std::string& path : paths) {
      if (path.contains("/tmp/")) continue;
      // Of what the last part names, not of "." and "..": rmdir(2) and unlink(2) say more there.
      if (path.ends_with(".") && path != deep) continue;
      const std::string_view shown = std::string_view(path).substr(0, 40);
      log(fmt::format("unlink '{}'", shown), side.unlink(path));
      log(fmt::format("rmdir '{}'", shown), side.remove_directory(path));
      log(fmt::format("unlink '{}' again", shown), side.unlink(path));
    }
  });
}

TEST_F(PinDifferential, RightsGoByOwnerAndMode) {
  expect_same([](Side& side, Log& log) {
    const int map = side.create_map(map_request(MapType::kHash));
    const int program = side.load_program(program_request());
    const std::string open = kRoot + "/open", shut = kRoot + "/shut", sticky = kRoot + "/sticky";
    log("mkdir", side.make_directory(open, 0777));
    log("mkdir", side.make_directory(shut, 0700));
    log("mkdir", side.make_directory(sticky, 01777));
    for (const std::string& place : {kRoot, open, shut, sticky}) {
      log("pin", side.pin(map, place + "/map", 0));
      log("pin", side.pin(program, place + "/prog", 0));
    }
    const auto try_all = [&](std::string_view who) {
      for (const std::string& place : {kRoot, open, shut, sticky}) {
        const auto say = [&](std::string_view what, int answer) {
          log(fmt::format("{} {} {}", who, what, place), answer);
        };
        std::string text;
        log.text(fmt::format("{} stat {}", who, place), side.stat(place + "/map", text), text);
        say("get", side.get(place + "/map", 0));
        say("get to read", side.get(place + "/map", bpf::kRdonly));
        say("get to write", side.get(place + "/map", bpf::kWronly));
        say("get program", side.get(place + "/prog", 0));
        say("pin", side.pin(map, fmt::format("{}/by_{}", place, who), 0));
        say("get own", side.get(fmt::format("{}/by_{}", place, who), 0));
        say("mkdir", side.make_directory(fmt::format("{}/dir_{}", place, who), 0750));
        say("chmod", side.change_mode(place + "/map", 0600));
        say("chmod own", side.change_mode(fmt::format("{}/by_{}", place, who), 0640));
        say("chown", side.change_owner(place + "/map", kNobody, kNobody));
        say("chown own", side.change_owner(fmt::format("{}/by_{}", place, who), 0, 0));
        say("unlink own", side.unlink(fmt::format("{}/by_{}", place, who)));
        say("rmdir own", side.remove_directory(fmt::format("{}/dir_{}", place, who)));
        say("unlink", side.unlink(place + "/prog"));
        say("unlink missing", side.unlink(place + "/none"));
      }
    };
    side.drop_privilege();
    try_all("nobody");
    side.regain_privilege();
    log("open the root", side.change_mode(kRoot, 0755));
    for (const std::uint32_t mode : {0644U, 0622U, 0666U}) {
      log("chmod", side.change_mode(open + "/map", mode));
      side.drop_privilege();
      try_all("nobody");
      side.regain_privilege();
    }
    try_all("root");
    side.drop_privilege();
    try_all("nobody");
    side.regain_privilege();
  });
}

TEST_F(PinDifferential, AnOpenedPinHasTheRightsThatWereAskedFor) {
  expect_same([](Side& side, Log& log) {
    const int map = side.create_map(map_request(MapType::kHash, 4, 8, bpf::kRdonly));
    log("pin", side.pin(map, kRoot + "/m", 0));
    log("close", side.close(map));
    Buffer value(8);
    for (const std::uint32_t flags : {0U, 8U, 16U}) {
      const int fd = log("get", side.get(kRoot + "/m", flags));
      log(fmt::format("update {}", flags), side.update(fd, bytes_of(1), value, 0));
      log(fmt::format("lookup {}", flags), side.lookup(fd, bytes_of(1), value, 0));
    }
    log("unlink", side.unlink(kRoot + "/m"));
    log("get", side.get(kRoot + "/m", 0));
    const int program = side.load_program(program_request());
    log("pin", side.pin(program, kRoot + "/p", 0));
    log("get program to read", side.get(kRoot + "/p", bpf::kRdonly));
  });
}

}  // namespace
}  // namespace netkit::control::test
