#include "control/rpc/describe_objects.h"

#include <nlohmann/json.hpp>

#include "control/rpc/bytes.h"

namespace netkit::rpc {
namespace {

Json describe_kind(const control::ProgramInfo& info) {
  return {{"object", "prog"},
          {"type", info.type},
          {"id", info.id},
          {"tag", to_hex(info.tag)},
          {"jited_prog_len", info.jited_prog_len},
          {"xlated_prog_len", info.xlated_prog_len},
          {"load_time", info.load_time},
          {"created_by_uid", info.created_by_uid},
          {"map_ids", info.map_ids},
          {"name", info.name},
          {"full_name", info.full_name},
          {"ifindex", info.ifindex},
          {"gpl_compatible", info.gpl_compatible},
          {"btf_id", info.btf_id},
          {"run_time_ns", info.run_time_ns},
          {"run_cnt", info.run_cnt},
          {"recursion_misses", info.recursion_misses},
          {"verified_insns", info.verified_insns},
          {"expected_attach_type", info.expected_attach_type},
          {"memlock", info.memlock},
          {"runs", info.runs},
          {"faults", info.faults}};
}

Json describe_kind(const control::MapInfo& info) {
  return {{"object", "map"},
          {"type", info.type},
          {"id", info.id},
          {"key_size", info.key_size},
          {"value_size", info.value_size},
          {"max_entries", info.max_entries},
          {"map_flags", info.map_flags},
          {"name", info.name},
          {"full_name", info.full_name},
          {"ifindex", info.ifindex},
          {"btf_id", info.btf_id},
          {"btf_key_type_id", info.btf_key_type_id},
          {"btf_value_type_id", info.btf_value_type_id},
          {"map_extra", info.map_extra},
          {"frozen", info.frozen},
          {"memlock", info.memlock}};
}

Json describe_kind(const control::LinkInfo& info) {
  return {{"object", "link"},        {"type", info.type},       {"id", info.id},
          {"prog_id", info.prog_id}, {"ifindex", info.ifindex}, {"attach_type", info.attach_type}};
}

}  // namespace

Json describe(const control::ObjectInfo& info) {
  return std::visit([](const auto& one) { return describe_kind(one); }, info);
}

Json describe(const control::LinkInfo& info) {
  return describe_kind(info);
}

Json describe(std::span<const control::XlatedInsn> insns) {
  Json all = Json::array();
  for (const control::XlatedInsn& insn : insns) {
    Json one{
        {"at", insn.at}, {"disasm", insn.disasm}, {"opcodes", to_hex(std::as_bytes(std::span(insn.slots)))}};
    if (!insn.proto.empty()) one["proto"] = insn.proto;
    if (!insn.src.empty()) {
      one["src"] = insn.src;
      one["file"] = insn.file;
      one["line_num"] = insn.line_num;
      one["line_col"] = insn.line_col;
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace netkit::rpc
