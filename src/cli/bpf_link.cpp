// netkit bpf-link: links, in the words of `bpftool link`; `netkit link` is about devices, as `ip link`.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cli/attachment.h"
#include "cli/command.h"
#include "cli/devices.h"
#include "cli/errors.h"
#include "cli/objects.h"
#include "cli/print.h"
#include "control/rpc/words.h"

namespace netkit::cli {
namespace {

constexpr rpc::Word kLinkTypes[] = {{"tcx", 11}, {"netkit", 13}};

std::string word_or_number(rpc::Words words, std::uint32_t value) {
  const std::string_view name = rpc::name_of(words, value);
  return name.empty() ? std::to_string(value) : std::string(name);
}

// The device of a link, as the caller's namespace names it: a link says only the number.
std::string device_of(Client& client, std::uint64_t ifindex) {
  if (ifindex == 0) return "(detached)";
  const std::string name = device_name(client, ifindex);
  return name.empty() ? "(unknown)" : name;
}

struct Shown {
  std::uint64_t id, prog_id, ifindex;
  std::string type, device, attach_type;
  std::vector<std::string> pinned;
};

Result<Shown> look_at(Client& client, const Json& info, bool pins) {
  Shown shown{.id = info["id"].get<std::uint64_t>(),
              .prog_id = info["prog_id"].get<std::uint64_t>(),
              .ifindex = info["ifindex"].get<std::uint64_t>(),
              .type = word_or_number(kLinkTypes, info["type"].get<std::uint32_t>()),
              .device = device_of(client, info["ifindex"].get<std::uint64_t>()),
              .attach_type = word_or_number(rpc::kAttachTypes, info["attach_type"].get<std::uint32_t>()),
              .pinned = {}};
  if (pins) shown.pinned = TRY(pins_of(client, ObjectKind::kLink, shown.id));
  return shown;
}

std::string to_text(const Shown& link) {
  const std::string device = link.ifindex != 0 && !link.device.starts_with("(")
                                 ? fmt::format("{}({})", link.device, link.ifindex)
                                 : link.device;
  std::string text = fmt::format("{}: {}  prog {}  \n\tifindex {}  attach_type {}  ", link.id, link.type,
                                 link.prog_id, device, link.attach_type);
  for (const std::string& path : link.pinned) text += "\n\tpinned " + path;
  return text + "\n";
}

OrderedJson to_json(const Shown& link) {
  OrderedJson json{{"id", link.id},          {"type", link.type},       {"prog_id", link.prog_id},
                   {"devname", link.device}, {"ifindex", link.ifindex}, {"attach_type", link.attach_type}};
  if (!link.pinned.empty()) json["pinned"] = link.pinned;
  return json;
}

Result<> show(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const bool one = !words.empty();
  OrderedJson all = OrderedJson::array();
  std::string text;
  for (const Json& info : TRY(named_objects(client, ObjectKind::kLink, words))) {
    const Shown link = TRY(look_at(client, info, options.pins));
    all.push_back(to_json(link));
    text += to_text(link);
  }
  if (options.json) {
    print(one ? all.front() : all, options);
  } else {
    print(text);
  }
  return {};
}

Result<> create(const Options& options, Words words) {
  const std::string path = pin_path(TRY(words.value("create")));
  Client client = TRY(Client::connect(options));
  Attachment attachment = TRY(read_attachment(client, words));
  if (!attachment.names_program()) return usage_error("which program? Say for instance `id N`");
  const auto created = client.call("bpf.link_create", attachment.arguments);
  if (!created) return std::unexpected(about("bpf-link create at " + attachment.device, created.error()));
  const auto pinned = client.call("bpf.obj_pin", Json{{"fd", (*created)["fd"]}, {"path", path}});
  if (!pinned) return std::unexpected(about(path, pinned.error()));
  return {};
}

Result<> pin(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  return pin_named(client, ObjectKind::kLink, words);
}

Result<> detach(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  const int fd = TRY(open_object(client, ObjectKind::kLink, words));
  TRY(words.end());
  const auto detached = client.call("bpf.link_detach", Json{{"link_fd", fd}});
  if (!detached) return std::unexpected(about("bpf-link detach", detached.error()));
  return {};
}

Result<> update(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  Json params{{"link_fd", TRY(open_object(client, ObjectKind::kLink, words))}};
  words.take_if("prog");
  params["new_prog_fd"] = TRY(open_program(client, words));
  if (words.take_if("replace")) {
    params["flags"] = "replace";
    params["old_prog_fd"] = TRY(open_program(client, words));
  }
  TRY(words.end());
  const auto updated = client.call("bpf.link_update", params);
  if (!updated && updated.error().code == EPERM && params.contains("old_prog_fd"))
    return fail(EPERM, "bpf-link update: the link has another program than the one to replace");
  if (!updated) return std::unexpected(about("bpf-link update", updated.error()));
  return {};
}

constexpr Verb kVerbs[] = {
    {"show list", show, R"(netkit bpf-link show [ LINK ]
         LINK := id N | pinned FILE)"},
    {"create", create,
     R"(netkit bpf-link create FILE ATTACH_TYPE PROG dev NAME [ POSITION ] [ expected-revision N ]
         as `netkit net attach`, by a link that is pinned at FILE)"},
    {"update", update, "netkit bpf-link update LINK [ prog ] PROG [ replace PROG ]"},
    {"detach", detach, "netkit bpf-link detach LINK"},
    {"pin", pin, "netkit bpf-link pin LINK FILE"},
};

}  // namespace

const Family kBpfLinkFamily{"bpf-link", "Links of programs to devices, in the words of `bpftool link`",
                            kVerbs, "show"};

}  // namespace netkit::cli
