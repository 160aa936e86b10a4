#include "host/journal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <iterator>
#include <system_error>

namespace netkit::host {
namespace {

constexpr std::string_view kSuffix = ".journal";
constexpr std::string_view kUnfinishedSuffix = ".new";

template <class... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};

std::string escape(std::string_view text) {
  std::string escaped;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte > ' ' && byte < 0x7f && byte != '%') {
      escaped += character;
      continue;
    }
    char code[4];
    std::snprintf(code, sizeof code, "%%%02x", byte);
    escaped += code;
  }
  return escaped;
}

template <class Number>
std::optional<Number> number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<std::string> unescape(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    if (text.front() != '%') {
      plain += text.front();
      text.remove_prefix(1);
      continue;
    }
    const auto byte = number<unsigned>(text.substr(1, std::min<std::size_t>(2, text.size() - 1)), 16);
    if (!byte || text.size() < 3) return std::nullopt;
    plain += static_cast<char>(*byte);
    text.remove_prefix(3);
  }
  return plain;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const std::size_t space = std::min(line.find(' '), line.size());
    words.push_back(line.substr(0, space));
    line.remove_prefix(std::min(space + 1, line.size()));
  }
  return words;
}

std::optional<JournalRecord> owner_from(const std::vector<std::string_view>& words) {
  const auto keeper = number<pid_t>(words[1]);
  if (!keeper || (words[2] != "root" && words[2] != "userns")) return std::nullopt;
  return JournalOwner{*keeper, words[2] == "userns"};
}

std::optional<JournalRecord> made_from(const std::vector<std::string_view>& words, std::string name) {
  const auto device = number<std::uint64_t>(words[2]);
  const auto inode = number<std::uint64_t>(words[3]);
  if (!device || !inode) return std::nullopt;
  return NamespaceMade{std::move(name), {*device, *inode}};
}

std::optional<JournalRecord> record_from(const std::vector<std::string_view>& words) {
  if (words.size() < 2) return std::nullopt;
  if (words[0] == "netkit-journal-1") return words.size() == 3 ? owner_from(words) : std::nullopt;
  auto name = unescape(words[1]);
  if (!name || !check_namespace_name(*name)) return std::nullopt;
  if (words[0] == "reserve" && words.size() == 2) return NameReserved{*std::move(name)};
  if (words[0] == "removed" && words.size() == 2) return NamespaceRemoved{*std::move(name)};
  if (words[0] == "made" && words.size() == 4) return made_from(words, *std::move(name));
  if (words[0] == "use" && words.size() == 3) {
    if (auto path = unescape(words[2])) return NamespaceUsed{*std::move(name), *std::move(path)};
  }
  return std::nullopt;
}

void forget_latest(std::vector<MadeName>& names, const std::string& name) {
  const auto latest =
      std::find_if(names.rbegin(), names.rend(), [&](const MadeName& made) { return made.name == name; });
  if (latest != names.rend()) names.erase(std::prev(latest.base()));
}

// Whether the name under /run/netns is one that the journal's keeper made.
bool is_ours(const MadeName& item) {
  const auto space = NetworkNamespace::named(item.name);
  if (space) return item.identity == space->identity();
  // A file on which nothing is mounted: the keeper died between the two steps. Mode 0, so that it opens for
  // root alone, and not as a namespace.
  return space.error().code == EINVAL || space.error().code == EACCES;
}

// A process that nobody has waited for yet is dead all the same: its descriptor is readable.
bool is_alive(pid_t pid) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  pollfd ended{process.get(), POLLIN, 0};
  return process && ::poll(&ended, 1, 0) == 0;
}

void remove_unfinished(const std::filesystem::path& file) {
  const auto pid = number<pid_t>(file.stem().string());
  if (pid && is_alive(*pid)) return;
  std::error_code ignored;
  std::filesystem::remove(file, ignored);
}

}  // namespace

std::string to_line(const JournalRecord& record) {
  return std::visit(
      Overloaded{
          [](const JournalOwner& owner) {
            return "netkit-journal-1 " + std::to_string(owner.keeper) + (owner.userns ? " userns" : " root");
          },
          [](const NameReserved& reserved) { return "reserve " + escape(reserved.name); },
          [](const NamespaceMade& made) {
            return "made " + escape(made.name) + " " + std::to_string(made.identity.device) + " " +
                   std::to_string(made.identity.inode);
          },
          [](const NamespaceRemoved& removed) { return "removed " + escape(removed.name); },
          [](const NamespaceUsed& used) { return "use " + escape(used.name) + " " + escape(used.path); }},
      record);
}

