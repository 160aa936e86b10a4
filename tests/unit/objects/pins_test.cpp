// Pins: what they keep alive, and what becomes of the regions of pinned maps. Paths, rights and their errno
// are held against a real bpffs in tests/differential/object.
#include <sys/stat.h>

#include "tests/unit/objects/fixture.h"

namespace netkit::control {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::Field;
using testing::IsEmpty;

constexpr std::string_view kPath = "/sys/fs/bpf/x";

class Pins : public ObjectTest {
 protected:
  [[nodiscard]] PinTree& pins() { return system_.pins; }
  [[nodiscard]] const Credentials& root() { return client_->credentials(); }
};

TEST_F(Pins, APinOutlivesTheClient) {
  auto other = std::make_unique<Client>(system_, host_);
  const int map = create_map(*other, map_request()).value();
  ASSERT_TRUE(update_element(*other, map, bytes_of(1), bytes_of(42)));
  ASSERT_TRUE(pin_object(*other, map, kPath));
  other.reset();
  const int opened = open_pin(*client_, kPath).value();
  EXPECT_EQ(lookup_element(*client_, opened, bytes_of(1)), bytes_of(42));
  ASSERT_TRUE(pins().unlink(root(), kPath));
  EXPECT_EQ(outcome(open_pin(*client_, kPath)), "ENOENT");
  EXPECT_EQ(lookup_element(*client_, opened, bytes_of(1)), bytes_of(42)) << "the descriptor holds it";
}

// ---- maps that ask to be pinned by name (LIBBPF_PIN_BY_NAME) ----

class PinsByName : public Pins {
 protected:
  Result<ObjectHandles> load_pinned(std::string root = "/sys/fs/bpf") {
    return load_object(*client_, with_file({.pin_root_path = std::move(root)}, "pinned_objects.o"));
  }
  static constexpr std::string_view kSettings = "/sys/fs/bpf/settings";
};

TEST_F(PinsByName, TheNextObjectTakesTheMapThatIsPinned) {
  const ObjectHandles first = load_pinned().value();
  const int pinned = open_pin(*client_, kSettings).value();
  EXPECT_EQ(id_of(pinned), first.maps.front().id);
  const ObjectHandles second = load_pinned().value();
  EXPECT_EQ(second.maps.front().id, first.maps.front().id);
  ASSERT_TRUE(pins().unlink(root(), kSettings));
  EXPECT_NE(load_pinned().value().maps.front().id, first.maps.front().id);
}

TEST_F(PinsByName, AnotherKindOfMapUnderTheNameIsRefused) {
  ASSERT_TRUE(pin_object(*client_, create(bpf::MapType::kArray), kSettings));
  EXPECT_EQ(outcome(load_pinned()), "EINVAL");
  ASSERT_TRUE(pins().unlink(root(), kSettings));
  ASSERT_TRUE(pin_object(*client_, load(), kSettings));
  EXPECT_EQ(outcome(load_pinned()), "EINVAL") << "a program is pinned there";
}

TEST_F(PinsByName, WithoutADirectoryNothingIsPinned) {
  ASSERT_TRUE(load_pinned(""));
  EXPECT_EQ(outcome(open_pin(*client_, kSettings)), "ENOENT");
}

TEST_F(Pins, APinnedLinkStaysAttachedUntilItIsUnpinned) {
  const int fd = link(load());
  const std::uint32_t id = id_of(fd);
  ASSERT_TRUE(pin_object(*client_, fd, kPath));
  ASSERT_TRUE(client_->close(fd));
  EXPECT_EQ(attached_at_lo(), 1U);
  const int opened = open_pin(*client_, kPath).value();
  EXPECT_EQ(id_of(opened), id);
  EXPECT_EQ(outcome(open_pin(*client_, kPath, bpf::kRdonly)), "EINVAL");
  ASSERT_TRUE(client_->close(opened));
  ASSERT_TRUE(pins().unlink(root(), kPath));
  EXPECT_EQ(attached_at_lo(), 0U);
}

TEST_F(Pins, APinnedProgArrayKeepsItsPrograms) {
  const int array = create(bpf::MapType::kProgArray), program = load();
  ASSERT_TRUE(update_element(*client_, array, bytes_of(0), bytes_of(static_cast<std::uint32_t>(program))));
  const std::uint32_t id = id_of(program);
  ASSERT_TRUE(pin_object(*client_, array, kPath));
  ASSERT_TRUE(client_->close(array));
  ASSERT_TRUE(client_->close(program));
  EXPECT_NE(bpf::ProgramTable::instance().find(id), nullptr);
  ASSERT_TRUE(pins().unlink(root(), kPath));
  EXPECT_EQ(bpf::ProgramTable::instance().find(id), nullptr);
}

TEST_F(Pins, DirectoriesAreListedByName) {
  ASSERT_TRUE(pins().make_directory(root(), "/sys/fs/bpf/tc", 0750));
  const int program = load(), map = create();
  ASSERT_TRUE(pin_object(*client_, program, "/sys/fs/bpf/tc/prog"));
  ASSERT_TRUE(pin_object(*client_, map, "/sys/fs/bpf/tc/map"));
  const std::vector<PinEntry> entries = pins().list(root(), "/sys/fs/bpf/tc").value();
  ASSERT_EQ(entries.size(), 2U);
  EXPECT_EQ(entries[0].name, "map");
  EXPECT_EQ(entries[0].kind, PinKind::kMap);
  EXPECT_EQ(entries[0].id, id_of(map));
  EXPECT_EQ(entries[0].mode, 0600U);
  EXPECT_EQ(entries[1].name, "prog");
  EXPECT_EQ(entries[1].kind, PinKind::kProgram);
  EXPECT_THAT(pins().list(root(), "/sys/fs/bpf").value(), ElementsAre(Field(&PinEntry::name, "tc")));
  EXPECT_EQ(outcome(pins().list(root(), "/sys/fs/bpf/tc/map")), "ENOTDIR");
  EXPECT_EQ(outcome(pins().list(root(), "/sys/fs/bpf/none")), "ENOENT");
  EXPECT_EQ(outcome(pins().remove_directory(root(), "/sys/fs/bpf/tc")), "ENOTEMPTY");
}

TEST_F(Pins, AnObjectTellsWhereItIsPinned) {
  const int map = create(), program = load();
  ASSERT_TRUE(pins().make_directory(root(), "/sys/fs/bpf/tc"));
  ASSERT_TRUE(pin_object(*client_, map, "/sys/fs/bpf/b"));
  ASSERT_TRUE(pin_object(*client_, map, "/sys/fs/bpf/tc/a"));
  ASSERT_TRUE(pin_object(*client_, program, "/sys/fs/bpf/p"));
  EXPECT_THAT(pins().paths_of(PinKind::kMap, id_of(map)), ElementsAre("/sys/fs/bpf/b", "/sys/fs/bpf/tc/a"));
  EXPECT_THAT(pins().paths_of(PinKind::kProgram, id_of(program)), ElementsAre("/sys/fs/bpf/p"));
  EXPECT_THAT(pins().paths_of(PinKind::kLink, id_of(map)), IsEmpty());
}

TEST_F(Pins, WhatIsOutsideIsNotLookedAt) {
  const int map = create();
  for (const std::string_view path : {"/tmp/x", "x", "/sys/fs/bpfx/y", "/sys/fs", "/"}) {
    EXPECT_EQ(outcome(pin_object(*client_, map, path)), "EPERM") << path;
    EXPECT_EQ(outcome(open_pin(*client_, path)), "EACCES") << path;
    EXPECT_EQ(outcome(pins().make_directory(root(), path)), "EPERM") << path;
    EXPECT_EQ(outcome(pins().unlink(root(), path)), "EPERM") << path;
  }
  EXPECT_EQ(outcome(pin_object(*client_, map, "/sys/fs/bpf/../x")), "EPERM");
}

TEST_F(Pins, WithoutCapabilityNobodyGetsIn) {
  const int map = create();
  ASSERT_TRUE(pin_object(*client_, map, kPath));
  Client plain = plain_client();
  const int there = client_->pass(map, plain).value();
  EXPECT_EQ(outcome(open_pin(plain, kPath)), "EACCES");
  EXPECT_EQ(outcome(pin_object(plain, there, "/sys/fs/bpf/y")), "EACCES");

  ASSERT_TRUE(pins().make_directory(root(), "/sys/fs/bpf/theirs", 0700));
  ASSERT_TRUE(pins().change_owner(root(), "/sys/fs/bpf/theirs", plain.uid(), 1000));
  ASSERT_TRUE(pins().change_mode(root(), "/sys/fs/bpf", 0711));
  EXPECT_TRUE(pin_object(plain, there, "/sys/fs/bpf/theirs/m"));
  EXPECT_TRUE(open_pin(plain, "/sys/fs/bpf/theirs/m"));
  EXPECT_EQ(outcome(open_pin(plain, kPath)), "EACCES");
}

// ---- regions ----

class PinnedRegions : public Pins {
 protected:
  PinnedRegions() : root_directory_(fs::temp_directory_path() / "netkit-pins-XXXXXX") {
    std::string name = root_directory_.native();
    root_directory_ = ::mkdtemp(name.data());
    pins().keep_regions_in(root_directory_.native());
  }
  ~PinnedRegions() override {
    bpf::set_map_root("");
    fs::remove_all(root_directory_);
  }
  // A map whose region can have a name; the file system of temporary files may not know unnamed files.
  int create_linkable() {
    const int fd = create();
    linkable_ = client_->get<MapHandle>(fd)->map->memory().linkable();
    return fd;
  }
  [[nodiscard]] std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::recursive_directory_iterator(root_directory_))
      names.push_back(fs::relative(entry.path(), root_directory_).native());
    std::ranges::sort(names);
    return names;
  }

  fs::path root_directory_;
  bool linkable_ = false;
};

