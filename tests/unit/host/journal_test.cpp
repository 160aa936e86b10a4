#include "host/journal.h"

#include <gtest/gtest.h>
#include <sys/file.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace netkit::host {
namespace {

class JournalDirectory : public testing::Test {
 protected:
  JournalDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "netkit-journal-XXXXXX").string();
    directory = ::mkdtemp(name.data());
  }
  ~JournalDirectory() override { std::filesystem::remove_all(directory); }
  std::filesystem::path directory;
};

TEST(JournalLine, SaysEachRecordAndReadsItBack) {
  const std::pair<JournalRecord, std::string> examples[] = {
      {JournalOwner{42, false}, "netkit-journal-1 42 root"},
      {JournalOwner{43, true}, "netkit-journal-1 43 userns"},
      {NameReserved{"pod1"}, "reserve pod1"},
      {NamespaceMade{"pod1", {4, 4026532000}}, "made pod1 4 4026532000"},
      {NamespaceRemoved{"pod1"}, "removed pod1"},
      {NamespaceUsed{"host", "/proc/1/ns/net"}, "use host /proc/1/ns/net"},
  };
  for (const auto& [record, line] : examples) {
    EXPECT_EQ(to_line(record), line);
    const auto parsed = parse_record(line);
    ASSERT_TRUE(parsed) << line;
    EXPECT_EQ(*parsed, record) << line;
  }
}

TEST(JournalLine, ANameCannotForgeARecord) {
  const NameReserved hostile{"a\nmade b 1 2% \x7f\xff"};
  EXPECT_EQ(to_line(hostile), "reserve a%0amade%20b%201%202%25%20%7f%ff");
  const auto parsed = parse_record(to_line(hostile));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, JournalRecord(hostile));
}

TEST(JournalLine, RefusesWhatIsNoRecord) {
  for (const char* line :
       {"", "reserve", "reserve a b", "reserve ..", "reserve a/b", "made a 1", "made a 1 x", "made a -1 2",
        "made a 1 2 3", "use a", "removed %4", "removed %zz", "removed %2f", "netkit-journal-1 x root",
        "netkit-journal-1 1 guest", "netkit-journal-2 1 root", "destroy everything"}) {
    EXPECT_EQ(parse_record(line).error().code, EBADMSG) << line;
  }
}

TEST(JournalText, LeavesOutGarbageAndAnUnfinishedLastLine) {
  const auto records =
      parse_journal("netkit-journal-1 7 root\n\x01\x02garbage\nreserve a\nmade a 1 2\nreserve b");
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0], JournalRecord(JournalOwner{7, false}));
  EXPECT_EQ(records[1], JournalRecord(NameReserved{"a"}));
  EXPECT_EQ(records[2], JournalRecord(NamespaceMade{"a", {1, 2}}));
}

TEST(JournalText, AFailedSecondAttemptLeavesTheFirstOneKnown) {
  const auto names = names_made(parse_journal(
      "reserve a\nmade a 1 2\nreserve a\nremoved a\nreserve b\nreserve c\nmade c 1 3\nremoved c\n"));
  ASSERT_EQ(names.size(), 2U);
  EXPECT_EQ(names[0].name, "a");
  EXPECT_EQ(names[0].identity, (NamespaceIdentity{1, 2}));
  EXPECT_EQ(names[1].name, "b");
  EXPECT_FALSE(names[1].identity.has_value());
}

TEST_F(JournalDirectory, ANewJournalNamesItsOwnerAndIsLocked) {
  auto journal = Journal::create(directory, true);
  ASSERT_TRUE(journal) << describe(journal.error());
  const auto records = journal->read();
  ASSERT_TRUE(records);
  ASSERT_EQ(records->size(), 1U);
  EXPECT_EQ(records->front(), JournalRecord(JournalOwner{::getpid(), true}));
  EXPECT_EQ(list_journals(directory).size(), 1U);
  EXPECT_EQ(Journal::adopt(journal->path()).error().code, EWOULDBLOCK);
}

TEST_F(JournalDirectory, AnUnlockedJournalCanBeAdoptedAndUndoneOnce) {
  std::filesystem::path path;
  {
    auto journal = Journal::create(directory, false);
    ASSERT_TRUE(journal);
    path = journal->path();
  }
  auto adopted = Journal::adopt(path);
  ASSERT_TRUE(adopted) << describe(adopted.error());
  const auto removed = adopted->undo();
  ASSERT_TRUE(removed) << describe(removed.error());
  EXPECT_TRUE(removed->empty());
  EXPECT_EQ(Journal::adopt(path).error().code, ENOENT);
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(JournalDirectory, UndoLeavesNamesThatAreNotThereAlone) {
  {
    std::ofstream file(directory / "1.journal");
    file << "netkit-journal-1 1 root\nreserve netkit-no-such-name\nmade netkit-no-such-name 4 1\n%%%\n";
  }
  auto adopted = Journal::adopt(directory / "1.journal");
  ASSERT_TRUE(adopted);
  const auto removed = adopted->undo();
  ASSERT_TRUE(removed) << describe(removed.error());
  EXPECT_TRUE(removed->empty());
  EXPECT_TRUE(std::filesystem::is_empty(directory));
}

TEST_F(JournalDirectory, AJournalThatWasNeverFinishedGoesWithItsProcess) {
  std::ofstream(directory / "999999999.new") << "";
  std::ofstream(directory / (std::to_string(::getpid()) + ".new")) << "";
  EXPECT_TRUE(list_journals(directory).empty());
  EXPECT_FALSE(std::filesystem::exists(directory / "999999999.new"));
  EXPECT_TRUE(std::filesystem::exists(directory / (std::to_string(::getpid()) + ".new")));
}

TEST_F(JournalDirectory, DoesNotFollowALinkThatSomebodyLaid) {
  std::ofstream(directory / "target") << "precious";
  std::filesystem::create_symlink(directory / "target", directory / (std::to_string(::getpid()) + ".new"));
  EXPECT_FALSE(Journal::create(directory, false));
  EXPECT_EQ(std::filesystem::file_size(directory / "target"), 8U);
}

}  // namespace
}  // namespace netkit::host
