// netkit qdisc, netkit filter: clsact and classic programs in tc's grammar (src/cli/tc).
#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "bpf/object/object_file.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/devices.h"
#include "cli/errors.h"
#include "cli/objects.h"
#include "cli/print.h"
#include "cli/tc/parse.h"
#include "cli/tc/print.h"
#include "cli/tc/request.h"
#include "control/rpc/bytes.h"

namespace netkit::cli {
namespace {

using tc::Verb;

// ---- programs of filters ----

// The function that the words `section` and `function` choose.
Result<std::string> function_of(const tc::ObjectProgram& program) {
  if (!program.function.empty()) return program.function;
  const bpf::ObjectFile object = TRY(bpf::ObjectFile::read(program.file));
  const bpf::ObjectContents& contents = object.contents();
  std::string sections;
  for (const bpf::ObjectFunction& function : contents.functions) {
    if (!function.program) continue;
    const std::string_view section = contents.code[function.section].name;
    if (section == program.section) return std::string(function.name);
    sections += (sections.empty() ? "" : ", ") + std::string(section);
  }
  return fail(ENOENT,
              program.file + ": no program in section '" + program.section + "'; there are: " + sections);
}

Result<std::optional<int>> open_source(Client&, std::monostate) {
  return std::nullopt;
}

Result<std::optional<int>> open_source(Client& client, const tc::ObjectProgram& program) {
  Fd file(::open(program.file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(program.file);
  Arguments arguments(Json{{"name", program.file}, {"programs", {TRY(function_of(program))}}});
  arguments.params()["object"] = arguments.pass(std::move(file));
  const Json loaded = TRY(client.call("bpf.load_object", arguments));
  return loaded["programs"].front()["fd"].get<int>();
}

Result<std::optional<int>> open_source(Client& client, const tc::PinnedProgram& program) {
  const auto opened = client.call("bpf.obj_get", Json{{"path", pin_path(program.path)}});
  if (!opened) return std::unexpected(opened.error());
  return (*opened)["fd"].get<int>();
}

Result<std::optional<int>> open_source(Client&, const tc::DescriptorProgram&) {
  return fail(EBADF, "a descriptor of this process is none of the engine's: say `pinned FILE`");
}

// ---- requests ----

Arguments& put(Arguments& arguments, const control::TcRequest& request) {
  Json& params = arguments.params();
  params["flags"] = request.flags;
  params["ifindex"] = request.header.ifindex;
  params["handle"] = request.header.handle;
  params["parent"] = request.header.parent;
  params["priority"] = request.header.info >> 16U;
  params["protocol"] = Be16::from_raw(static_cast<std::uint16_t>(request.header.info)).host();
  params["attributes"] = rpc::to_hex(std::span(request.attributes.all()));
  return arguments;
}

// The number of the device; 0 where none is named.
Result<std::uint32_t> ifindex_of(Client& client, const std::string& device) {
  if (device.empty()) return 0U;
  return static_cast<std::uint32_t>(TRY(find_device(client, device)));
}

Result<control::TcRequest> request_for(Client& client, const tc::QdiscCommand& command) {
  return tc::request_of(command, TRY(ifindex_of(client, command.dev)));
}

Result<control::TcRequest> request_for(Client& client, const tc::FilterCommand& command) {
  const std::uint32_t ifindex = TRY(ifindex_of(client, command.dev));
  const auto program =
      TRY(std::visit([&](const auto& source) { return open_source(client, source); }, command.program));
  return tc::request_of(command, ifindex, program);
}

// ---- answers ----

void read(const Json& json, control::QdiscReport& report) {
  report.ifindex = json["ifindex"];
  report.dev = json["dev"];
  report.kind = json["kind"] == "ingress" ? "ingress" : "clsact";
  report.handle = json["handle"];
  report.parent = json["parent"];
  report.refcount = json["refcount"];
  report.ingress_block = json["ingress_block"];
  report.egress_block = json["egress_block"];
  report.stats = {
      .bytes = json["stats"]["bytes"], .packets = json["stats"]["packets"], .drops = json["stats"]["drops"]};
}

control::FilterOptions options_of(const Json& json) {
  control::FilterOptions options;
  options.name = json["name"];
  options.classid = json["classid"];
  options.flags = json["flags"];
  options.gen_flags = json["flags_gen"];
  options.program.id = json["prog"]["id"];
  options.program.name = json["prog"]["name"];
  const auto tag = json["prog"]["tag"].get<std::string>();
  for (std::size_t i = 0; i < options.program.tag.size() && 2 * i + 1 < tag.size(); ++i)
    options.program.tag[i] = static_cast<std::uint8_t>(std::stoul(tag.substr(2 * i, 2), nullptr, 16));
  options.program.jited = json["prog"]["jited"];
  options.program.load_time = json["prog"]["load_time"];
  options.program.uid = json["prog"]["created_by_uid"];
  return options;
}

void read(const Json& json, control::FilterReport& report) {
  report.ifindex = json["ifindex"];
  report.dev = json["dev"];
  report.parent = json["parent"];
  report.priority = json["priority"];
  report.protocol = Be16(json["protocol"].get<std::uint16_t>());
  report.chain = json["chain"];
  report.handle = json["handle"];
  if (json.contains("options")) report.options = options_of(json["options"]);
}

template <class Report, class Command>
void show(const Json& answer, const Command& command, const Options& options) {
  std::vector<Report> reports;
  for (const Json& one : answer) read(one, reports.emplace_back());
  const tc::PrintOptions style{.statistics = options.statistics, .details = options.details};
  if (options.json) {
    print(tc::to_json(command, reports, style), options);
  } else {
    print(tc::to_text(command, reports, style));
  }
}

struct Methods {
  std::string_view create, remove, get, dump;
};
constexpr Methods kQdiscMethods{"tc.new_qdisc", "tc.del_qdisc", "tc.get_qdisc", "tc.dump_qdiscs"};
constexpr Methods kFilterMethods{"tc.new_filter", "tc.del_filter", "tc.get_filter", "tc.dump_filters"};

template <class Report, class Command>
Result<> execute(const Command& command, const Methods& methods, const Options& options) {
  Client client = TRY(Client::connect(options));
  Arguments arguments = TRY(client.arguments());
  const bool all_qdiscs = command.verb == Verb::kShow && methods.dump == kQdiscMethods.dump;
  if (!all_qdiscs) put(arguments, TRY(request_for(client, command)));
  switch (command.verb) {
    case Verb::kShow: {
      show<Report>(TRY(client.call(methods.dump, arguments)), command, options);
      return {};
    }
    case Verb::kGet: {
      show<Report>(Json::array({TRY(client.call(methods.get, arguments))}), command, options);
      return {};
    }
    case Verb::kDelete:
      TRY(client.call(methods.remove, arguments));
      return {};
    default:
      TRY(client.call(methods.create, arguments));
      return {};
  }
}

Result<> run(const Options& options, std::string_view family, std::string_view verb, Words words) {
  std::vector<std::string> all{std::string(family), std::string(verb)};
  all.insert(all.end(), words.rest().begin(), words.rest().end());
  const auto parsed = tc::parse(all);
  if (!parsed) return usage_error(parsed.error().text);
  const auto done =
      std::holds_alternative<tc::QdiscCommand>(*parsed)
          ? execute<control::QdiscReport>(std::get<tc::QdiscCommand>(*parsed), kQdiscMethods, options)
          : execute<control::FilterReport>(std::get<tc::FilterCommand>(*parsed), kFilterMethods, options);
  if (done) return {};
  return std::unexpected(about(std::string(family) + " " + std::string(verb), done.error()));
}

template <const char* kFamily, const char* kVerb>
Result<> run(const Options& options, Words words) {
  return run(options, kFamily, kVerb, words);
}

constexpr char kQdisc[] = "qdisc";
constexpr char kFilter[] = "filter";
constexpr char kAdd[] = "add";
constexpr char kDel[] = "del";
constexpr char kReplace[] = "replace";
constexpr char kChange[] = "change";
constexpr char kShow[] = "show";
constexpr char kGet[] = "get";

constexpr cli::Verb kQdiscVerbs[] = {
    {"add", run<kQdisc, kAdd>, "netkit qdisc { add | replace } dev NAME { clsact | ingress }"},
    {"replace", run<kQdisc, kReplace>, ""},
    {"del delete", run<kQdisc, kDel>, "netkit qdisc del dev NAME { clsact | ingress }"},
    {"show list", run<kQdisc, kShow>, "netkit qdisc show [ dev NAME ]"},
};

constexpr cli::Verb kFilterVerbs[] = {
    {"add", run<kFilter, kAdd>,
     R"(netkit filter { add | replace | change } dev NAME { ingress | egress } [ prio N ] [ protocol P ]
         [ handle H ] [ chain N ] bpf [ direct-action ] PROGRAM
         PROGRAM := object-file FILE section NAME | object-pinned FILE)"},
    {"replace", run<kFilter, kReplace>, ""},
    {"change", run<kFilter, kChange>, ""},
    {"del delete", run<kFilter, kDel>,
     "netkit filter del dev NAME { ingress | egress } [ prio N ] [ protocol P ] [ handle H bpf ]"},
    {"get", run<kFilter, kGet>,
     "netkit filter get dev NAME { ingress | egress } prio N protocol P handle H bpf"},
    {"show list", run<kFilter, kShow>, "netkit filter show dev NAME { ingress | egress }"},
};

}  // namespace

const Family kQdiscFamily{"qdisc", "clsact and ingress, in the words of `tc qdisc`", kQdiscVerbs, "show"};
const Family kFilterFamily{"filter", "Classic programs behind clsact, in the words of `tc filter`",
                           kFilterVerbs, "show"};

}  // namespace netkit::cli