TEST_F(PinnedRegions, HaveANameUnderTheRootWhileTheyArePinned) {
  const int map = create_linkable();
  if (!linkable_) GTEST_SKIP() << root_directory_ << " is on a file system without O_TMPFILE";
  EXPECT_THAT(files(), IsEmpty());
  ASSERT_TRUE(pins().make_directory(root(), "/sys/fs/bpf/tc"));
  ASSERT_TRUE(pin_object(*client_, map, "/sys/fs/bpf/tc/flows"));
  ASSERT_TRUE(pin_object(*client_, map, "/sys/fs/bpf/flows"));
  EXPECT_THAT(files(), ElementsAre("flows", "tc", "tc/flows"));
  ASSERT_TRUE(pins().unlink(root(), "/sys/fs/bpf/tc/flows"));
  EXPECT_THAT(files(), ElementsAre("flows"));
  ASSERT_TRUE(pins().unlink(root(), "/sys/fs/bpf/flows"));
  EXPECT_THAT(files(), IsEmpty());
}

TEST_F(PinnedRegions, AreWhatTheMapHolds) {
  const int map = create_linkable();
  if (!linkable_) GTEST_SKIP() << root_directory_ << " is on a file system without O_TMPFILE";
  ASSERT_TRUE(pin_object(*client_, map, "/sys/fs/bpf/flows"));
  struct stat named{}, held{};
  ASSERT_EQ(::stat((root_directory_ / "flows").c_str(), &named), 0);
  ASSERT_EQ(::fstat(client_->get<MapHandle>(map)->map->memory().file(), &held), 0);
  EXPECT_EQ(named.st_ino, held.st_ino);
}

