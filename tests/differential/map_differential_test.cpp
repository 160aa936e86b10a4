// Our maps against the running kernel's: random operations on both, the same answers and contents. Orders
// that are a map's own business (hashes) are compared as sets. What only newer kernels than this one know
// (F_CPU) is left out.
#include <algorithm>
#include <map>
#include <optional>

#include "bpf/map/prog_array.h"
#include "bpf/map/tables.h"
#include "tests/differential/kernel_map.h"
#include "tests/unit/bpf_map/map_fixture.h"

namespace netkit::bpf::test {
namespace {

// Why the kernel can't be asked; empty if it can.
std::string refusal() {
  const int probe = KernelMap::create(spec_of(MapType::kArray, 1));
  if (probe < 0) return "bpf(2) is refused here: " + errno_name(-probe);
  ::close(probe);
  return {};
}

#define REQUIRE_KERNEL_BPF() \
  if (const std::string why = refusal(); !why.empty()) GTEST_SKIP() << why

template <class T, std::size_t kSize>
T one_of(Random& random, const T (&choices)[kSize]) {
  return choices[random() % kSize];
}

// ---- creation ----

// Memory that the kernel may be asked for in one run of the test, all maps together: it frees maps some time
// after they were closed, so what matters is the sum.
constexpr std::uint64_t kMemoryBudget = 256U << 20;

MapSpec random_inner(Random& random) {
  const MapSpec choices[] = {
      spec_of(MapType::kArray, 1),
      spec_of(MapType::kHash, 1),
      spec_of(MapType::kProgArray, 1),
      spec_of(MapType::kLpmTrie, 1),
      spec_of(MapType::kPercpuHash, 1),
      spec_of(MapType::kLruHash, 8),
      spec_of(MapType::kCgroupArray, 1, 4),
      spec_of(MapType::kPerfEventArray, 1, 4),
      {"m", MapType::kRingbuf, 0, 0, 4096, 0},
      {"m", MapType::kQueue, 0, 4, 1, 0},
      {"m", MapType::kBloomFilter, 0, 4, 1, 0},
      {"m", MapType::kDevmap, 4, 4, 1, 0},
      {"m", MapType::kSockmap, 4, 4, 1, 0},
  };
  return one_of(random, choices);
}

// What each type takes.
const MapSpec kGoodSpecs[] = {
    spec_of(MapType::kHash, 2),
    spec_of(MapType::kArray, 2),
    spec_of(MapType::kProgArray, 2),
    spec_of(MapType::kPercpuHash, 2),
    spec_of(MapType::kLruHash, 2),
    spec_of(MapType::kPercpuArray, 2),
    spec_of(MapType::kLpmTrie, 2),
    spec_of(MapType::kLruPercpuHash, 2),
    spec_of(MapType::kArrayOfMaps, 2, 4),
    spec_of(MapType::kHashOfMaps, 2, 4),
    spec_of(MapType::kPerfEventArray, 2, 4),
    spec_of(MapType::kCgroupArray, 2, 4),
    {"m", MapType::kQueue, 0, 4, 2, 0},
    {"m", MapType::kStack, 0, 4, 2, 0},
    {"m", MapType::kRingbuf, 0, 0, 4096, 0},
    {"m", MapType::kBloomFilter, 0, 4, 2, 0},
    spec_of(MapType::kDevmap, 2, 4),
    spec_of(MapType::kDevmapHash, 2, 4),
    spec_of(MapType::kCpumap, 1, 4),
    spec_of(MapType::kXskmap, 2, 4),
    spec_of(MapType::kSockmap, 2, 4),
    spec_of(MapType::kSockhash, 2, 8),
};

// A good one with up to three changes.
MapSpec random_spec(Random& random) {
  constexpr std::uint32_t kKeys[] = {4, 0, 3, 5, 8, 260, 261, 513};
  constexpr std::uint32_t kValues[] = {4, 0, 1, 8, 32768, 32769};
  constexpr std::uint32_t kMaxEntries[] = {1, 2, 3, 0, 4096, 6000, 8192};
  MapSpec spec = one_of(random, kGoodSpecs);
  if (is_map_of_maps(spec.type)) spec.inner = std::make_shared<MapSpec>(random_inner(random));
  for (std::uint32_t changes = random() % 4; changes > 0; --changes) {
    switch (random() % 8) {
      case 0:
        spec.key_size = one_of(random, kKeys);
        break;
      case 1:
        spec.value_size = one_of(random, kValues);
        break;
      case 2:
        spec.max_entries = one_of(random, kMaxEntries);
        break;
      case 3:
        spec.extra = random() % 20;
        break;
      default:
        spec.flags ^= 1U << random() % 13;
    }
  }
  return spec;
}

// At most what the kernel allocates for a map at once.
std::uint64_t kernel_bytes(const MapSpec& spec) {
  if (spec.type == MapType::kRingbuf) return spec.max_entries + 16'384;
  const std::uint64_t entry = 128 + round_up_8(spec.key_size) + round_up_8(spec.value_size) * possible_cpus();
  return 16'384 + entry * (spec.max_entries + possible_cpus());
}

// The kernel's answer, which is also ours unless it lacks memory.
int expect_same_creation(const MapSpec& spec) {
  const int fd = KernelMap::create(spec);
  if (fd >= 0) ::close(fd);
  const int kernel = std::min(fd, 0);
  if (kernel == -ENOMEM) return kernel;
  const auto ours = create_map(spec);
  EXPECT_EQ(errno_name(ours ? 0 : ours.error().code), errno_name(-kernel))
      << map_type_name(spec.type) << " key " << spec.key_size << " value " << spec.value_size << " entries "
      << spec.max_entries << " flags " << spec.flags << " extra " << spec.extra;
  return kernel;
}

TEST(MapDifferential, CreationIsRefusedForTheSameReasons) {
  REQUIRE_KERNEL_BPF();
  Random random(1);
  std::map<int, int> answers;
  std::uint64_t memory = 0;
  for (int n = 0; n < 10'000 && memory < kMemoryBudget; ++n) {
    const MapSpec spec = random_spec(random);
    if (kernel_bytes(spec) > kMemoryBudget / 64) continue;
    if (spec.type == MapType::kCpumap && spec.max_entries > 3) continue;  // the most is CONFIG_NR_CPUS
    const int answer = expect_same_creation(spec);
    ASSERT_FALSE(HasFailure());
    ++answers[answer];
    if (answer == 0) memory += kernel_bytes(spec);
  }
  for (const int code : {0, -EINVAL, -E2BIG, -kENOTSUPP}) EXPECT_GT(answers[code], 10) << errno_name(-code);
}

TEST(MapDifferential, TheLargestSizesAreTheSame) {
  REQUIRE_KERNEL_BPF();
  constexpr std::uint32_t kElement = (4U << 20) - 48;  // key and value of a hash must be below
  const MapSpec specs[] = {
      {"m", MapType::kHash, 4, kElement - 5, 1, kNoPrealloc},
      {"m", MapType::kHash, 4, kElement - 4, 1, kNoPrealloc},
      {"m", MapType::kHash, kElement - 9, 8, 1, kNoPrealloc},
      {"m", MapType::kHash, kElement - 8, 8, 1, kNoPrealloc},
      {"m", MapType::kLruHash, kElement, 8, 1, 0},
      {"m", MapType::kHash, 4, 4, (1U << 27) + 1, kNoPrealloc},
      {"m", MapType::kArray, 4, 0x80000000U, 1, 0},
      {"m", MapType::kPercpuArray, 4, 32769, 1, 0},
      {"m", MapType::kLpmTrie, 8, (4U << 20) - 256 - 24, 1, kNoPrealloc},
      {"m", MapType::kLpmTrie, 8, (4U << 20) - 256 - 23, 1, kNoPrealloc},
      {"m", MapType::kLpmTrie, 8, 8, 0xffffffffU, kNoPrealloc},
  };
  for (const MapSpec& spec : specs) EXPECT_NE(expect_same_creation(spec), -ENOMEM);
}

// ---- operations ----

struct Case {
  const char* name;
  MapSpec spec;
  bool order_matters;  // next_key's order is defined

