#include "cli/link_grammar.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/address.h"
#include "base/text.h"
#include "cli/errors.h"
#include "control/rpc/words.h"
#include "device/flags.h"

namespace netkit::cli {
namespace {

using rpc::Word;

enum class Form : std::uint8_t {
  kDevice,   // the device that the command is about
  kNewName,  // what it is to be called
  kNumber,
  kText,
  kAddress,
  kNamespace,
  kGroup,
  kIndex,
  kUp,
  kDown,
  kSwitch,    // on | off
  kInverted,  // off | on
  kKind,      // the rest is the kind's
};

struct Keyword {
  std::string_view word;
  Form form;
  std::string_view key{};  // of the request
  std::uint32_t flag = 0;  // kSwitch, kInverted
};

constexpr Keyword kKeywords[] = {
    {"dev", Form::kDevice},
    {"name", Form::kNewName},
    {"type", Form::kKind},
    {"up", Form::kUp},
    {"down", Form::kDown},
    {"mtu", Form::kNumber, "mtu"},
    {"address", Form::kAddress, "address"},
    {"broadcast", Form::kAddress, "broadcast"},
    {"brd", Form::kAddress, "broadcast"},
    {"netns", Form::kNamespace, "net_ns_fd"},
    {"txqueuelen", Form::kNumber, "txqlen"},
    {"txqlen", Form::kNumber, "txqlen"},
    {"qlen", Form::kNumber, "txqlen"},
    {"alias", Form::kText, "ifalias"},
    {"group", Form::kGroup, "group"},
    {"index", Form::kIndex},
    {"arp", Form::kInverted, {}, device::kNoArp},
    {"multicast", Form::kSwitch, {}, device::kMulticast},
    {"allmulticast", Form::kSwitch, {}, device::kAllMulti},
    {"promisc", Form::kSwitch, {}, device::kPromisc},
    {"numtxqueues", Form::kNumber, "num_tx_queues"},
    {"numrxqueues", Form::kNumber, "num_rx_queues"},
    {"gso_max_size", Form::kNumber, "gso_max_size"},
    {"gso_max_segs", Form::kNumber, "gso_max_segs"},
    {"gro_max_size", Form::kNumber, "gro_max_size"},
    {"gso_ipv4_max_size", Form::kNumber, "gso_ipv4_max_size"},
    {"gro_ipv4_max_size", Form::kNumber, "gro_ipv4_max_size"},
    {"link-netnsid", Form::kNumber, "link_netnsid"},
};

// What is behind `type netkit`; behind `peer` it is about the other end.
struct NetkitKeyword {
  std::string_view word;
  std::string_view key{};
  std::string_view peer_key{};
  rpc::Words values{};
  std::string_view value{};  // the word itself is the value
};
constexpr NetkitKeyword kNetkitKeywords[] = {
    {"mode", "mode", "mode", rpc::kNetkitModes},
    {"forward", "policy", "peer_policy", rpc::kNetkitPolicies, "forward"},
    {"blackhole", "policy", "peer_policy", rpc::kNetkitPolicies, "blackhole"},
    {"policy", "policy", "peer_policy", rpc::kNetkitPolicies},
    {"scrub", "scrub", "peer_scrub", rpc::kNetkitScrubs},
    {"headroom", "headroom", "headroom"},
    {"tailroom", "tailroom", "tailroom"},
    {"pairing", "pairing", "pairing", rpc::kNetkitPairings},
};

bool is_number(std::string_view word) {
  return !word.empty() && word.front() >= '0' && word.front() <= '9';
}

// A number, or a word of the table, by its beginning as well.
Result<Json> read_value(std::string_view word, std::string_view keyword, rpc::Words values) {
  if (values.empty() || is_number(word)) return Json(TRY(parse_number(word, keyword)));
  std::vector<std::string_view> known;
  for (const Word& value : values) known.push_back(value.name);
  const std::string what = "value of '" + std::string(keyword) + "'";
  return Json(*rpc::value_of(values, TRY(choose(word, known, what))));
}

const Keyword* find(std::string_view word) {
  const auto found = std::ranges::find(kKeywords, word, &Keyword::word);
  return found != std::end(kKeywords) ? &*found : nullptr;
}

class Reader {
 public:
  Reader(const Client& client, Arguments& arguments, Naming naming)
      : client_(client), arguments_(arguments), naming_(naming) {}

  Result<LinkWords> read(Words words) {
    while (!words.empty()) TRY(read_one(words, arguments_.params(), naming_));
    return std::move(found_);
  }

 private:
  // One keyword with what belongs to it. A word that is none names the device, as long as nothing has.
  Result<> read_one(Words& words, Json& link, Naming naming) {
    const std::string_view word = words.take();
    const Keyword* keyword = find(word);
    const bool named = naming == Naming::kNew ? link.contains("ifname") : !found_.device.empty();
    if (keyword == nullptr && !named) return name_device(word, link, naming);
    if (keyword == nullptr) {
      std::vector<std::string_view> known;
      for (const Keyword& one : kKeywords) known.push_back(one.word);
      keyword = find(TRY(choose(word, known, "word")));
    }
    return apply(*keyword, words, link, naming);
  }

