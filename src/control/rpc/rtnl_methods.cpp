// Methods shaped like rtnetlink's requests about links.
#include <nlohmann/json.hpp>

#include "control/link.h"
#include "control/rpc/link_codec.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

using control::LinkRequest;

Result<LinkRequest> request_of(Call& call) {
  LinkRequest request = TRY(read_link(call.session, call.params.object()));
  request.flags = TRY(call.params.number_or<std::uint16_t>("flags", 0, kMessageFlags));
  return request;
}

// A client of another namespace learns no names from there.
Json tell(const Session& session, const control::LinkReport& link) {
  Json told = report_fields(link_fields(), link);
  if (link.link && link.link->other_namespace && !session.of_engine()) {
    told["link_end"] = {{"same_netns", false}, {"netnsid", link.link->netnsid}};
  }
  return told;
}

template <Result<> (*kOperation)(control::Client&, const LinkRequest&)>
Result<> change(Call& call) {
  return kOperation(call.session.client(), TRY(request_of(call)));
}

Result<> get_link(Call& call) {
  call.answer = tell(call.session, TRY(control::get_link(call.session.client(), TRY(request_of(call)))));
  return {};
}

Result<> dump_links(Call& call) {
  call.answer = Json::array();
  for (const control::LinkReport& link : control::list_links(call.session.client())) {
    call.answer.push_back(tell(call.session, link));
  }
  return {};
}

Result<> new_tap(Call& call) {
  return control::new_tap(call.session.client(), TRY(call.params.text("name")));
}

}  // namespace

std::span<const Method> rtnl_methods() {
  static const Method kMethods[] = {
      {.name = "rtnl.new_link",
       .handle = change<control::new_link>,
       .need = Need::kNetns,
       .params = "flags header",
       .fields = link_fields()},
      {.name = "rtnl.set_link",
       .handle = change<control::set_link>,
       .need = Need::kNetns,
       .params = "flags header",
       .fields = link_fields()},
      {.name = "rtnl.del_link",
       .handle = change<control::delete_link>,
       .need = Need::kNetns,
       .params = "flags header",
       .fields = link_fields()},
      {.name = "rtnl.get_link",
       .handle = get_link,
       .need = Need::kNetns,
       .params = "flags header",
       .fields = link_fields()},
      {.name = "rtnl.dump_links", .handle = dump_links, .need = Need::kNetns},
      {.name = "rtnl.new_tap", .handle = new_tap, .need = Need::kNetns, .params = "name"},
  };
  return kMethods;
}

}  // namespace netkit::rpc
