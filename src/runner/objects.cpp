#include "runner/objects.h"

#include <algorithm>
#include <cstring>

#include "base/endian.h"
#include "control/attach.h"
#include "control/filter.h"
#include "control/qdisc.h"
#include "device/mprog.h"
#include "device/namespace.h"

namespace netkit::runner {
namespace {

topology::ObjectNames names_of(const bpf::ObjectFile& file) {
  topology::ObjectNames names;
  for (const bpf::ObjectFunction& function : file.contents().functions) {
    if (function.program) names.programs.emplace_back(function.name);
  }
  for (const bpf::MapDefinition& map : file.contents().maps) names.maps.push_back(map.spec.name);
  for (const bpf::DataSection& section : file.contents().data) names.maps.push_back(section.map_name);
  for (const bpf::Variable& variable : file.contents().variables) names.variables.emplace_back(variable.name);
  return names;
}

// Constants are known before anything runs: nothing of a running topology may be named in them.
topology::DatumNames no_names() {
  const auto refuse = [](const auto&) {
    return fail(EINVAL, "the value of a variable cannot refer to devices or programs");
  };
  return {refuse, refuse, refuse};
}

Result<bpf::LinkOptions> options_for(const topology::Topology& topology, const topology::Object& object,
                                     const bpf::ObjectFile& file) {
  bpf::LinkOptions options;
  for (const topology::VariableValue& wanted : object.variables) {
    const bpf::Variable* variable = file.find_variable(wanted.name);
    const auto bytes = topology::encode(wanted.value, variable != nullptr ? variable->size : 0, no_names());
    if (!bytes) return std::unexpected(topology::locate(topology, wanted.value.where, bytes.error()));
    std::vector<std::byte> raw(bytes->size());
    std::memcpy(raw.data(), bytes->data(), raw.size());
    options.variables.emplace(wanted.name, std::move(raw));
  }
  for (const topology::MapSize& size : object.map_sizes) {
    options.map_overrides[size.map].max_entries = size.max_entries;
  }
  return options;
}

std::span<const std::byte> as_bytes(const std::vector<std::uint8_t>& bytes) {
  return std::as_bytes(std::span(bytes));
}

std::uint64_t load_number(const std::byte* at, std::uint32_t size) {
  switch (size) {
    case 1:
      return load_unaligned<std::uint8_t>(at);
    case 2:
      return load_unaligned<std::uint16_t>(at);
    case 4:
      return load_unaligned<std::uint32_t>(at);
    default:
      return load_unaligned<std::uint64_t>(at);
  }
}

}  // namespace

Result<Objects> Objects::load(const topology::Topology& topology,
                              const std::filesystem::path& share_directory) {
  Objects objects(topology);
  for (std::size_t i = 0; i < topology.objects.size(); ++i) {
    const topology::Object& object = topology.objects[i];
    const auto located = [&](const Error& error) {
      return std::unexpected(topology::locate(topology, object.where, error));
    };
    const std::filesystem::path path =
        TRY(topology::find_file(topology, object.file, object.where, share_directory));
    const auto file = bpf::ObjectFile::read(path);
    if (!file) return located(file.error());
    TRY(topology::check_object(topology, i, names_of(*file)));
    const bpf::LinkOptions options = TRY(options_for(topology, object, *file));
    auto loaded = bpf::load_object(*file, options);
    if (!loaded) return located(loaded.error());
    objects.objects_.push_back(std::move(*loaded));
  }
  return objects;
}

bpf::ProgramRef Objects::program(const topology::ObjectMember& member) const {
  return objects_[member.object].find_program(member.name);
}

bpf::MapRef Objects::map(const topology::ObjectMember& member) const {
  return objects_[member.object].find_map(member.name);
}

topology::DatumNames Objects::names(Stage& stage) const {
  return {
      [&stage](topology::EndIndex end) -> Result<std::uint32_t> { return TRY(stage.device(end))->ifindex(); },
      [&stage](topology::EndIndex end) { return stage.mac(end); },
      [this](const topology::ObjectMember& member) -> Result<std::uint32_t> { return program(member)->id; },
  };
}

Result<> Objects::fill(const std::vector<topology::MapContents>& contents, Stage& stage) const {
  const topology::DatumNames known = names(stage);
  for (const topology::MapContents& content : contents) {
    const bpf::MapRef target = map(content.map);
    for (const topology::MapEntry& entry : content.entries) {
      const auto write = [&]() -> Result<> {
        const auto key = TRY(topology::encode(entry.key, target->spec().key_size, known));
        if (!entry.value) return target->remove(as_bytes(key));
        // One value for every CPU of a per-CPU map.
        const auto value = TRY(topology::encode(*entry.value, target->spec().value_size, known));
        std::vector<std::byte> copies(target->user_value_size());
        const std::size_t stride = copies.size() == value.size() ? value.size() : (value.size() + 7) / 8 * 8;
        for (std::size_t at = 0; at + value.size() <= copies.size(); at += stride) {
          std::memcpy(&copies[at], value.data(), value.size());
        }
        return target->write(as_bytes(key), copies, bpf::kAny);
      };
      if (const auto written = write(); !written) {
        return std::unexpected(topology::locate(*topology_, entry.where, written.error()));
      }
    }
  }
  return {};
}

Result<> Objects::attach(const std::vector<topology::Attachment>& attachments, Stage& stage) const {
  for (const topology::Attachment& attachment : attachments) {
    for (const topology::Placement& placement : attachment.programs) {
      TRY(attach_one(attachment.end, placement, stage, false));
    }
  }
  return {};
}

Result<> Objects::detach(const std::vector<topology::Attachment>& attachments, Stage& stage) const {
  for (const topology::Attachment& attachment : attachments) {
    for (const topology::Placement& placement : attachment.programs) {
      TRY(attach_one(attachment.end, placement, stage, true));
    }
  }
  return {};
}

// Programs are managed through the primary, for both ends.
Result<> Objects::attach_one(topology::EndIndex end, const topology::Placement& placement, Stage& stage,
                             bool detach) const {
  const auto owner = std::ranges::find_if(topology_->netkits, [end](const topology::Netkit& netkit) {
    return netkit.primary == end || netkit.peer == end;
  });
  const device::DeviceRef primary = TRY(stage.device(owner->primary));
  control::Client client(stage.system(), primary->netns()->shared_from_this());
  control::AttachRequest request;
  request.target_ifindex = primary->ifindex();
  request.prog_fd = client.open(program(placement.program));
  request.attach_type = static_cast<std::uint32_t>(end == owner->primary ? bpf::AttachType::kNetkitPrimary
                                                                         : bpf::AttachType::kNetkitPeer);
  const int relative = placement.relative ? client.open(program(*placement.relative)) : 0;
  switch (placement.anchor) {
    case topology::Anchor::kTail:
      break;
    case topology::Anchor::kHead:
      request.flags = device::kBefore;
      break;
    case topology::Anchor::kBefore:
    case topology::Anchor::kAfter:
      request.flags = placement.anchor == topology::Anchor::kBefore ? device::kBefore : device::kAfter;
      request.relative = static_cast<std::uint32_t>(relative);
      break;
    case topology::Anchor::kReplace:
      request.flags = device::kReplace;
      request.replace_fd = relative;
      break;
  }
  const auto done =
      detach ? control::detach_program(client, request) : control::attach_program(client, request);
  if (done) return {};
  Error error = done.error();
  error.text = topology_->ends[end].label + ": cannot " + (detach ? "detach " : "attach ") +
               placement.program.name + (error.text.empty() ? "" : ": " + error.text);
  return std::unexpected(topology::locate(*topology_, placement.program.where, std::move(error)));
}

Result<> Objects::add_filters(const std::vector<topology::ClassicFilter>& filters, Stage& stage) const {
  for (const topology::ClassicFilter& filter : filters) {
    const Result<> added = add_filter(filter, stage);
    if (added) continue;
    Error error = added.error();
    error.text = topology_->ends[filter.end].label + ": cannot add " + filter.program.name +
                 (error.text.empty() ? "" : ": " + error.text);
    return std::unexpected(topology::locate(*topology_, filter.program.where, std::move(error)));
  }
  return {};
}

Result<> Objects::add_filter(const topology::ClassicFilter& filter, Stage& stage) const {
  const device::DeviceRef device = TRY(stage.device(filter.end));
  control::System system{device->network()};
  control::Client client(system, device->netns()->shared_from_this());
  const auto ifindex = static_cast<std::int32_t>(device->ifindex());

  control::TcRequest qdisc;
  qdisc.flags = control::kCreate | control::kReplaceLink;
  qdisc.header = {.ifindex = ifindex, .handle = control::kIngressHandle, .parent = control::kIngressParent};
  qdisc.attributes.text(control::kTcaKind, "clsact");
  TRY(control::new_qdisc(client, qdisc));

  const bpf::ProgramRef program = this->program(filter.program);
  control::AttributeWriter options;
  options.u32(control::kTcaBpfFd, static_cast<std::uint32_t>(client.open(program)))
      .text(control::kTcaBpfName, topology_->objects[filter.program.object].name + ":[" + program->name + "]")
      .u32(control::kTcaBpfFlags, control::kBpfDirectAction);
  const bool ingress = filter.hook == topology::Hook::kIngress;
  control::TcRequest request;
  request.flags = control::kCreate | control::kExclusive;
  request.header = {.ifindex = ifindex,
                    .parent = ingress ? control::kIngressFilters : control::kEgressFilters,
                    .info = std::uint32_t{filter.priority} << 16U | filter.protocol.raw()};
  request.attributes.text(control::kTcaKind, "bpf").nest(control::kTcaOptions, options);
  return control::new_filter(client, request);
}

Result<std::uint64_t> Objects::count(const topology::MapCount& counter, Stage& stage) const {
  const bpf::MapRef target = map(counter.map);
  const auto key = TRY(topology::encode(counter.key, target->spec().key_size, names(stage)));
  std::vector<std::byte> value(target->user_value_size());
  if (const auto found = target->read(as_bytes(key), value); !found) {
    if (found.error().code == ENOENT) return 0;
    return std::unexpected(found.error());
  }
  const std::size_t one = target->spec().value_size;
  const std::size_t stride = value.size() == one ? one : (one + 7) / 8 * 8;
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at + counter.offset + counter.size <= value.size(); at += stride) {
    sum += load_number(&value[at + counter.offset], counter.size);
  }
  return sum;
}

std::vector<Objects::Named> Objects::programs() const {
  std::vector<Named> named;
  for (std::size_t i = 0; i < objects_.size(); ++i) {
    for (const bpf::ProgramRef& program : objects_[i].programs) {
      named.push_back({topology_->objects[i].name + "." + program->name, program});
    }
  }
  return named;
}

}  // namespace netkit::runner
