// netkit link: devices, in the words of `ip link`.
#include <nlohmann/json.hpp>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/devices.h"
#include "cli/errors.h"
#include "cli/link_grammar.h"
#include "cli/link_show.h"

namespace netkit::cli {
namespace {

// The answer, or the error as one about the command.
Result<> finish(const Result<Json>& answer, const std::string& what) {
  if (!answer) return std::unexpected(about(what, answer.error()));
  return {};
}

Result<> add(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  Arguments arguments = TRY(client.arguments());
  TRY(read_link_words(client, arguments, words, Naming::kNew));
  if (!arguments.params().contains("linkinfo")) return usage_error("what kind of device? Say `type netkit`");
  arguments.params()["flags"] = {"create", "excl"};
  const std::string name = arguments.params().value("ifname", "");
  return finish(client.call("rtnl.new_link", arguments), "link add " + name);
}

Result<> set(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  Arguments arguments = TRY(client.arguments());
  const LinkWords found = TRY(read_link_words(client, arguments, words, Naming::kPresent));
  arguments.params()["header"]["index"] = TRY(find_device(client, found.device));
  return finish(client.call("rtnl.new_link", arguments), "link set " + found.device);
}

Result<> del(const Options& options, Words words) {
  Client client = TRY(Client::connect(options));
  Arguments arguments = TRY(client.arguments());
  const LinkWords found = TRY(read_link_words(client, arguments, words, Naming::kPresent));
  arguments.params()["header"]["index"] = TRY(find_device(client, found.device));
  return finish(client.call("rtnl.del_link", arguments), "link del " + found.device);
}

struct Filter {
  std::string device;
  std::string kind;
  std::optional<std::uint32_t> group;
  bool up = false;

  [[nodiscard]] bool admits(const Json& link) const {
    constexpr std::uint32_t kIffUp = 1;
    if (up && (link.value("flags", 0U) & kIffUp) == 0) return false;
    if (group && link.value("group", 0U) != *group) return false;
    return kind.empty() || (link.contains("linkinfo") && link["linkinfo"].value("kind", "") == kind);
  }
};

Result<Filter> read_filter(Words words) {
  constexpr std::string_view kKnown[] = {"dev", "type", "group", "up"};
  Filter filter;
  while (!words.empty()) {
    const std::string_view word = words.take();
    if (word == "up") {
      filter.up = true;
    } else if (word == "type") {
      filter.kind = TRY(words.value(word));
    } else if (word == "group") {
      filter.group = TRY(read_group(TRY(words.value(word))));
    } else if (word == "dev") {
      filter.device = TRY(words.value(word));
    } else if (filter.device.empty()) {
      filter.device = word;
    } else {
      TRY(choose(word, kKnown, "word"));
    }
  }
  return filter;
}

void print_links(const Json& links, const Options& options) {
  if (!options.json) {
    for (const Json& link : links) print(link_text(LinkView(link), options));
    return;
  }
  OrderedJson out = OrderedJson::array();
  for (const Json& link : links) out.push_back(link_json(LinkView(link), options));
  print(out, options);
}

Result<> show(const Options& options, Words words) {
  const Filter filter = TRY(read_filter(words));
  Client client = TRY(Client::connect(options));
  Arguments arguments = TRY(client.arguments());
  Json links = Json::array();
  if (filter.device.empty()) {
    links = TRY(client.call("rtnl.dump_links", arguments));
  } else {
    arguments.params()["header"]["index"] = TRY(find_device(client, filter.device));
    links.push_back(TRY(client.call("rtnl.get_link", arguments)));
  }
  Json admitted = Json::array();
  for (Json& link : links) {
    if (filter.admits(link)) admitted.push_back(std::move(link));
  }
  print_links(admitted, options);
  return {};
}

constexpr Verb kVerbs[] = {
    {"add", add, R"(netkit link add [ name ] NAME [ SETTINGS ] type KIND [ KIND-SETTINGS ]
         KIND      := netkit | veth | dummy
         SETTINGS  := [ mtu N ] [ address MAC ] [ netns NETNS ] [ index N ] [ txqueuelen N ] [ group G ] [ alias TEXT ]
                      [ numtxqueues N ] [ numrxqueues N ] [ gso_max_size N ] [ gso_max_segs N ] [ gro_max_size N ]
                      [ gso_ipv4_max_size N ] [ gro_ipv4_max_size N ] [ up | down ]
                      [ arp | multicast | allmulticast | promisc { on | off } ]
         netkit    := [ mode { l3 | l2 } ] [ forward | blackhole ] [ scrub { default | none } ] [ headroom N ]
                      [ tailroom N ] [ pairing { pair | single } ]
                      [ peer [ forward | blackhole ] [ scrub { default | none } ] [ name NAME ] [ SETTINGS ] ]
         veth      := [ peer [ name NAME ] [ SETTINGS ] ])"},
    {"set change", set, R"(netkit link set [ dev ] NAME [ name NEWNAME ] [ SETTINGS ]
                      [ type netkit [ forward | blackhole ] [ peer { forward | blackhole } ] ])"},
    {"del delete", del, "netkit link del [ dev ] NAME"},
    {"show list ls lst", show, "netkit link show [ [ dev ] NAME ] [ type KIND ] [ group G ] [ up ]"},
};

}  // namespace

const Family kLinkFamily{"link", "Devices: netkit and its kin, in the words of `ip link`", kVerbs, "show"};

}  // namespace netkit::cli
