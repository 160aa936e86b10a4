// Methods shaped like the commands of bpf(2) about programs at devices.
#include <nlohmann/json.hpp>

#include "control/attach.h"
#include "control/rpc/describe_objects.h"
#include "control/rpc/error.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

using control::AttachRequest;

// union { relative_fd, relative_id }: the flags say which it is.
Result<std::uint32_t> relative_of(const Params& params) {
  if (params.find("relative_fd") == nullptr) return params.number_or<std::uint32_t>("relative_id", 0);
  if (params.find("relative_id") != nullptr) {
    return refuse(kInvalidParams, "give one of relative_fd and relative_id: they are the same field");
  }
  return static_cast<std::uint32_t>(TRY(params.number<std::int32_t>("relative_fd")));
}

Result<AttachRequest> attach_request(const Params& params) {
  return AttachRequest{.target_ifindex = TRY(params.number_or<std::uint32_t>("target_ifindex", 0)),
                       .prog_fd = TRY(params.number_or<std::int32_t>("prog_fd", 0)),
                       .attach_type = TRY(params.number<std::uint32_t>("attach_type", kAttachTypes)),
                       .flags = TRY(params.number_or<std::uint32_t>("flags", 0, kAttachFlags)),
                       .replace_fd = TRY(params.number_or<std::int32_t>("replace_bpf_fd", 0)),
                       .relative = TRY(relative_of(params)),
                       .expected_revision = TRY(params.number_or<std::uint64_t>("expected_revision", 0))};
}

Result<> give_descriptor(Call& call, int fd) {
  call.answer = {{"fd", fd}};
  return {};
}

Result<> prog_attach(Call& call) {
  return control::attach_program(call.session.client(), TRY(attach_request(call.params)));
}

Result<> prog_detach(Call& call) {
  return control::detach_program(call.session.client(), TRY(attach_request(call.params)));
}

Result<> prog_query(Call& call) {
  const Params& params = call.params;
  const control::QueryRequest request{
      .target_ifindex = TRY(params.number_or<std::uint32_t>("target_ifindex", 0)),
      .attach_type = TRY(params.number<std::uint32_t>("attach_type", kAttachTypes)),
      .query_flags = TRY(params.number_or<std::uint32_t>("query_flags", 0)),
      .attach_flags = TRY(params.number_or<std::uint32_t>("attach_flags", 0)),
      .room = TRY(params.number_or<std::uint32_t>("count", device::kMaxPrograms + 1))};
  control::QueryAnswer answer;
  const Result<> done = control::query_programs(call.session.client(), request, answer);
  if (!done && done.error().code != ENOSPC) return done;
  call.answer = {{"count", answer.count},
                 {"revision", answer.revision},
                 {"prog_ids", answer.prog_ids},
                 {"link_ids", answer.link_ids}};
  return done;
}

Result<> link_create(Call& call) {
  return give_descriptor(
      call, TRY(control::create_link_at(call.session.client(), TRY(attach_request(call.params)))));
}

Result<> link_update(Call& call) {
  const Params& params = call.params;
  return control::update_link(call.session.client(),
                              {.link_fd = TRY(params.number<std::int32_t>("link_fd")),
                               .new_prog_fd = TRY(params.number<std::int32_t>("new_prog_fd")),
                               .flags = TRY(params.number_or<std::uint32_t>("flags", 0, kAttachFlags)),
                               .old_prog_fd = TRY(params.number_or<std::int32_t>("old_prog_fd", 0))});
}

Result<> link_detach(Call& call) {
  return control::detach_link(call.session.client(), TRY(call.params.number<std::int32_t>("link_fd")));
}

Result<> link_info(Call& call) {
  const control::LinkInfo info =
      TRY(control::link_info(call.session.client(), TRY(call.params.number<std::int32_t>("link_fd"))));
  call.answer = describe(info);
  return {};
}

template <Result<int> (*kOpen)(control::Client&, std::uint32_t)>
Result<> open_by_id(Call& call) {
  return give_descriptor(call,
                         TRY(kOpen(call.session.client(), TRY(call.params.number<std::uint32_t>("id")))));
}

constexpr std::string_view kAttachParams =
    "target_ifindex prog_fd attach_type flags replace_bpf_fd relative_fd relative_id expected_revision";

}  // namespace

std::span<const Method> bpf_methods() {
  static constexpr Method kMethods[] = {
      {.name = "bpf.prog_attach", .handle = prog_attach, .need = Need::kNetns, .params = kAttachParams},
      {.name = "bpf.prog_detach", .handle = prog_detach, .need = Need::kNetns, .params = kAttachParams},
      {.name = "bpf.prog_query",
       .handle = prog_query,
       .need = Need::kNetns,
       .params = "target_ifindex attach_type query_flags attach_flags count"},
      {.name = "bpf.prog_get_fd_by_id",
       .handle = open_by_id<control::open_program>,
       .need = Need::kEngine,
       .params = "id"},
      {.name = "bpf.link_create", .handle = link_create, .need = Need::kNetns, .params = kAttachParams},
      {.name = "bpf.link_update", .handle = link_update, .params = "link_fd new_prog_fd flags old_prog_fd"},
      {.name = "bpf.link_detach", .handle = link_detach, .params = "link_fd"},
      {.name = "bpf.link_info", .handle = link_info, .params = "link_fd"},
      {.name = "bpf.link_get_fd_by_id",
       .handle = open_by_id<control::open_link>,
       .need = Need::kEngine,
       .params = "id"},
  };
  return kMethods;
}

}  // namespace netkit::rpc
