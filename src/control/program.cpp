#include "control/program.h"

#include <fmt/format.h>

#include "bpf/exec/interpreter.h"
#include "bpf/exec/load.h"
#include "bpf/isa/tag.h"
#include "bpf/map/tables.h"
#include "bpf/object/image.h"
#include "control/object_name.h"
#include "control/program_maps.h"
#include "control/xlated.h"

namespace netkit::control {
namespace {

constexpr std::uint32_t kKnownFlags = kStrictAlignment | kAnyAlignment | kTestRndHi32 | kTestStateFreq |
                                      kSleepable | kXdpHasFrags | kXdpDevBoundOnly | kTestRegInvariants;

Failure no_capability() {
  return fail(EPERM, "loading a program needs a privileged client");
}

// What bpf_prog_load asks before the verifier sees the program. Program types that do not run here are the
// affair of prepare_interpreted.
Result<> check_request(const Client& client, const ProgramLoadRequest& request) {
  if ((request.prog_flags & ~kKnownFlags) != 0) return fail(EINVAL);
  if (!client.privileged()) return no_capability();
  if (request.insns.empty() || request.insns.size() > bpf::kMaxInsns)
    return fail(E2BIG, fmt::format("a program has 1 to {} instructions, not {}", bpf::kMaxInsns,
                                   request.insns.size()));
  if (request.prog_ifindex != 0) return fail(EINVAL, "programs are not offloaded to devices");
  return check_object_name(request.prog_name);
}

std::shared_ptr<bpf::ProgramImage> make_image(const ProgramLoadRequest& request) {
  auto image = std::make_shared<bpf::ProgramImage>();
  image->name = request.prog_name;
  image->type = static_cast<bpf::ProgramType>(request.prog_type);
  image->expected_attach_type = static_cast<bpf::AttachType>(request.expected_attach_type);
  image->license = request.license;
  image->gpl_compatible = bpf::is_gpl_compatible(request.license);
  image->insns.assign(request.insns.begin(), request.insns.end());
  image->functions.push_back(
      {.name = request.prog_name, .first = 0, .count = static_cast<std::uint32_t>(request.insns.size())});
  return image;
}

// bpf_obj_load_prog's reuse of maps: what the descriptors stand for.
Result<> fill_reuse(const Client& client, ObjectLoadRequest& request) {
  for (const auto& [name, fd] : request.reuse) {
    const Result<MapHandle> handle = client.get<MapHandle>(fd);
    if (!handle)
      return fail(handle.error().code, fmt::format("map '{}': descriptor {} is not a map", name, fd));
    request.options.reuse.insert_or_assign(name, handle->map);
  }
  return {};
}

// Pins below a directory of the client's tree, as libbpf makes them of LIBBPF_PIN_BY_NAME.
bpf::MapPins pins_below(Client& client, const std::string& directory) {
  const auto path = [directory](std::string_view map) { return fmt::format("{}/{}", directory, map); };
  constexpr std::uint32_t kReadAndWrite = 6;
  bpf::MapPins pins;
  pins.find = [&client, path](std::string_view map) -> Result<bpf::MapRef> {
    Result<PinnedObject> pinned = client.system().pins.get(client.credentials(), path(map), kReadAndWrite);
    if (!pinned && pinned.error().code == ENOENT) return bpf::MapRef{};
    const PinnedObject object = TRY(std::move(pinned));
    if (const auto* found = std::get_if<bpf::MapRef>(&object)) return *found;
    return fail(EINVAL, fmt::format("{} is no map; remove the pin", path(map)));
  };
  pins.add = [&client, path](std::string_view map, const bpf::MapRef& pinned) {
    return client.system().pins.pin(client.credentials(), path(map), pinned);
  };
  pins.remove = [&client, path](std::string_view map) {
    static_cast<void>(client.system().pins.unlink(client.credentials(), path(map)));
  };
  return pins;
}

}  // namespace

Result<int> load_program(Client& client, const ProgramLoadRequest& request) {
  TRY(check_request(client, request));
  const std::shared_ptr<bpf::ProgramImage> image = make_image(request);
  TRY(resolve_maps(client, request.fd_array, request.fd_array_cnt, *image));
  if ((request.prog_flags & kSleepable) != 0)
    return fail(EINVAL, "programs of this type cannot be sleepable");
  std::unique_ptr<bpf::Program> program = TRY(bpf::prepare_interpreted(image));
  program->tag = bpf::program_tag(request.insns);  // of the instructions as they came
  program->uid = client.uid();
  return client.open(bpf::ProgramTable::instance().publish(std::move(program)));
}

Result<ObjectHandles> load_object(Client& client, ObjectLoadRequest request) {
  if (!client.privileged()) return no_capability();
  TRY(fill_reuse(client, request));
  if (!request.pin_root_path.empty()) request.options.pins = pins_below(client, request.pin_root_path);
  const bpf::ObjectFile object =
      TRY(bpf::ObjectFile::parse(std::move(request.bytes), std::move(request.name)));
  const bpf::LoadedObject loaded = TRY(bpf::load_object(object, request.options, client.uid()));

  ObjectHandles handles;
  for (const bpf::ProgramRef& program : loaded.programs)
    handles.programs.push_back({.name = program->name, .fd = client.open(program), .id = program->id});
  for (const bpf::LinkedMap& map : loaded.maps)
    handles.maps.push_back({.name = map.name, .fd = client.open(MapHandle(map.map)), .id = map.map->id()});
  return handles;
}

Result<ProgramInfo> program_info(Client& client, int prog_fd) {
  if (client.find(prog_fd) == nullptr) return fail(EBADFD);
  const auto program = TRY(client.get<bpf::ProgramRef>(prog_fd));
  const bpf::ProgramImage& image = *program->image;
  constexpr std::uint64_t kPage = 4096;
  const std::uint64_t bytes = image.insns.size() * sizeof(bpf::Insn);

  ProgramInfo info{.type = static_cast<std::uint32_t>(program->type),
                   .id = program->id,
                   .tag = program->tag,
                   .load_time = program->load_time,
                   .created_by_uid = program->uid,
                   .name = short_name(program->name),
                   .full_name = program->name,
                   .gpl_compatible = program->gpl_compatible,
                   .expected_attach_type = static_cast<std::uint32_t>(program->expected_attach_type),
                   .memlock = (bytes + kPage - 1) / kPage * kPage};
  for (const bpf::MapRef& map : image.maps) info.map_ids.push_back(map->id());
  program->counters.for_each([&info](const bpf::ProgramCounters& cpu) {
    info.run_time_ns += cpu.nanoseconds.get();
    info.run_cnt += cpu.timed_runs.get();
    info.runs += cpu.runs.get();
    info.faults += cpu.faults.get();
  });
  if (!client.privileged()) return info;
  info.xlated_prog_insns = xlated_insns(image);
  info.xlated_prog_len = static_cast<std::uint32_t>(bytes);
  return info;
}

}  // namespace netkit::control
