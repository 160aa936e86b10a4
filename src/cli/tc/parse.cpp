#include "cli/tc/parse.h"

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "cli/tc/names.h"
#include "control/tc_message.h"

namespace netkit::cli::tc {
namespace {

// The words that are left.
class Words {
 public:
  explicit Words(std::span<const std::string> words) : words_(words) {}

  [[nodiscard]] bool empty() const { return words_.empty(); }
  [[nodiscard]] const std::string& front() const { return words_.front(); }
  std::string_view take() {
    const std::string_view word = words_.front();
    words_ = words_.subspan(1);
    return word;
  }
  // What stands behind a keyword.
  Result<std::string_view> argument_of(std::string_view keyword) {
    if (empty()) return fail(EINVAL, quote(keyword) + " needs a value behind it");
    return take();
  }
  Result<std::uint32_t> number_of(std::string_view keyword, std::uint32_t max = 0xffff'ffff) {
    const std::string_view word = TRY(argument_of(keyword));
    const auto number = parse_number(word);
    if (!number || *number > max)
      return fail(EINVAL, quote(word) + " is no value of " + quote(keyword) + "; give a number up to " +
                              std::to_string(max));
    return *number;
  }
  Result<std::uint32_t> handle_of(std::string_view keyword) {
    const std::string_view word = TRY(argument_of(keyword));
    const auto handle = parse_handle(word);
    if (!handle) return fail(EINVAL, quote(word) + " is no handle; write it as ffff: or 1:2");
    return *handle;
  }

