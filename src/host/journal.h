// What a keeper made, on disk before it is made, so that somebody can take it away after a crash.
//
// Theory of operation. A journal is a file of lines in the state directory, locked (flock) by its keeper for
// as long as that lives. It is created under a name that nobody looks at, locked, and renamed, so that an
// unlocked journal always belongs to a dead keeper. Records are appended with one write each; a last line
// without its end is one whose action never began. A namespace has three records: `reserve` before its name
// is made, `made` with its identity before it is mounted, `removed` afterwards. Undo removes a name only if
// what is mounted there is what the journal says, or if nothing is mounted.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "host/namespaces.h"

namespace netkit::host {

// The first line.
struct JournalOwner {
  pid_t keeper = 0;
  bool userns = false;  // the instance lives in user and mount namespaces of its own
  friend bool operator==(const JournalOwner&, const JournalOwner&) = default;
};
struct NameReserved {
  std::string name;
  friend bool operator==(const NameReserved&, const NameReserved&) = default;
};
struct NamespaceMade {
  std::string name;
  NamespaceIdentity identity;
  friend bool operator==(const NamespaceMade&, const NamespaceMade&) = default;
};
struct NamespaceRemoved {
  std::string name;
  friend bool operator==(const NamespaceRemoved&, const NamespaceRemoved&) = default;
};
// One that is not ours and stays; for `netkit netns exec`.
struct NamespaceUsed {
  std::string name;
  std::string path;
  friend bool operator==(const NamespaceUsed&, const NamespaceUsed&) = default;
};
using JournalRecord =
    std::variant<JournalOwner, NameReserved, NamespaceMade, NamespaceRemoved, NamespaceUsed>;

// A line of text and back; names are escaped (%20), so that no name can forge a record. EBADMSG: not a
// record.
[[nodiscard]] std::string to_line(const JournalRecord& record);
[[nodiscard]] Result<JournalRecord> parse_record(std::string_view line);

// The records of a journal in their order. Lines that are none (a disk that filled up) are left out: what
// cannot be read cannot be undone, what can be is.
[[nodiscard]] std::vector<JournalRecord> parse_journal(std::string_view text);

// A name under /run/netns that the records say was made and not removed; without an identity if the keeper
// did not get that far.
struct MadeName {
  std::string name;
  std::optional<NamespaceIdentity> identity;
};
// The oldest first. A record is about the latest of its name: a second attempt at a name that is taken, and
// its `removed`, leave the first one alone.
[[nodiscard]] std::vector<MadeName> names_made(const std::vector<JournalRecord>& records);

class Journal {
 public:
  // A new one for this process, locked.
  [[nodiscard]] static Result<Journal> create(const std::filesystem::path& directory, bool userns);
  // An existing one if its keeper is dead, now locked by us; EWOULDBLOCK: it lives.
  [[nodiscard]] static Result<Journal> adopt(const std::filesystem::path& file);

  [[nodiscard]] Result<> write(const JournalRecord& record);
  [[nodiscard]] Result<std::vector<JournalRecord>> read() const;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Takes away all that the records name and is still there, then the file, which stays if something could
  // not be removed (the error says what). Lines for people about what was removed.
  [[nodiscard]] Result<std::vector<std::string>> undo();

 private:
  Journal(Fd file, std::filesystem::path path) : file_(std::move(file)), path_(std::move(path)) {}
  Fd file_;
  std::filesystem::path path_;
};

// The journal files in a directory.
[[nodiscard]] std::vector<std::filesystem::path> list_journals(const std::filesystem::path& directory);

}  // namespace netkit::host
