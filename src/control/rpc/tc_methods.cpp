// Methods shaped like rtnetlink's requests about queueing disciplines and filters.
#include <nlohmann/json.hpp>

#include "control/filter.h"
#include "control/qdisc.h"
#include "control/rpc/bytes.h"
#include "control/rpc/link_codec.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

using control::TcRequest;

constexpr Word kParents[] = {{"root", control::kRootParent},
                             {"ingress", control::kIngressFilters},
                             {"egress", control::kEgressFilters},
                             {"clsact", control::kIngressParent}};
constexpr Word kBpfFlags[] = {{"direct-action", control::kBpfDirectAction}};
constexpr Word kGenFlags[] = {{"skip_hw", control::kSkipHw}, {"skip_sw", control::kSkipSw}};

constexpr Field kOptions[] = {
    {.key = "classid", .type = control::kTcaBpfClassid, .request = Field::kU32},
    {.key = "fd", .type = control::kTcaBpfFd, .request = Field::kU32},
    {.key = "name", .type = control::kTcaBpfName, .request = Field::kText},
    {.key = "flags", .type = control::kTcaBpfFlags, .request = Field::kU32, .words = kBpfFlags},
    {.key = "flags_gen", .type = control::kTcaBpfFlagsGen, .request = Field::kU32, .words = kGenFlags},
};
constexpr Field kTcFields[] = {
    {.key = "kind", .type = control::kTcaKind, .request = Field::kText},
    {.key = "chain", .type = control::kTcaChain, .request = Field::kU32},
    {.key = "ingress_block", .type = control::kTcaIngressBlock, .request = Field::kU32},
    {.key = "egress_block", .type = control::kTcaEgressBlock, .request = Field::kU32},
    {.key = "options", .type = control::kTcaOptions, .request = Field::kNested, .nested = kOptions},
};
constexpr std::string_view kHeader = "flags ifindex handle parent priority protocol attributes";

// By their keys, or all of them in wire form.
Result<control::AttributeWriter> attributes_of(Call& call) {
  if (call.params.find("attributes") == nullptr)
    return read_attributes(call.session, call.params.object(), kTcFields);
  control::Bytes wire;
  for (const std::byte byte : TRY(read_hex(call.params, "attributes")))
    wire.push_back(std::to_integer<std::uint8_t>(byte));
  return control::AttributeWriter(std::move(wire));
}

// struct tcmsg; a filter's tcm_info is given by its two parts, the protocol in host order.
Result<TcRequest> request_of(Call& call) {
  const Params& params = call.params;
  const auto priority = TRY(params.number_or<std::uint16_t>("priority", 0));
  const Be16 protocol(TRY(params.number_or<std::uint16_t>("protocol", 0)));
  return TcRequest{.flags = TRY(params.number_or<std::uint16_t>("flags", 0, kMessageFlags)),
                   .header = {.ifindex = TRY(params.number_or<std::int32_t>("ifindex", 0)),
                              .handle = TRY(params.number_or<std::uint32_t>("handle", 0)),
                              .parent = TRY(params.number_or<std::uint32_t>("parent", 0, kParents)),
                              .info = std::uint32_t{priority} << 16U | protocol.raw()},
                   .attributes = TRY(attributes_of(call))};
}

Json describe(const control::QdiscReport& qdisc) {
  return {{"ifindex", qdisc.ifindex},
          {"dev", qdisc.dev},
          {"kind", qdisc.kind},
          {"handle", qdisc.handle},
          {"parent", qdisc.parent},
          {"refcount", qdisc.refcount},
          {"ingress_block", qdisc.ingress_block},
          {"egress_block", qdisc.egress_block},
          {"stats",
           {{"bytes", qdisc.stats.bytes}, {"packets", qdisc.stats.packets}, {"drops", qdisc.stats.drops}}}};
}

Json describe(const control::FilterOptions& options) {
  const control::FilterProgram& program = options.program;
  return {{"name", options.name},
          {"classid", options.classid},
          {"flags", options.flags},
          {"flags_gen", options.gen_flags},
          {"prog",
           {{"id", program.id},
            {"name", program.name},
            {"tag", to_hex(program.tag)},
            {"jited", program.jited},
            {"load_time", program.load_time},
            {"created_by_uid", program.uid}}}};
}

Json describe(const control::FilterReport& filter) {
  Json out{{"ifindex", filter.ifindex},   {"dev", filter.dev},      {"parent", filter.parent},
           {"priority", filter.priority}, {"kind", "bpf"},          {"protocol", filter.protocol.host()},
           {"chain", filter.chain},       {"handle", filter.handle}};
  if (filter.options) out["options"] = describe(*filter.options);
  return out;
}

template <class Reports>
Json describe_all(const Reports& reports) {
  Json all = Json::array();
  for (const auto& report : reports) all.push_back(describe(report));
  return all;
}

template <Result<> (*kOperation)(control::Client&, const TcRequest&)>
Result<> change(Call& call) {
  return kOperation(call.session.client(), TRY(request_of(call)));
}

Result<> get_qdisc(Call& call) {
  const auto qdisc = TRY(control::get_qdisc(call.session.client(), TRY(request_of(call))));
  if (qdisc) call.answer = describe(*qdisc);
  return {};
}

Result<> dump_qdiscs(Call& call) {
  call.answer = describe_all(control::list_qdiscs(call.session.client()));
  return {};
}

Result<> get_filter(Call& call) {
  call.answer = describe(TRY(control::get_filter(call.session.client(), TRY(request_of(call)))));
  return {};
}

Result<> dump_filters(Call& call) {
  call.answer = describe_all(TRY(control::list_filters(call.session.client(), TRY(request_of(call)))));
  return {};
}

constexpr Method method(std::string_view name, Result<> (*handle)(Call&)) {
  return {.name = name, .handle = handle, .need = Need::kNetns, .params = kHeader, .fields = kTcFields};
}

}  // namespace

std::span<const Method> tc_methods() {
  static constexpr Method kMethods[] = {
      method("tc.new_qdisc", change<control::new_qdisc>),
      method("tc.del_qdisc", change<control::delete_qdisc>),
      method("tc.get_qdisc", get_qdisc),
      {.name = "tc.dump_qdiscs", .handle = dump_qdiscs, .need = Need::kNetns},
      method("tc.new_filter", change<control::new_filter>),
      method("tc.del_filter", change<control::delete_filter>),
      method("tc.get_filter", get_filter),
      method("tc.dump_filters", dump_filters),
  };
  return kMethods;
}

}  // namespace netkit::rpc
