// Operations on programs and links: JSON to requests of control/attach.h, and what recording programs saw.
#include "bpf/map/tables.h"
#include "conformance/scenario.h"
#include "control/attach.h"
#include "device/link.h"
#include "device/namespace.h"

namespace netkit::conformance {
namespace {

using control::AttachRequest;
using nlohmann::json;

constexpr int kBadDescriptor = 999'999;        // not open
constexpr std::uint32_t kBadId = 0x7fff'ffff;  // nobody has it

struct Named32 {
  const char* word;
  std::uint32_t value;
};
constexpr Named32 kFlags[] = {
    {"replace", device::kReplace},
    {"before", device::kBefore},
    {"after", device::kAfter},
    {"id", device::kId},
    {"link", device::kLink},
    {"override", 1},
    {"multi", 2},
    {"preorder", 64},
};
constexpr Named32 kAttachPoints[] = {
    {"primary", 54}, {"peer", 55}, {"ingress", 46}, {"egress", 47}, {"xdp", 37},
};

std::uint32_t number_for(std::span<const Named32> words, const json& value) {
  if (value.is_number()) return static_cast<std::uint32_t>(value.get<std::int64_t>());
  for (const Named32& one : words) {
    if (value.get<std::string>() == one.word) return one.value;
  }
  return 0;
}

std::uint32_t flags_in(const json& arguments) {
  if (!arguments.contains("flags")) return 0;
  const json& flags = arguments["flags"];
  if (!flags.is_array()) return number_for(kFlags, flags);
  std::uint32_t value = 0;
  for (const json& flag : flags) value |= number_for(kFlags, flag);
  return value;
}

const char* attach_point_word(std::uint32_t type) {
  for (const Named32& one : kAttachPoints) {
    if (one.value == type) return one.word;
  }
  return "";
}

const char* packet_type_word(std::uint32_t type) {
  constexpr const char* kWords[] = {"host", "broadcast", "multicast", "otherhost", "outgoing"};
  return type < std::size(kWords) ? kWords[type] : "?";
}

}  // namespace

// The descriptor that a reference stands for.
int Scenario::descriptor(const json& reference) const {
  const auto name = reference.get<std::string>();
  if (name == "@0") return 0;
  if (name == "@bad") return kBadDescriptor;
  if (name == "@null") return other_fd_;
  if (name == "@map") return map_fd_;
  const auto found = objects_.find(name);
  return found != objects_.end() && found->second.fd >= 0 ? found->second.fd : kBadDescriptor;
}

// The relative object of a request, as a descriptor or an id.
std::uint32_t Scenario::relative(const json& arguments, std::uint32_t flags) const {
  if (!arguments.contains("rel")) return 0;
  const auto name = arguments["rel"].get<std::string>();
  if ((flags & device::kId) == 0 || name == "@0") return static_cast<std::uint32_t>(descriptor(name));
  const auto found = objects_.find(name);
  return found != objects_.end() ? found->second.id : kBadId;
}

AttachRequest Scenario::attach_request(const json& arguments) {
  const Target target = find_target(arguments.at("dev").get<std::string>());
  if (target.netns != nullptr) client_->enter(target.netns);
  AttachRequest request;
  request.target_ifindex = target.ifindex;
  request.attach_type = number_for(kAttachPoints, arguments.at("at"));
  request.flags = flags_in(arguments);
  request.relative = relative(arguments, request.flags);
  request.expected_revision = arguments.value("rev", std::uint64_t{0});
  if (arguments.contains("prog")) request.prog_fd = descriptor(arguments["prog"]);
  if (arguments.contains("replace")) request.replace_fd = descriptor(arguments["replace"]);
  return request;
}

json Scenario::load(const json& arguments) {
  const auto number_of = [this](const std::string& name) { return find_target(name).ifindex; };
  auto loaded = load_program(arguments, number_of);
  if (!loaded) return answer(std::unexpected(loaded.error()));
  const auto name = arguments.at("name").get<std::string>();
  remember(name, {.fd = client_->open(loaded->program), .id = loaded->program->id});
  loaded->program = nullptr;  // the descriptor holds it
  programs_[name] = *std::move(loaded);
  return answer({});
}

json Scenario::attach(const json& arguments) {
  return answer(control::attach_program(*client_, attach_request(arguments)));
}
json Scenario::detach(const json& arguments) {
  return answer(control::detach_program(*client_, attach_request(arguments)));
}

json Scenario::query(const json& arguments) {
  const AttachRequest point = attach_request(arguments);
  constexpr std::uint32_t kRoom = 64;
  const control::QueryRequest request{.target_ifindex = point.target_ifindex,
                                      .attach_type = point.attach_type,
                                      .query_flags = arguments.value("query_flags", 0U),
                                      .attach_flags = arguments.value("attach_flags", 0U),
                                      .room = arguments.value("count", kRoom),
                                      .wants_ids = !arguments.value("no_ids", false),
                                      .wants_links = !arguments.value("no_links", false)};
  control::QueryAnswer programs;
  const Result<> result = control::query_programs(*client_, request, programs);
  json answered = answer(result);
  if (!result && result.error().code != ENOSPC) return answered;
  answered["count"] = programs.count;
  answered["rev"] = programs.revision;
  answered["progs"] = json::array();
  for (const std::uint32_t id : programs.prog_ids) answered["progs"].push_back(object_name(id, false));
  if (request.wants_links) {
    answered["links"] = json::array();
    for (const std::uint32_t id : programs.link_ids) {
      answered["links"].push_back(id != 0 ? json(object_name(id, true)) : json(nullptr));
    }
  }
  return answered;
}

json Scenario::link_create(const json& arguments) {
  const auto fd = control::create_link_at(*client_, attach_request(arguments));
  if (!fd) return answer(std::unexpected(fd.error()));
  const auto info = control::link_info(*client_, *fd);
  remember(arguments.at("name").get<std::string>(), {.fd = *fd, .id = info->id, .is_link = true});
  return answer({});
}

json Scenario::link_update(const json& arguments) {
  control::LinkUpdateRequest request{.link_fd = descriptor(arguments.at("link")),
                                     .new_prog_fd = descriptor(arguments.at("new"))};
  if (arguments.contains("old")) {
    request.old_prog_fd = descriptor(arguments["old"]);
    request.flags = device::kReplace;
  }
  if (arguments.contains("flags")) request.flags = flags_in(arguments);
  return answer(control::update_link(*client_, request));
}

json Scenario::link_detach(const json& arguments) {
  return answer(control::detach_link(*client_, descriptor(arguments.at("link"))));
}

json Scenario::link_info(const json& arguments) {
  const auto info = control::link_info(*client_, descriptor(arguments.at("link")));
  if (!info) return answer(std::unexpected(info.error()));
  const bool netkit = info->type == static_cast<std::uint32_t>(device::LinkType::kNetkit);
  json answered = answer({});
  answered["type"] = netkit ? "netkit" : "tcx";
  answered["prog"] = object_name(info->prog_id, false);
  answered["dev"] = device_of_link(info->id);
  answered["at"] = attach_point_word(info->attach_type);
  return answered;
}

json Scenario::close(const json& arguments) {
  const auto found = objects_.find(arguments.at("obj").get<std::string>());
  if (found == objects_.end() || found->second.fd < 0) return answer(fail(EBADF));
  return answer(client_->close(std::exchange(found->second.fd, -1)));
}

json Scenario::alive(const json& arguments) {
  json answered = answer({});
  const auto found = objects_.find(arguments.at("obj").get<std::string>());
  answered["alive"] =
      found != objects_.end() &&
      (found->second.is_link ? device::LinkTable::instance().find(found->second.id) != nullptr
                             : bpf::ProgramTable::instance().find(found->second.id) != nullptr);
  return answered;
}

json Scenario::reopen(const json& arguments) {
  const auto found = objects_.find(arguments.at("obj").get<std::string>());
  if (found == objects_.end()) return answer(fail(ENOENT));
  const Named object = found->second;
  const auto fd =
      object.is_link ? control::open_link(*client_, object.id) : control::open_program(*client_, object.id);
  if (!fd) return answer(std::unexpected(fd.error()));
  remember(arguments.at("name").get<std::string>(), {.fd = *fd, .id = object.id, .is_link = object.is_link});
  return answer({});
}

json Scenario::progstat(const json& arguments) {
  const auto found = programs_.find(arguments.at("prog").get<std::string>());
  if (found == programs_.end()) return answer(fail(ENOENT));
  const Record record = read_record(found->second);
  json answered = answer({});
  answered["count"] = record.count;
  if (record.count == 0) return answered;

  const device::NamespaceRef netns = find_netns(arguments.value("ns", "host"));
  answered["len"] = record.len;
  answered["linear"] = record.linear;
  answered["pkt_type"] = packet_type_word(record.pkt_type);
  answered["mark"] = record.mark;
  answered["prio"] = record.priority;
  answered["proto"] = hex_protocol(Be16::from_raw(static_cast<std::uint16_t>(record.protocol)));
  answered["dev"] = device_name(netns, record.ifindex);
  answered["iif"] = device_name(netns, record.ingress_ifindex);
  answered["vlan"] = record.vlan_present != 0 ? json(record.vlan_tci) : json(-1);
  answered["qmap"] = record.queue_mapping;
  answered["tc_index"] = record.tc_index;
  answered["tc_classid"] = record.tc_classid;
  answered["cb0"] = record.cb0;
  answered["head"] = hex({record.head, record.head_len});
  if (record.gso_segs != 0) answered["gso_segs"] = record.gso_segs;
  if (record.gso_size != 0) answered["gso_size"] = record.gso_size;
  if (found->second.helpers > 0)
    answered["rets"] = std::vector(record.results, record.results + found->second.helpers);
  return answered;
}

void Scenario::remember(const std::string& name, const Named& object) {
  objects_[name] = object;
  first_names_.emplace(std::pair(object.is_link, object.id), name);
}

std::string Scenario::object_name(std::uint32_t id, bool is_link) const {
  const auto found = first_names_.find({is_link, id});
  return found != first_names_.end() ? found->second : "?";
}

// The device of a link: the end whose list it is in, wherever that is; 0 once it has gone.
json Scenario::device_of_link(std::uint32_t id) {
  const device::LinkRef link = device::LinkTable::instance().find(id);
  if (link == nullptr) return 0;
  const device::Rtnl rtnl = network_.lock();
  const device::Device* const device = link->device(rtnl);
  if (device == nullptr) return 0;
  return label(device->netns()->name(), device->name());
}

// The name of a device by its number in a namespace; 0 for none, the number itself when there is no such
// device.
json Scenario::device_name(const device::NamespaceRef& netns, std::uint32_t ifindex) {
  if (ifindex == 0 || netns == nullptr) return ifindex;
  const device::Rtnl rtnl = network_.lock();
  const device::DeviceRef device = netns->find(rtnl, ifindex);
  return device != nullptr ? json(device->name()) : json(ifindex);
}

}  // namespace netkit::conformance
