#include "cli/tc/request.h"

#include <filesystem>

namespace netkit::cli::tc {
namespace {

std::uint16_t flags_of(Verb verb) {
  switch (verb) {
    case Verb::kAdd:
      return control::kCreate | control::kExclusive;
    case Verb::kReplace:
      return control::kCreate | control::kReplaceLink;
    default:
      return 0;
  }
}

// What a filter is called after its program, as tc does it.
std::string name_of(const ProgramSource& source) {
  if (const auto* const object = std::get_if<ObjectProgram>(&source)) {
    const std::string& member = object->function.empty() ? object->section : object->function;
    return std::filesystem::path(object->file).filename().string() + ":[" + member + "]";
  }
  if (const auto* const pinned = std::get_if<PinnedProgram>(&source)) return pinned->path + ":[*fsobj]";
  return {};
}

}  // namespace

control::TcRequest request_of(const QdiscCommand& command, std::uint32_t ifindex) {
  control::TcRequest request;
  request.flags = flags_of(command.verb);
  request.header.ifindex = static_cast<std::int32_t>(ifindex);
  request.header.parent = command.parent;
  request.header.handle = command.handle;
  control::AttributeWriter& attributes = request.attributes;
  if (!command.kind.empty()) attributes.text(control::kTcaKind, command.kind);
  if (command.ingress_block) attributes.u32(control::kTcaIngressBlock, *command.ingress_block);
  if (command.egress_block) attributes.u32(control::kTcaEgressBlock, *command.egress_block);
  return request;
}

control::TcRequest request_of(const FilterCommand& command, std::uint32_t ifindex,
                              std::optional<int> prog_fd) {
  control::TcRequest request;
  request.flags = flags_of(command.verb);
  request.header.ifindex = command.block ? control::kByBlock : static_cast<std::int32_t>(ifindex);
  request.header.parent = command.block.value_or(command.parent);
  request.header.handle = command.handle;
  request.header.info = std::uint32_t{command.priority} << 16U | command.protocol.raw();
  control::AttributeWriter& attributes = request.attributes;
  if (command.chain) attributes.u32(control::kTcaChain, *command.chain);
  if (command.kind.empty()) return request;
  attributes.text(control::kTcaKind, command.kind);
  if (!prog_fd) return request;

  control::AttributeWriter options;
  options.u32(control::kTcaBpfFd, static_cast<std::uint32_t>(*prog_fd));
  if (const std::string name = name_of(command.program); !name.empty())
    options.text(control::kTcaBpfName, name);
  if (command.direct_action) options.u32(control::kTcaBpfFlags, control::kBpfDirectAction);
  if (command.gen_flags != 0) options.u32(control::kTcaBpfFlagsGen, command.gen_flags);
  if (command.classid != 0) options.u32(control::kTcaBpfClassid, command.classid);
  attributes.nest(control::kTcaOptions, options);
  return request;
}

}  // namespace netkit::cli::tc