  friend void PrintTo(const Case& tested, std::ostream* out) { *out << tested.name; }
};

constexpr std::uint32_t kEntries = 40;

const Case kCases[] = {
    {"hash", {"m", MapType::kHash, 4, 8, kEntries, 0}, false},
    {"hash_no_prealloc", {"m", MapType::kHash, 13, 5, kEntries, kNoPrealloc}, false},
    {"hash_one_entry", {"m", MapType::kHash, 1, 1, 1, 0}, false},
    {"percpu_hash", {"m", MapType::kPercpuHash, 6, 12, kEntries, 0}, false},
    {"percpu_hash_no_prealloc", {"m", MapType::kPercpuHash, 8, 4, kEntries, kNoPrealloc}, false},
    {"lru_hash", {"m", MapType::kLruHash, 4, 8, 10'000, 0}, false},
    {"lru_percpu_hash", {"m", MapType::kLruPercpuHash, 4, 8, 10'000, 0}, false},
    {"array", {"m", MapType::kArray, 4, 7, kEntries, 0}, true},
    {"percpu_array", {"m", MapType::kPercpuArray, 4, 20, kEntries, 0}, true},
    {"trie_v4", {"m", MapType::kLpmTrie, 8, 8, kEntries, kNoPrealloc}, true},
    {"trie_v6", {"m", MapType::kLpmTrie, 20, 4, kEntries, kNoPrealloc}, true},
    {"queue", {"m", MapType::kQueue, 0, 12, kEntries, 0}, true},
    {"stack", {"m", MapType::kStack, 0, 8, kEntries, 0}, true},
    {"bloom_filter", {"m", MapType::kBloomFilter, 0, 4, 10'000, 0, 3}, true},
    {"ringbuf", {"m", MapType::kRingbuf, 0, 0, 4096, 0}, true},
    {"devmap", {"m", MapType::kDevmap, 4, 4, kEntries, 0}, true},
    {"devmap_hash", {"m", MapType::kDevmapHash, 4, 4, kEntries, 0}, false},
    {"xskmap", {"m", MapType::kXskmap, 4, 4, kEntries, 0}, true},
    {"sockmap", {"m", MapType::kSockmap, 4, 4, kEntries, 0}, true},
    {"sockmap_of_cookies", {"m", MapType::kSockmap, 4, 8, kEntries, 0}, true},
    {"sockhash", {"m", MapType::kSockhash, 7, 8, kEntries, 0}, true},
    {"perf_event_array", {"m", MapType::kPerfEventArray, 4, 4, kEntries, 0}, true},
    {"trie_odd", {"m", MapType::kLpmTrie, 9, 3, kEntries, kNoPrealloc}, true},
};

class MapOperationsDifferential : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    REQUIRE_KERNEL_BPF();
    kernel_.emplace(GetParam().spec);
    ASSERT_TRUE(kernel_->exists());
    ours_ = make_map(GetParam().spec);
    key_.resize(GetParam().spec.key_size);
  }

  Map& ours() { return *ours_; }
  KernelMap& kernel() { return *kernel_; }

  // A few keys more than fit; lengths of prefixes now and then too large.
  void random_key() {
    if (key_.empty()) return;
    std::ranges::fill(key_, std::byte{0});
    if (GetParam().spec.type != MapType::kLpmTrie) {
      key_[0] = static_cast<std::byte>(random_() % (kEntries + 8));
      key_.back() |= key_[0] << 1;
      if (has_indexes()) store_unaligned(key_.data(), random_() % (kEntries + 2));
      return;
    }
    const auto bits = static_cast<std::uint32_t>((key_.size() - 4) * 8);
    for (std::size_t at = 4; at < key_.size(); ++at) {
      if (random_() % 3 == 0) key_[at] = static_cast<std::byte>(0x80U >> random_() % 8);
    }
    store_unaligned(key_.data(), random_() % 2 == 0 ? random_() % 12 : random_() % (bits + 2));
  }

  bool is_plain() {
    return is_array(ours()) || is_lru(ours()) || is_per_cpu(ours()) ||
           GetParam().spec.type == MapType::kHash || GetParam().spec.type == MapType::kLpmTrie;
  }

  bool has_indexes() {
    switch (GetParam().spec.type) {
      case MapType::kDevmap:
      case MapType::kSockmap:
      case MapType::kXskmap:
      case MapType::kPerfEventArray:
        return true;
      default:
        return is_array(ours());
    }
  }

  // Filters know few values; device maps take the loopback device, or none; other tables want descriptors,
  // and get none.
  Bytes random_value() {
    Bytes value(ours().user_value_size());
    switch (GetParam().spec.type) {
      case MapType::kBloomFilter:
        return bytes_of(random_() % 100);
      case MapType::kDevmap:
      case MapType::kDevmapHash:
        return bytes_of(random_() % 4 == 0 ? 0U : 1U);
      case MapType::kSockmap:
      case MapType::kSockhash:
      case MapType::kXskmap:
      case MapType::kPerfEventArray:
        std::ranges::fill(value, std::byte{0x7f});
        return value;
      default:
        for (std::byte& byte : value) byte = static_cast<std::byte>(random_());
        return value;
    }
  }

  void compare_lookup() {
    constexpr std::uint64_t kFlags[] = {0, 0, 0, 0, kLock, 1, 2};
    const std::uint64_t flags = one_of(random_, kFlags);
    Bytes kernels = random_value(), our = kernels;
    const int answer = kernel().lookup(key_, kernels, flags);
    ASSERT_EQ(-code(ours().read(key_, our, flags)), answer) << "flags " << flags;
    if (answer == 0) {
      ASSERT_EQ(our, kernels);
    }
  }

  void compare_take() {
    constexpr std::uint64_t kFlags[] = {0, 0, 0, kLock, 1};
    const std::uint64_t flags = one_of(random_, kFlags);
    Bytes kernels = random_value(), our = kernels;
    const int answer = kernel().take(key_, kernels, flags);
    ASSERT_EQ(-code(ours().take(key_, our, flags)), answer) << "flags " << flags;
    if (answer == 0) {
      ASSERT_EQ(our, kernels);
    }
  }

  void compare_update() {
    constexpr std::uint64_t kFlags[] = {0,  0,         0, 0, kNoexist, kExist, 3, kLock, kLock | kExist,
                                        64, 1ULL << 40};
    std::uint64_t flags = one_of(random_, kFlags);
    if (!is_plain()) flags &= 0xff;  // newer kernels refuse bits of a CPU before they ask the type
    const Bytes value = random_value();
    const int answer = kernel().update(key_, value, flags);
    ASSERT_EQ(-code(ours().write(key_, value, flags)), answer) << "flags " << flags;
  }

  void compare_remove() {
    const int answer = kernel().remove(key_);
    ASSERT_EQ(-code(ours().remove(key_)), answer);
  }

  void compare_next_key() {
    Bytes kernels(key_.size()), our(key_.size());
    const int answer = kernel().next_key(key_, kernels);
    const int our_answer = -code(ours().next_key(key_, our));
    if (!GetParam().order_matters) return;
    ASSERT_EQ(our_answer, answer);
    if (answer == 0) {
      ASSERT_EQ(our, kernels);
    }
  }

  template <class NextKey>
  std::vector<Bytes> all_keys(NextKey next_key) {
    std::vector<Bytes> keys;
    Bytes next(key_.size());
    for (Bytes at; next_key(at, next) == 0; at = next) keys.push_back(next);
    if (!GetParam().order_matters) std::ranges::sort(keys);
    return keys;
  }

  void compare_contents() {
    const auto kernels =
        all_keys([this](const Bytes& at, Bytes& next) { return kernel().next_key(at, next); });
    const auto our =
        all_keys([this](const Bytes& at, Bytes& next) { return code(ours().next_key(at, next)); });
    ASSERT_EQ(our, kernels);
    for (const Bytes& key : kernels) {
      key_ = key;
      ASSERT_NO_FATAL_FAILURE(compare_lookup());
    }
  }

  Random random_{7};
  std::optional<KernelMap> kernel_;
  MapRef ours_;
  Bytes key_;
};

INSTANTIATE_TEST_SUITE_P(Types, MapOperationsDifferential, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& tested) {
                           return std::string(tested.param.name);
                         });

TEST_P(MapOperationsDifferential, RandomOperationsGiveTheSameAnswers) {
  for (int step = 0; step < 20'000; ++step) {
    SCOPED_TRACE(step);
    random_key();
    switch (random_() % 9) {
      case 0:
      case 1:
      case 2:
        ASSERT_NO_FATAL_FAILURE(compare_update());
        break;
      case 8:
        ASSERT_NO_FATAL_FAILURE(compare_take());
        break;
      case 3:
      case 4:
        ASSERT_NO_FATAL_FAILURE(compare_remove());
        break;
      case 5:
        ASSERT_NO_FATAL_FAILURE(compare_next_key());
        break;
      default:
        ASSERT_NO_FATAL_FAILURE(compare_lookup());
    }
    if (step % 500 != 499) continue;
    ASSERT_NO_FATAL_FAILURE(compare_contents());
  }
}

TEST_P(MapOperationsDifferential, AFrozenMapAnswersTheSame) {
  for (int step = 0; step < 50; ++step) {
    random_key();
    ASSERT_NO_FATAL_FAILURE(compare_update());
  }
  ASSERT_EQ(-code(ours().freeze()), kernel().freeze());
  for (int step = 0; step < 500; ++step) {
    random_key();
    ASSERT_NO_FATAL_FAILURE(compare_update());
    ASSERT_NO_FATAL_FAILURE(compare_remove());
    ASSERT_NO_FATAL_FAILURE(compare_lookup());
  }
  EXPECT_EQ(-code(ours().freeze()), kernel().freeze());
}

// ---- program arrays: a slot of the kernel's holds a program by descriptor, ours by id ----

struct BothPrograms {
  Fd kernel;
  ProgramRef ours;
};

BothPrograms make_programs(AttachType expected_attach_type) {
  auto program = std::make_unique<Program>();
  program->expected_attach_type = expected_attach_type;
  return {Fd(load_kernel_program(static_cast<std::uint32_t>(expected_attach_type))),
          ProgramTable::instance().publish(std::move(program))};
}

TEST(MapDifferential, ProgramArraysGiveTheSameAnswers) {
  REQUIRE_KERNEL_BPF();
  const MapSpec spec = spec_of(MapType::kProgArray, 8);
  const KernelMap kernel(spec);
  ASSERT_TRUE(kernel.exists());
  const MapRef ours = make_map(spec);
  const BothPrograms programs[] = {make_programs(AttachType::kNone), make_programs(AttachType::kNone)};
  for (const BothPrograms& program : programs) ASSERT_TRUE(program.kernel);
  Random random(3);
  for (int step = 0; step < 20'000; ++step) {
    SCOPED_TRACE(step);
    const Bytes key = bytes_of(random() % 10);
    switch (random() % 4) {
      case 0: {
        constexpr std::uint64_t kFlags[] = {kAny, kAny, kAny, kNoexist, kExist, kLock};
        const std::uint64_t flags = one_of(random, kFlags);
        const BothPrograms& program = programs[random() % 2];
        const bool bad = random() % 8 == 0;
        const Bytes descriptor = bytes_of(bad ? 0x7fffffff : program.kernel.get());
        const Bytes id = bytes_of(bad ? 0x7fffffffU : program.ours->id);
        const int answer = kernel.update(key, descriptor, flags);
        ASSERT_EQ(-code(ours->write(key, id, flags)), answer);
        break;
      }
      case 1: {
        const int answer = kernel.remove(key);
        ASSERT_EQ(-code(ours->remove(key)), answer);
        break;
      }
      case 2: {
        Bytes kernels(4), our(4);
        const int answer = kernel.next_key(key, kernels);
        ASSERT_EQ(-code(ours->next_key(key, our)), answer);
        ASSERT_EQ(our, kernels);
        break;
      }
      default: {
        Bytes id(4);
        const int answer = kernel.lookup(key, id);
        ASSERT_EQ(-code(ours->read(key, id)), answer);
      }
    }
  }
}

TEST(MapDifferential, ProgramArraysTakeProgramsOfOneKind) {
  REQUIRE_KERNEL_BPF();
  const MapSpec spec = spec_of(MapType::kProgArray, 2);
  const KernelMap kernel(spec);
  const MapRef ours = make_map(spec);
  const BothPrograms first = make_programs(AttachType::kTcxIngress),
                     other = make_programs(AttachType::kTcxEgress);
  if (!first.kernel || !other.kernel) GTEST_SKIP() << "this kernel has no tcx attach types";
  const auto put = [&](std::uint32_t slot, const BothPrograms& program) {
    const int answer = kernel.update(bytes_of(slot), bytes_of(program.kernel.get()), kAny);
    EXPECT_EQ(-code(ours->write(bytes_of(slot), bytes_of(program.ours->id), kAny)), answer) << slot;
  };
  put(0, first);
  put(1, other);
  put(1, first);
}

// ---- maps of maps: the kernel takes a map by descriptor, ours by id ----

struct BothMaps {
  explicit BothMaps(const MapSpec& spec) : kernel(spec), ours(make_map(spec)) {}
  KernelMap kernel;
  MapRef ours;
};

class MapsOfMapsDifferential : public testing::TestWithParam<MapType> {};

INSTANTIATE_TEST_SUITE_P(Types, MapsOfMapsDifferential,
                         testing::Values(MapType::kArrayOfMaps, MapType::kHashOfMaps), name_of);

TEST_P(MapsOfMapsDifferential, GiveTheSameAnswers) {
  REQUIRE_KERNEL_BPF();
  MapSpec spec = spec_of(GetParam(), 4, 4);
  const MapSpec inner = spec_of(MapType::kArray, 2);
  spec.inner = std::make_shared<MapSpec>(inner);
  const BothMaps outer(spec);
  ASSERT_TRUE(outer.kernel.exists());
  const BothMaps candidates[] = {BothMaps(inner), BothMaps(inner), BothMaps(spec_of(MapType::kArray, 3)),
                                 BothMaps(spec_of(MapType::kHash, 2)),
                                 BothMaps(spec_of(MapType::kArray, 2, 16))};
  Random random(9);
  for (int step = 0; step < 3'000; ++step) {
    SCOPED_TRACE(step);
    const Bytes key = bytes_of(random() % 6);
    switch (random() % 4) {
      case 0:
      case 1: {
        constexpr std::uint64_t kFlags[] = {kAny, kAny, kAny, kNoexist, kExist, 3, kLock};
        const std::uint64_t flags = one_of(random, kFlags);
        const BothMaps& chosen = candidates[random() % 2 == 0 ? 0 : random() % 5];
        const bool bad = random() % 8 == 0;
        const Bytes descriptor = bytes_of(bad ? 0x7fffffffU : chosen.kernel.descriptor());
        const Bytes id = bytes_of(bad ? 0x7fffffffU : chosen.ours->id());
        const int answer = outer.kernel.update(key, descriptor, flags);
        ASSERT_EQ(-code(outer.ours->write(key, id, flags)), answer) << "flags " << flags;
        break;
      }
      case 2: {
        const int answer = outer.kernel.remove(key);
        ASSERT_EQ(-code(outer.ours->remove(key)), answer);
        break;
      }
      default: {
        Bytes id(4);
        const int answer = outer.kernel.lookup(key, id);
        ASSERT_EQ(-code(outer.ours->read(key, id)), answer);
        const int taken = outer.kernel.take(key, id, 0);
        ASSERT_EQ(-code(outer.ours->take(key, id, 0)), taken);
      }
    }
  }
}

}  // namespace
}  // namespace netkit::bpf::test
