// netkit net: programs at devices, in the words of `bpftool net` and what those lack.
#include <fmt/format.h>

#include <map>
#include <nlohmann/json.hpp>

#include "cli/attachment.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/errors.h"
#include "cli/objects.h"
#include "cli/print.h"

namespace netkit::cli {
namespace {

// Where programs are attached, in bpftool's order, and how it calls the place in its list.
struct Hook {
  std::string_view name;
  std::string_view shown;
};
constexpr Hook kHooks[] = {{"tcx_ingress", "tcx/ingress"},
                           {"tcx_egress", "tcx/egress"},
                           {"netkit_primary", "netkit/primary"},
                           {"netkit_peer", "netkit/peer"}};

Result<> change(const Options& options, Words words, std::string_view method, bool needs_program) {
  Client client = TRY(Client::connect(options));
  const Attachment wanted = TRY(read_attachment(client, words));
  if (needs_program && !wanted.names_program()) return usage_error("which program? Say for instance `id N`");
  const auto answer = client.call(method, wanted.arguments);
  if (answer) return {};
  const std::string_view verb = needs_program ? "attach" : "detach";
  return std::unexpected(
      about(fmt::format("net {} {} dev {}", verb, wanted.hook, wanted.device), answer.error()));
}

Result<> attach(const Options& options, Words words) {
  return change(options, words, "bpf.prog_attach", true);
}

Result<> detach(const Options& options, Words words) {
  return change(options, words, "bpf.prog_detach", false);
}

// One entry of a list.
struct Attached {
  std::string device;
  std::uint64_t ifindex = 0;
  std::string_view kind;
  std::string name;
  std::uint64_t prog_id = 0;
  std::uint64_t link_id = 0;
  std::uint64_t revision = 0;
};

class Survey {
 public:
  explicit Survey(Client& client) : client_(client) {}

  Result<std::vector<Attached>> of(const Json& links) {
    for (const Json& link : links) {
      for (const Hook& hook : kHooks) TRY(add(link, hook));
    }
    return std::move(found_);
  }

 private:
  Result<> add(const Json& link, const Hook& hook) {
    Arguments arguments = TRY(client_.arguments());
    arguments.params()["target_ifindex"] = link["ifindex"];
    arguments.params()["attach_type"] = hook.name;
    const auto list = client_.call("bpf.prog_query", arguments);
    // A device without such a list, or one that is reached through its primary alone.
    if (!list && list.error().code != EPERM) return {};
    if (!list) return std::unexpected(about("net show", list.error()));
    for (std::size_t i = 0; i < (*list)["prog_ids"].size(); ++i) {
      const auto id = (*list)["prog_ids"][i].get<std::uint64_t>();
      found_.push_back({.device = link["ifname"].get<std::string>(),
                        .ifindex = link["ifindex"].get<std::uint64_t>(),
                        .kind = hook.shown,
                        .name = name_of(id),
                        .prog_id = id,
                        .link_id = (*list)["link_ids"][i].get<std::uint64_t>(),
                        .revision = (*list)["revision"].get<std::uint64_t>()});
    }
    return {};
  }

  // Empty when the program has gone since.
  std::string name_of(std::uint64_t id) {
    const auto [place, is_new] = names_.try_emplace(id);
    if (!is_new) return place->second;
    const auto opened = client_.call("bpf.prog_get_fd_by_id", Json{{"id", id}});
    if (!opened) return {};
    if (const auto info = client_.call("bpf.obj_get_info_by_fd", *opened)) {
      place->second = info->value("full_name", "");
    }
    (void)client_.call("close", *opened);
    return place->second;
  }

  Client& client_;
  std::map<std::uint64_t, std::string> names_;
  std::vector<Attached> found_;
};

OrderedJson to_json(const std::vector<Attached>& all, bool details) {
  OrderedJson entries = OrderedJson::array();
  for (const Attached& one : all) {
    OrderedJson entry{{"devname", one.device},  {"ifindex", one.ifindex},
                      {"kind", one.kind},       {"name", one.name},
                      {"prog_id", one.prog_id}, {"prog_flags", OrderedJson::array()}};
    entry["link_id"] = one.link_id;
    entry["link_flags"] = OrderedJson::array();
    if (details) entry["revision"] = one.revision;
    entries.push_back(std::move(entry));
  }
  return OrderedJson::array({{{"xdp", OrderedJson::array()},
                              {"tc", std::move(entries)},
                              {"flow_dissector", OrderedJson::array()},
                              {"netfilter", OrderedJson::array()}}});
}

std::string to_text(const std::vector<Attached>& all, bool details) {
  std::string text = "xdp:\n\ntc:\n";
  for (const Attached& one : all) {
    text += fmt::format("{}({}) {} {} prog_id {} ", one.device, one.ifindex, one.kind, one.name, one.prog_id);
    if (one.link_id != 0) text += fmt::format("link_id {} ", one.link_id);
    if (details) text += fmt::format("revision {} ", one.revision);
    text += "\n";
  }
  return text + "\nflow_dissector:\n\nnetfilter:\n\n";
}

Result<> show(const Options& options, Words words) {
  std::string device;
  if (words.take_if("dev")) device = TRY(words.value("dev"));
  TRY(words.end());
  Client client = TRY(Client::connect(options));
  Arguments arguments = TRY(client.arguments());
  Json links = Json::array();
  if (device.empty()) {
    links = TRY(client.call("rtnl.dump_links", arguments));
  } else {
    arguments.params()["ifname"] = device;
    const auto link = client.call("rtnl.get_link", arguments);
    if (!link) return std::unexpected(about("device \"" + device + "\"", link.error()));
    links.push_back(*link);
  }
  const std::vector<Attached> all = TRY(Survey(client).of(links));
  if (options.json) {
    print(to_json(all, options.details), options);
  } else {
    print(to_text(all, options.details));
  }
  return {};
}

constexpr Verb kVerbs[] = {
    {"attach", attach, R"(netkit net attach ATTACH_TYPE PROG dev NAME [ POSITION ] [ expected-revision N ]
         ATTACH_TYPE := tcx_ingress | tcx_egress | netkit_primary | netkit_peer
         PROG        := id N | pinned FILE | name NAME | tag TAG
         POSITION    := head | tail | { before | after } { PROG | link id N } | replace PROG)"},
    {"detach", detach,
     R"(netkit net detach ATTACH_TYPE [ PROG ] dev NAME [ { before | after } { PROG | link id N } ]
                  [ expected-revision N ])"},
    {"show list", show, "netkit net show [ dev NAME ]"},
};

}  // namespace

const Family kNetFamily{"net", "Programs at devices, in the words of `bpftool net`", kVerbs, "show"};

}  // namespace netkit::cli