Result<JournalRecord> parse_record(std::string_view line) {
  auto record = record_from(words_of(line));
  if (!record) return fail(EBADMSG, "not a journal record: '" + std::string(line) + "'");
  return *std::move(record);
}

std::vector<JournalRecord> parse_journal(std::string_view text) {
  std::vector<JournalRecord> records;
  for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
    if (auto record = parse_record(text.substr(0, end))) records.push_back(*std::move(record));
    text.remove_prefix(end + 1);
  }
  return records;
}

std::vector<MadeName> names_made(const std::vector<JournalRecord>& records) {
  std::vector<MadeName> names;
  for (const JournalRecord& record : records) {
    std::visit(
        Overloaded{[&](const NameReserved& reserved) { names.push_back({reserved.name, std::nullopt}); },
                   [&](const NamespaceMade& made) {
                     forget_latest(names, made.name);
                     names.push_back({made.name, made.identity});
                   },
                   [&](const NamespaceRemoved& removed) { forget_latest(names, removed.name); },
                   [](const auto&) {}},
        record);
  }
  return names;
}

Result<Journal> Journal::create(const std::filesystem::path& directory, bool userns) {
  const std::string stem = std::to_string(::getpid());
  const std::filesystem::path unfinished = directory / (stem + std::string(kUnfinishedSuffix));
  const std::filesystem::path path = directory / (stem + std::string(kSuffix));
  Fd file(::open(unfinished.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return fail_errno("making " + unfinished.string());
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno("locking " + unfinished.string());
  Journal journal(std::move(file), path);
  TRY(journal.write(JournalOwner{::getpid(), userns}));
  if (::rename(unfinished.c_str(), path.c_str()) != 0) return fail_errno("making " + path.string());
  return journal;
}

Result<Journal> Journal::adopt(const std::filesystem::path& path) {
  Fd file(::open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW));
  if (!file) return fail_errno("opening " + path.string());
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return fail_errno("locking " + path.string());
  struct stat status{};
  if (::fstat(file.get(), &status) != 0 || status.st_nlink == 0) {
    return fail(ENOENT, path.string() + " has been undone by another process");
  }
  return Journal(std::move(file), path);
}

Result<> Journal::write(const JournalRecord& record) {
  const std::string line = to_line(record) + "\n";
  const ssize_t written = ::write(file_.get(), line.data(), line.size());
  if (written < 0) return fail_errno("writing " + path_.string());
  if (static_cast<std::size_t>(written) != line.size()) return fail(ENOSPC, "writing " + path_.string());
  return {};
}

Result<std::vector<JournalRecord>> Journal::read() const {
  std::string text;
  char part[4096];
  for (off_t at = 0;;) {
    const ssize_t size = ::pread(file_.get(), part, sizeof part, at);
    if (size < 0) return fail_errno("reading " + path_.string());
    if (size == 0) return parse_journal(text);
    text.append(part, static_cast<std::size_t>(size));
    at += size;
  }
}

Result<std::vector<std::string>> Journal::undo() {
  const std::vector<JournalRecord> records = TRY(read());
  std::vector<std::string> removed;
  Error failed;
  std::vector<MadeName> names = names_made(records);
  std::ranges::reverse(names);
  for (const MadeName& item : names) {
    if (!is_ours(item)) continue;
    const auto done = delete_named_namespace(item.name);
    if (done) {
      removed.push_back("removed network namespace " + item.name);
    } else if (done.error().code != ENOENT) {
      failed = done.error();
      failed.details += describe(done.error()) + "\n";
    }
  }
  if (failed.code != 0) return std::unexpected(failed);
  if (::unlink(path_.c_str()) != 0 && errno != ENOENT) return fail_errno("removing " + path_.string());
  return removed;
}

std::vector<std::filesystem::path> list_journals(const std::filesystem::path& directory) {
  std::vector<std::filesystem::path> journals;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (entry.path().extension() == kSuffix) journals.push_back(entry.path());
    if (entry.path().extension() == kUnfinishedSuffix) remove_unfinished(entry.path());
  }
  std::ranges::sort(journals);
  return journals;
}

}  // namespace netkit::host
