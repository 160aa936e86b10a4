#include "netkit/program.h"

#include <algorithm>

#include "api/states.h"
#include "control/object.h"
#include "control/pins.h"

namespace netkit::v1 {

Program::Program(std::shared_ptr<const State> state) : state_(std::move(state)) {}
Program::~Program() = default;
Program::Program(const Program&) = default;
Program& Program::operator=(const Program&) = default;
Program::Program(Program&&) noexcept = default;
Program& Program::operator=(Program&&) noexcept = default;

control::ProgramInfo Program::State::info() const {
  return request([this](control::Client& client) { return control::program_info(client, fd()).value(); });
}

std::uint32_t Program::id() const {
  return state_->info().id;
}

std::string Program::name() const {
  return state_->info().full_name;
}

std::array<std::uint8_t, 8> Program::tag() const {
  return state_->info().tag;
}

ProgramCounters Program::counters() const {
  const control::ProgramInfo info = state_->info();
  return {.runs = info.runs, .nanoseconds = info.run_time_ns, .faults = info.faults};
}

Result<> Program::pin(std::string_view path) const {
  return state_->pin(path);
}

// ---- objects ----

namespace {

const control::NamedHandle* find(const std::vector<control::NamedHandle>& handles, std::string_view name) {
  const auto found = std::ranges::find(handles, name, &control::NamedHandle::name);
  return found != handles.end() ? &*found : nullptr;
}

std::unexpected<Error> no_such(std::string_view kind, std::string_view name,
                               const std::vector<control::NamedHandle>& handles) {
  std::string text = "the object has no " + std::string(kind) + " '" + std::string(name) + "'";
  for (const control::NamedHandle& handle : handles)
    text += (&handle == &handles.front() ? "; there are: " : ", ") + handle.name;
  return std::unexpected(Error{ENOENT, std::move(text)});
}

}  // namespace

Object::Object(std::unique_ptr<State> state) : state_(std::move(state)) {}
Object::~Object() = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(Object&&) noexcept = default;

Result<Program> Object::program(std::string_view name) const {
  const control::NamedHandle* const handle = find(state_->handles.programs, name);
  if (handle == nullptr) return no_such("program", name, state_->handles.programs);
  return Program(std::make_shared<const Program::State>(state_->engine, state_->copy(*handle)));
}

std::vector<Program> Object::programs() const {
  std::vector<Program> programs;
  for (const control::NamedHandle& handle : state_->handles.programs)
    programs.push_back(Program(std::make_shared<const Program::State>(state_->engine, state_->copy(handle))));
  return programs;
}

Result<Map> Object::map(std::string_view name) const {
  const control::NamedHandle* const handle = find(state_->handles.maps, name);
  if (handle == nullptr) return no_such("map", name, state_->handles.maps);
  return Map(std::make_shared<const Map::State>(state_->engine, state_->copy(*handle)));
}

std::vector<Map> Object::maps() const {
  std::vector<Map> maps;
  for (const control::NamedHandle& handle : state_->handles.maps)
    maps.push_back(Map(std::make_shared<const Map::State>(state_->engine, state_->copy(handle))));
  return maps;
}

}  // namespace netkit::v1