TEST_F(PinnedRegions, AMapCanBePinnedAgainAfterItsRegionLostItsName) {
  const int map = create_linkable();
  ASSERT_TRUE(pin_object(*client_, map, kPath));
  ASSERT_TRUE(pins().unlink(root(), kPath));
  EXPECT_TRUE(pin_object(*client_, map, kPath));
  EXPECT_TRUE(open_pin(*client_, kPath));
}

TEST_F(PinnedRegions, OfAnEarlierEngineAreReplaced) {
  const int map = create_linkable();
  if (!linkable_) GTEST_SKIP() << root_directory_ << " is on a file system without O_TMPFILE";
  std::ofstream(root_directory_ / "x") << "left over";
  EXPECT_EQ(outcome(open_pin(*client_, kPath)), "ENOENT");
  ASSERT_TRUE(pin_object(*client_, map, kPath));
  EXPECT_GE(fs::file_size(root_directory_ / "x"), bpf::kPage);
}

TEST_F(PinnedRegions, AreAllThatStaysWhenTheEngineEnds) {
  auto system = std::make_unique<System>(network_);
  system->pins.keep_regions_in(root_directory_.native());
  auto client = std::make_unique<Client>(*system, host_);
  const int map = create_map(*client, map_request()).value();
  linkable_ = client->get<MapHandle>(map)->map->memory().linkable();
  if (!linkable_) GTEST_SKIP() << root_directory_ << " is on a file system without O_TMPFILE";
  const std::vector<bpf::Insn> insns = bpf::assemble("r0 = 0; exit").value();
  const int program =
      load_program(*client, {.prog_type = kSchedCls, .insns = insns, .license = "GPL"}).value();
  ASSERT_TRUE(system->pins.make_directory({}, "/sys/fs/bpf/empty"));
  ASSERT_TRUE(pin_object(*client, program, "/sys/fs/bpf/program"));
  ASSERT_TRUE(pin_object(*client, map, "/sys/fs/bpf/map"));
  client.reset();
  system.reset();
  EXPECT_THAT(files(), ElementsAre("map"));
}

TEST_F(PinnedRegions, ARootThatCannotBeWrittenFailsThePin) {
  const int map = create_linkable();
  if (!linkable_) GTEST_SKIP() << root_directory_ << " is on a file system without O_TMPFILE";
  std::ofstream(root_directory_ / "tc") << "in the way";
  ASSERT_TRUE(pins().make_directory(root(), "/sys/fs/bpf/tc"));
  EXPECT_EQ(outcome(pin_object(*client_, map, "/sys/fs/bpf/tc/flows")), "ENOTDIR");
  EXPECT_THAT(pins().list(root(), "/sys/fs/bpf/tc").value(), IsEmpty());
}

}  // namespace
}  // namespace netkit::control