 private:
  std::span<const std::string> words_;
};

// A keyword, and how short it may be written; 0: it may not.
template <class Meaning>
struct Keyword {
  std::string_view word;
  Meaning meaning;
  std::size_t shortest = 0;
};

template <class Meaning>
std::optional<Meaning> find_keyword(std::span<const Keyword<Meaning>> keywords, std::string_view word) {
  for (const Keyword<Meaning>& one : keywords) {
    if (one.word == word) return one.meaning;
    if (one.shortest != 0 && word.size() >= one.shortest && one.word.starts_with(word)) return one.meaning;
  }
  return std::nullopt;
}

template <class Meaning>
Failure unknown(std::span<const Keyword<Meaning>> keywords, std::string_view word, std::string_view where) {
  std::vector<std::string_view> known;
  for (const Keyword<Meaning>& one : keywords) known.push_back(one.word);
  std::string hint = did_you_mean(word, known);
  if (hint.empty()) {
    hint = "; known are";
    for (const std::string_view one : known) (hint += ' ') += one;
  }
  return fail(EINVAL, quote(word) + " is not known to " + std::string(where) + hint);
}

constexpr Keyword<Verb> kVerbs[] = {
    {"add", Verb::kAdd, 1},         {"del", Verb::kDelete, 1},    {"delete", Verb::kDelete, 1},
    {"replace", Verb::kReplace, 1}, {"change", Verb::kChange, 1}, {"show", Verb::kShow, 1},
    {"list", Verb::kShow, 1},       {"ls", Verb::kShow},          {"get", Verb::kGet, 1},
};

Result<Verb> parse_verb(Words& words, std::string_view object) {
  if (words.empty()) return Verb::kShow;
  const std::string_view word = words.take();
  const auto verb = find_keyword<Verb>(kVerbs, word);
  if (!verb) return unknown<Verb>(kVerbs, word, object);
  return *verb;
}

// ---- qdisc ----

enum class QdiscWord : std::uint8_t {
  kDev,
  kHandle,
  kRoot,
  kParent,
  kIngressBlock,
  kEgressBlock,
  kIngress,
  kClsact
};
constexpr Keyword<QdiscWord> kQdiscWords[] = {
    {"dev", QdiscWord::kDev},
    {"handle", QdiscWord::kHandle},
    {"root", QdiscWord::kRoot},
    {"parent", QdiscWord::kParent},
    {"ingress_block", QdiscWord::kIngressBlock},
    {"egress_block", QdiscWord::kEgressBlock},
    {"ingress", QdiscWord::kIngress},
    {"clsact", QdiscWord::kClsact},
};

Result<> parse_qdisc_word(QdiscCommand& command, QdiscWord word, Words& words) {
  switch (word) {
    case QdiscWord::kDev:
      command.dev = TRY(words.argument_of("dev"));
      break;
    case QdiscWord::kHandle:
      command.handle = TRY(words.handle_of("handle"));
      break;
    case QdiscWord::kRoot:
      command.parent = control::kRootParent;
      break;
    case QdiscWord::kParent:
      command.parent = TRY(words.handle_of("parent"));
      break;
    case QdiscWord::kIngressBlock:
      command.ingress_block = TRY(words.number_of("ingress_block"));
      break;
    case QdiscWord::kEgressBlock:
      command.egress_block = TRY(words.number_of("egress_block"));
      break;
    case QdiscWord::kIngress:
    case QdiscWord::kClsact:
      command.kind = word == QdiscWord::kIngress ? "ingress" : "clsact";
      command.parent = control::kIngressParent;
      command.handle = control::kIngressHandle;
      break;
  }
  return {};
}

Result<Command> parse_qdisc(Words words) {
  QdiscCommand command;
  command.verb = TRY(parse_verb(words, "qdisc"));
  while (!words.empty()) {
    const std::string_view word = words.take();
    if (const auto keyword = find_keyword<QdiscWord>(kQdiscWords, word)) {
      TRY(parse_qdisc_word(command, *keyword, words));
      continue;
    }
    // A kind that only the engine can refuse stands at the end; anything else is a slip.
    if (!words.empty() || command.parent != control::kRootParent)
      return unknown<QdiscWord>(kQdiscWords, word, "qdisc");
    command.kind = word;
  }
  if (command.dev.empty() && command.verb != Verb::kShow)
    return fail(EINVAL, "which device is not said; add dev NAME");
  return command;
}

// ---- filter ----

enum class FilterWord : std::uint8_t {
  kDev,
  kBlock,
  kRoot,
  kIngress,
  kEgress,
  kParent,
  kHandle,
  kPriority,
  kProtocol,
  kChain,
  kBpf
};
constexpr Keyword<FilterWord> kFilterWords[] = {
    {"dev", FilterWord::kDev},
    {"block", FilterWord::kBlock},
    {"root", FilterWord::kRoot},
    {"ingress", FilterWord::kIngress},
    {"egress", FilterWord::kEgress},
    {"parent", FilterWord::kParent},
    {"handle", FilterWord::kHandle},
    {"preference", FilterWord::kPriority, 2},
    {"priority", FilterWord::kPriority, 3},
    {"protocol", FilterWord::kProtocol, 3},
    {"chain", FilterWord::kChain, 2},
    {"bpf", FilterWord::kBpf},
};

enum class BpfWord : std::uint8_t {
  kFd,
  kObject,
  kPinned,
  kSection,
  kProgram,
  kDirectAction,
  kClassid,
  kSkipHw,
  kSkipSw,
  kVerbose
};
constexpr Keyword<BpfWord> kBpfWords[] = {
    {"direct-action", BpfWord::kDirectAction, 2},
    {"da", BpfWord::kDirectAction},
    {"object-file", BpfWord::kObject, 1},
    {"object-pinned", BpfWord::kPinned, 8},
    {"pinned", BpfWord::kPinned, 1},
    {"section", BpfWord::kSection, 3},
    {"program", BpfWord::kProgram, 2},
    {"fd", BpfWord::kFd},
    {"classid", BpfWord::kClassid, 2},
    {"flowid", BpfWord::kClassid, 2},
    {"skip_hw", BpfWord::kSkipHw},
    {"skip_sw", BpfWord::kSkipSw},
    {"verbose", BpfWord::kVerbose, 1},
};

// The object that `section` and `program` belong to.
Result<ObjectProgram*> named_object(FilterCommand& command, std::string_view keyword) {
  auto* const object = std::get_if<ObjectProgram>(&command.program);
  if (object == nullptr)
    return fail(EINVAL, quote(keyword) + " belongs behind the object file; write object-file FILE first");
  return object;
}

Result<> parse_bpf_word(FilterCommand& command, BpfWord word, Words& words) {
  switch (word) {
    case BpfWord::kFd:
      command.program = DescriptorProgram{static_cast<int>(TRY(words.number_of("fd", 0x7fff'ffff)))};
      break;
    case BpfWord::kObject:
      command.program = ObjectProgram{.file = std::string(TRY(words.argument_of("object-file")))};
      break;
    case BpfWord::kPinned:
      command.program = PinnedProgram{.path = std::string(TRY(words.argument_of("pinned")))};
      break;
    case BpfWord::kSection:
      TRY(named_object(command, "section"))->section = TRY(words.argument_of("section"));
      break;
    case BpfWord::kProgram:
      TRY(named_object(command, "program"))->function = TRY(words.argument_of("program"));
      break;
    case BpfWord::kDirectAction:
      command.direct_action = true;
      break;
    case BpfWord::kClassid:
      command.classid = TRY(words.handle_of("classid"));
      break;
    case BpfWord::kSkipHw:
      command.gen_flags |= control::kSkipHw;
      break;
    case BpfWord::kSkipSw:
      command.gen_flags |= control::kSkipSw;
      break;
    case BpfWord::kVerbose:
      break;
  }
  return {};
}

Result<> parse_bpf(FilterCommand& command, Words& words) {
  command.kind = "bpf";
  while (!words.empty()) {
    const std::string_view word = words.take();
    const auto keyword = find_keyword<BpfWord>(kBpfWords, word);
    if (!keyword) return unknown<BpfWord>(kBpfWords, word, "filters of kind bpf");
    TRY(parse_bpf_word(command, *keyword, words));
  }
  auto* const object = std::get_if<ObjectProgram>(&command.program);
  if (object != nullptr && object->section.empty() && object->function.empty())
    object->section = "classifier";
  return {};
}

Result<> parse_filter_word(FilterCommand& command, FilterWord word, Words& words) {
  switch (word) {
    case FilterWord::kDev:
      command.dev = TRY(words.argument_of("dev"));
      break;
    case FilterWord::kBlock:
      command.block = TRY(words.number_of("block"));
      break;
    case FilterWord::kRoot:
      command.parent = control::kRootParent;
      break;
    case FilterWord::kIngress:
      command.parent = control::kIngressFilters;
      break;
    case FilterWord::kEgress:
      command.parent = control::kEgressFilters;
      break;
    case FilterWord::kParent:
      command.parent = TRY(words.handle_of("parent"));
      break;
    case FilterWord::kHandle:
      command.handle = TRY(words.number_of("handle"));
      break;
    case FilterWord::kPriority:
      command.priority = static_cast<std::uint16_t>(TRY(words.number_of("prio", 0xffff)));
      break;
    case FilterWord::kProtocol: {
      const std::string_view name = TRY(words.argument_of("protocol"));
      const auto protocol = parse_protocol(name);
      if (!protocol) return fail(EINVAL, quote(name) + " is no protocol; write ip, ipv6, all or a number");
      command.protocol = *protocol;
      break;
    }
    case FilterWord::kChain:
      command.chain = TRY(words.number_of("chain"));
      break;
    case FilterWord::kBpf:
      return parse_bpf(command, words);
  }
  return {};
}

// What is missing, where tc or the kernel would only say that something is wrong.
Result<> check(const FilterCommand& command) {
  if (command.dev.empty() && !command.block)
    return fail(EINVAL, "where is not said; add dev NAME or block N");
  if (!command.dev.empty() && command.block)
    return fail(EINVAL, "dev and block exclude each other; remove one");
  const bool makes = command.verb == Verb::kAdd || command.verb == Verb::kReplace;
  if (makes && command.kind.empty())
    return fail(EINVAL, "the filter's kind is not said; add bpf and its program");
  if (makes && std::holds_alternative<std::monostate>(command.program))
    return fail(EINVAL, "the program is not said; add object-file FILE section NAME, pinned PATH or fd N");
  return {};
}

Result<Command> parse_filter(Words words) {
  FilterCommand command;
  command.verb = TRY(parse_verb(words, "filter"));
  const bool makes = command.verb == Verb::kAdd || command.verb == Verb::kReplace;
  if (makes) command.protocol = Be16{0x0003};  // all
  while (!words.empty()) {
    const std::string_view word = words.take();
    const auto keyword = find_keyword<FilterWord>(kFilterWords, word);
    if (!keyword) return unknown<FilterWord>(kFilterWords, word, "filter");
    TRY(parse_filter_word(command, *keyword, words));
  }
  TRY(check(command));
  return command;
}

enum class Object : std::uint8_t { kQdisc, kFilter };
constexpr Keyword<Object> kObjects[] = {{"qdisc", Object::kQdisc, 1}, {"filter", Object::kFilter, 1}};

}  // namespace

Result<Command> parse(std::span<const std::string> words) {
  if (words.empty()) return fail(EINVAL, "nothing is said; write qdisc or filter");
  Words left(words);
  const std::string_view word = left.take();
  const auto object = find_keyword<Object>(kObjects, word);
  if (!object) return unknown<Object>(kObjects, word, "tc");
  return *object == Object::kQdisc ? parse_qdisc(left) : parse_filter(left);
}

}  // namespace netkit::cli::tc
