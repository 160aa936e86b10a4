// Methods about programs, and those that are the same for programs, maps and links: bpf(2)'s commands, and
// loading a whole object file.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "control/dump.h"
#include "control/object.h"
#include "control/program.h"
#include "control/rpc/bytes.h"
#include "control/rpc/describe_objects.h"
#include "control/rpc/error.h"
#include "control/rpc/methods.h"
#include "control/rpc/session.h"

namespace netkit::rpc {
namespace {

Result<> give_descriptor(Call& call, int fd) {
  call.answer = {{"fd", fd}};
  return {};
}

// An array of descriptors; absent: none.
Result<std::vector<int>> read_descriptors(const Params& params, std::string_view key) {
  std::vector<int> descriptors;
  const Json* const value = params.find(key);
  if (value == nullptr) return descriptors;
  if (!value->is_array())
    return refuse(kInvalidParams, "parameter '" + std::string(key) + "' must be an array");
  for (const Json& one : *value) {
    descriptors.push_back(static_cast<int>(TRY(to_number(one, key, INT32_MIN, INT32_MAX))));
  }
  return descriptors;
}

Result<> prog_load(Call& call) {
  const Params& params = call.params;
  const std::vector<std::byte> code = TRY(read_hex(params, "insns"));
  if (code.size() % sizeof(bpf::Insn) != 0) {
    return refuse(kInvalidParams, "parameter 'insns' must be instructions of 8 bytes each");
  }
  std::vector<bpf::Insn> insns(code.size() / sizeof(bpf::Insn));
  std::ranges::copy(code, std::as_writable_bytes(std::span(insns)).begin());
  control::ProgramLoadRequest request;
  request.prog_type = TRY(params.number<std::uint32_t>("prog_type", kProgramTypes));
  request.insns = insns;
  request.license = TRY(params.text_or("license", ""));
  request.prog_flags = TRY(params.number_or<std::uint32_t>("prog_flags", 0));
  request.prog_name = TRY(params.text_or("prog_name", ""));
  request.prog_ifindex = TRY(params.number_or<std::uint32_t>("prog_ifindex", 0));
  request.expected_attach_type =
      TRY(params.number_or<std::uint32_t>("expected_attach_type", 0, kAttachTypes));
  request.fd_array = TRY(read_descriptors(params, "fd_array"));
  request.fd_array_cnt = TRY(params.number_or<std::uint32_t>("fd_array_cnt", 0));
  return give_descriptor(call, TRY(control::load_program(call.session.client(), request)));
}

Json to_json(const std::vector<control::NamedHandle>& handles) {
  Json all = Json::array();
  for (const control::NamedHandle& one : handles)
    all.push_back({{"name", one.name}, {"fd", one.fd}, {"id", one.id}});
  return all;
}

Result<> load_object(Call& call) {
  const Params& params = call.params;
  control::ObjectLoadRequest request;
  request.bytes = TRY(read_content(call.session, params, "object"));
  request.name = TRY(params.text_or("name", "object"));
  request.pin_root_path = TRY(params.text_or("pin_root_path", ""));
  if (const Json* const programs = params.find("programs")) {
    std::vector<std::string>& wanted = request.options.programs.emplace();
    const bool is_list = programs->is_array() && std::ranges::all_of(*programs, &Json::is_string);
    if (!is_list) return refuse(kInvalidParams, "parameter 'programs' must be an array of names");
    for (const Json& name : *programs) wanted.push_back(name.get<std::string>());
  }
  if (const Json* const reuse = params.find("reuse")) {
    if (!reuse->is_object()) return refuse(kInvalidParams, "parameter 'reuse' must be like {\"map\": 3}");
    for (const auto& [name, fd] : reuse->items()) {
      request.reuse[name] = static_cast<int>(TRY(to_number(fd, "reuse", INT32_MIN, INT32_MAX)));
    }
  }
  const control::ObjectHandles handles = TRY(control::load_object(call.session.client(), std::move(request)));
  call.answer = {{"programs", to_json(handles.programs)}, {"maps", to_json(handles.maps)}};
  return {};
}

Result<> prog_dump_xlated(Call& call) {
  const auto insns =
      TRY(control::dump_xlated(call.session.client(), TRY(call.params.number<std::int32_t>("prog_fd"))));
  const control::DumpStyle style{.opcodes = TRY(call.params.flag("opcodes")),
                                 .linum = TRY(call.params.flag("linum"))};
  call.answer = {{"insns", describe(insns)}, {"text", control::to_text(insns, style)}};
  return {};
}

template <Result<std::uint32_t> (*kNext)(control::Client&, std::uint32_t)>
Result<> next_id(Call& call) {
  const auto start = TRY(call.params.number_or<std::uint32_t>("start_id", 0));
  call.answer = {{"next_id", TRY(kNext(call.session.client(), start))}};
  return {};
}

Result<> map_get_fd_by_id(Call& call) {
  const auto id = TRY(call.params.number<std::uint32_t>("id"));
  const auto flags = TRY(call.params.number_or<std::uint32_t>("open_flags", 0, kMapAccess));
  return give_descriptor(call, TRY(control::open_map(call.session.client(), id, flags)));
}

Result<> obj_get_info_by_fd(Call& call) {
  call.answer =
      describe(TRY(control::object_info(call.session.client(), TRY(call.params.number<std::int32_t>("fd")))));
  return {};
}

Result<> enable_stats(Call& call) {
  const auto type = TRY(call.params.number_or<std::uint32_t>("type", control::kStatsRunTime));
  return give_descriptor(call, TRY(control::enable_stats(call.session.client(), type)));
}

}  // namespace

std::span<const Method> object_methods() {
  static constexpr Method kMethods[] = {
      {.name = "bpf.prog_load",
       .handle = prog_load,
       .params = "prog_type insns license prog_flags prog_name prog_ifindex expected_attach_type fd_array "
                 "fd_array_cnt"},
      {.name = "bpf.load_object",
       .handle = load_object,
       .params = "object name programs reuse pin_root_path"},
      {.name = "bpf.prog_dump_xlated", .handle = prog_dump_xlated, .params = "prog_fd opcodes linum"},
      {.name = "bpf.prog_get_next_id",
       .handle = next_id<control::next_program_id>,
       .need = Need::kEngine,
       .params = "start_id"},
      {.name = "bpf.map_get_next_id",
       .handle = next_id<control::next_map_id>,
       .need = Need::kEngine,
       .params = "start_id"},
      {.name = "bpf.link_get_next_id",
       .handle = next_id<control::next_link_id>,
       .need = Need::kEngine,
       .params = "start_id"},
      {.name = "bpf.map_get_fd_by_id",
       .handle = map_get_fd_by_id,
       .need = Need::kEngine,
       .params = "id open_flags"},
      {.name = "bpf.obj_get_info_by_fd", .handle = obj_get_info_by_fd, .params = "fd"},
      {.name = "bpf.enable_stats", .handle = enable_stats, .need = Need::kEngine, .params = "type"},
  };
  return kMethods;
}

}  // namespace netkit::rpc