  Result<> name_device(std::string_view name, Json& link, Naming naming) {
    if (naming == Naming::kNew) {
      link["ifname"] = name;
    } else {
      found_.device = name;
    }
    return {};
  }

  Result<> apply(const Keyword& keyword, Words& words, Json& link, Naming naming) {
    switch (keyword.form) {
      case Form::kUp:
        set_flag(link, device::kUp, true);
        return {};
      case Form::kDown:
        set_flag(link, device::kUp, false);
        return {};
      case Form::kKind:
        return read_kind(words, link);
      default:
        break;
    }
    const std::string_view value = TRY(words.value(keyword.word));
    switch (keyword.form) {
      case Form::kDevice:
        return name_device(value, link, naming);
      case Form::kNewName:
        link["ifname"] = value;
        break;
      case Form::kNumber:
        link[std::string(keyword.key)] = TRY(parse_number(value, keyword.word));
        break;
      case Form::kText:
        link[std::string(keyword.key)] = value;
        break;
      case Form::kAddress:
        if (!parse_mac(value)) {
          return usage_error("'" + std::string(keyword.word) +
                             "' takes an address like 02:00:00:00:00:01, not " + quote(value));
        }
        link[std::string(keyword.key)] = value;
        break;
      case Form::kNamespace:
        link[std::string(keyword.key)] = TRY(client_.name_netns(arguments_, value));
        break;
      case Form::kGroup:
        link[std::string(keyword.key)] = TRY(read_group(value));
        break;
      case Form::kIndex:
        link["header"]["index"] = TRY(parse_number(value, keyword.word, INT32_MAX));
        break;
      default: {
        const std::string_view known[] = {"on", "off"};
        const bool on = TRY(choose(value, known, "value")) == "on";
        set_flag(link, keyword.flag, keyword.form == Form::kInverted ? !on : on);
      }
    }
    return {};
  }

  static void set_flag(Json& link, std::uint32_t flag, bool on) {
    Json& header = link["header"];
    if (header.is_null()) header = Json::object();
    const auto with = [&header](const char* key, std::uint32_t bit, bool set) {
      const auto present = header.value(key, std::uint32_t{0});
      header[key] = set ? present | bit : present & ~bit;
    };
    with("change", flag, true);
    with("flags", flag, on);
  }

  Result<> read_kind(Words& words, Json& link) {
    Json& info = link["linkinfo"];
    if (info.contains("kind")) return usage_error("'type' stands there twice");
    const std::string_view kind = TRY(words.value("type"));
    info["kind"] = kind;
    if (kind == "netkit") return read_netkit(words, info);
    if (kind == "veth" && !words.empty() && words.take_if("peer")) {
      Json& peer = info["data"]["peer"] = Json::object();
      while (!words.empty()) TRY(read_one(words, peer, Naming::kNew));
    }
    return {};
  }

  // Behind `peer` stand the other end's policy and scrubbing, and the words of a link.
  Result<> read_netkit(Words& words, Json& info) {
    bool of_peer = false;
    while (!words.empty()) {
      if (!of_peer && words.take_if("peer")) {
        of_peer = true;
        continue;
      }
      const auto keyword = std::ranges::find(kNetkitKeywords, words.peek(), &NetkitKeyword::word);
      if (keyword != std::end(kNetkitKeywords)) {
        TRY(read_netkit_word(*keyword, words, info["data"], of_peer));
      } else if (of_peer) {
        TRY(read_one(words, info["data"]["peer"], Naming::kNew));
      } else {
        return unknown_netkit_word(words.peek());
      }
    }
    return {};
  }

  static Result<> read_netkit_word(const NetkitKeyword& keyword, Words& words, Json& data, bool of_peer) {
    words.take();
    const std::string_view value = keyword.value.empty() ? TRY(words.value(keyword.word)) : keyword.value;
    const std::string_view key = of_peer ? keyword.peer_key : keyword.key;
    data[std::string(key)] = TRY(read_value(value, keyword.word, keyword.values));
    return {};
  }

  static Failure unknown_netkit_word(std::string_view word) {
    std::vector<std::string_view> known{"peer"};
    for (const NetkitKeyword& one : kNetkitKeywords) known.push_back(one.word);
    return usage_error("unknown word " + quote(word) + " behind 'type netkit'" + did_you_mean(word, known));
  }

  const Client& client_;
  Arguments& arguments_;
  Naming naming_;
  LinkWords found_;
};

}  // namespace

Result<std::uint32_t> read_group(std::string_view word) {
  return static_cast<std::uint32_t>(TRY(read_value(word, "group", rpc::kGroups)).get<std::uint64_t>());
}

Result<LinkWords> read_link_words(const Client& client, Arguments& arguments, Words words, Naming naming) {
  return Reader(client, arguments, naming).read(words);
}

}  // namespace netkit::cli
