#include "netkit/engine.h"

#include <fstream>
#include <iterator>

#include "api/states.h"
#include "control/attach.h"
#include "control/netns.h"
#include "control/object.h"
#include "control/pins.h"

namespace netkit::v1 {
namespace {

netkit::Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail_errno(path.string());
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
  const auto begin = reinterpret_cast<const std::byte*>(bytes.data());
  return std::vector<std::byte>(begin, begin + bytes.size());
}

}  // namespace

Engine::Engine(std::shared_ptr<detail::EngineState> state) : state_(std::move(state)) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

Result<Engine> Engine::start(const EngineOptions& options) {
  engine::EngineOptions wanted;
  wanted.workers = options.workers;
  wanted.worker.trace = options.trace;
  wanted.worker.trace_self = options.trace_self;
  auto engine = engine::Engine::start(wanted);
  if (!engine) return detail::out(engine.error());
  return Engine(std::make_shared<detail::EngineState>(std::move(*engine)));
}

Result<Namespace> Engine::add_namespace(std::string_view name) {
  auto added = state_->request([&](control::Client& client) { return control::add_namespace(client, name); });
  if (!added) return detail::out(added.error());
  return Namespace(std::make_shared<const Namespace::State>(state_, std::move(*added)));
}

Result<Namespace> Engine::find_namespace(std::string_view name) const {
  const device::Rtnl rtnl = state_->network().lock();
  device::NamespaceRef found = state_->network().find_namespace(rtnl, name);
  if (found == nullptr) return std::unexpected(Error{ENOENT, "no namespace '" + std::string(name) + "'"});
  return Namespace(std::make_shared<const Namespace::State>(state_, std::move(found)));
}

Result<Object> Engine::load(const std::filesystem::path& file, const LoadOptions& options) {
  auto bytes = read_file(file);
  if (!bytes) return detail::out(bytes.error());
  control::ObjectLoadRequest request{.bytes = std::move(*bytes), .name = file.string()};
  if (!options.programs.empty()) request.options.programs = options.programs;
  for (const auto& [name, value] : options.variables) request.options.variables.emplace(name, value);
  auto loaded = state_->request(
      [&](control::Client& client) { return control::load_object(client, std::move(request)); });
  if (!loaded) return detail::out(loaded.error());
  return Object(std::make_unique<Object::State>(state_, std::move(*loaded)));
}

Result<Program> Engine::program(std::uint32_t id) const {
  const auto fd = state_->request([&](control::Client& client) { return control::open_program(client, id); });
  if (!fd) return detail::out(fd.error());
  return Program(std::make_shared<const Program::State>(state_, *fd));
}

Result<Map> Engine::map(std::uint32_t id) const {
  const auto fd = state_->request([&](control::Client& client) { return control::open_map(client, id); });
  if (!fd) return detail::out(fd.error());
  return Map(std::make_shared<const Map::State>(state_, *fd));
}

// What a pin holds must be of the kind that the handle is for.
template <class Handle, class Held>
Result<Handle> Engine::pinned(std::string_view path, std::string_view kind) const {
  const auto fd = state_->request([&](control::Client& client) -> netkit::Result<int> {
    const int opened = TRY(control::open_pin(client, path));
    if (client.get<Held>(opened)) return opened;
    (void)client.close(opened);
    return fail(EINVAL, "what is pinned at " + std::string(path) + " is no " + std::string(kind));
  });
  if (!fd) return detail::out(fd.error());
  return Handle(std::make_shared<const typename Handle::State>(state_, *fd));
}

Result<Program> Engine::pinned_program(std::string_view path) const {
  return pinned<Program, bpf::ProgramRef>(path, "program");
}

Result<Map> Engine::pinned_map(std::string_view path) const {
  return pinned<Map, control::MapHandle>(path, "map");
}

}  // namespace netkit::v1
