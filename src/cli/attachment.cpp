#include "cli/attachment.h"

#include <nlohmann/json.hpp>

#include "cli/devices.h"
#include "cli/errors.h"
#include "cli/objects.h"

namespace netkit::cli {
namespace {

constexpr std::string_view kHookNames[] = {"tcx_ingress", "tcx_egress", "netkit_primary", "netkit_peer"};

// What a position is relative to: a program as elsewhere, or `link id N`.
Result<> read_anchor(Client& client, Words& words, Json& params) {
  if (!words.take_if("link")) {
    params["relative_fd"] = TRY(open_program(client, words));
    return {};
  }
  if (!words.take_if("id")) return usage_error("which link? Say `link id N`");
  params["relative_id"] = TRY(words.number("link id"));
  params["flags"].push_back("id");
  params["flags"].push_back("link");
  return {};
}

// The words behind the attach type, for attach and detach.
class Position {
 public:
  Position(Client& client, Json& params) : client_(client), params_(params) {}

  Result<> read(Words words) {
    constexpr std::string_view kKnown[] = {"dev",  "before", "after",     "replace", "expected-revision",
                                           "head", "tail",   "overwrite", "id",      "pinned",
                                           "name", "tag"};
    while (!words.empty()) {
      const std::string_view word = TRY(choose(words.peek(), kKnown, "word"));
      if (word == "id" || word == "pinned" || word == "name" || word == "tag") {
        params_["prog_fd"] = TRY(open_program(client_, words));
        continue;
      }
      words.take();
      TRY(apply(word, words));
    }
    if (!params_.contains("target_ifindex")) return usage_error("at which device? Say `dev NAME`");
    return {};
  }
  [[nodiscard]] const std::string& device() const { return device_; }

 private:
  Result<> apply(std::string_view word, Words& words) {
    if (word == "dev") {
      device_ = TRY(words.value(word));
      params_["target_ifindex"] = TRY(find_device(client_, device_));
    } else if (word == "before" || word == "after") {
      params_["flags"].push_back(word);
      return read_anchor(client_, words, params_);
    } else if (word == "replace") {
      params_["flags"].push_back(word);
      params_["replace_bpf_fd"] = TRY(open_program(client_, words));
    } else if (word == "head" || word == "tail") {
      params_["flags"].push_back(word == "head" ? "before" : "after");
    } else if (word == "expected-revision") {
      params_["expected_revision"] = TRY(parse_number(TRY(words.value(word)), word, INT64_MAX));
    } else {
      return usage_error("'overwrite' is for xdp; say which program with `replace`");
    }
    return {};
  }

  Client& client_;
  Json& params_;
  std::string device_;
};

}  // namespace

bool Attachment::names_program() const {
  return arguments.params().contains("prog_fd");
}

Result<Attachment> read_attachment(Client& client, Words words) {
  const std::string_view hook = TRY(choose(TRY(words.value("attach")), kHookNames, "attach type"));
  Arguments arguments = TRY(client.arguments());
  Json& params = arguments.params();
  params["attach_type"] = hook;
  params["flags"] = Json::array();
  Position position(client, params);
  TRY(position.read(words));
  return Attachment{std::move(arguments), hook, position.device()};
}

}  // namespace netkit::cli
