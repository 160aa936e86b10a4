#include "netkit/link.h"

#include "api/states.h"

namespace netkit::v1 {

Position Position::head() {
  Position position;
  position.where_ = Where::kHead;
  return position;
}

Position Position::before(const Program& program) {
  Position position;
  position.where_ = Where::kBefore;
  position.relative_ = program.id();
  return position;
}

Position Position::after(const Program& program) {
  Position position;
  position.where_ = Where::kAfter;
  position.relative_ = program.id();
  return position;
}

Position Position::replace(const Program& program) {
  Position position;
  position.where_ = Where::kReplace;
  position.relative_ = program.id();
  return position;
}

Position Position::expecting(std::uint64_t revision) const {
  Position position = *this;
  position.revision_ = revision;
  return position;
}

Link::Link(std::unique_ptr<State> state) : state_(std::move(state)) {}
Link::~Link() = default;
Link::Link(Link&&) noexcept = default;
Link& Link::operator=(Link&&) noexcept = default;

control::LinkInfo Link::State::info() const {
  return request([this](control::Client& client) { return control::link_info(client, fd()).value(); });
}

std::uint32_t Link::id() const {
  return state_->info().id;
}

std::uint32_t Link::ifindex() const {
  return state_->info().ifindex;
}

Result<> Link::update(const Program& program) {
  return state_->request([&](control::Client& client) {
    control::LinkUpdateRequest request;
    request.link_fd = state_->fd();
    request.new_prog_fd = program.state_->fd();
    return detail::out(control::update_link(client, request));
  });
}

Result<> Link::detach() {
  return state_->request(
      [&](control::Client& client) { return detail::out(control::detach_link(client, state_->fd())); });
}

Result<> Link::pin(std::string_view path) const {
  return state_->pin(path);
}

}  // namespace netkit::v1
