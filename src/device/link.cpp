#include "device/link.h"

#include <map>
#include <mutex>

#include "device/device.h"

namespace netkit::device {

struct LinkTable::State {
  mutable std::mutex mutex;
  std::uint32_t last_id = 0;
  std::map<std::uint32_t, std::weak_ptr<Link>> links;
};

LinkTable::LinkTable() : state_(std::make_unique<State>()) {}
LinkTable::~LinkTable() = default;

LinkTable& LinkTable::instance() {
  static LinkTable table;
  return table;
}

LinkRef LinkTable::find(std::uint32_t id) const {
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->links.find(id);
  return found != state_->links.end() ? found->second.lock() : nullptr;
}

std::vector<std::uint32_t> LinkTable::ids() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<std::uint32_t> ids;
  for (const auto& [id, link] : state_->links) ids.push_back(id);
  return ids;
}

std::uint32_t LinkTable::reserve() {
  const std::lock_guard lock(state_->mutex);
  return ++state_->last_id;
}

void LinkTable::insert(const LinkRef& link) {
  const std::lock_guard lock(state_->mutex);
  state_->links[link->id()] = link;
}

void LinkTable::erase(std::uint32_t id) {
  const std::lock_guard lock(state_->mutex);
  state_->links.erase(id);
}

Link::Link(Network& network, AttachPoint point, bpf::ProgramRef program)
    : network_(&network), id_(LinkTable::instance().reserve()), point_(point), program_(std::move(program)) {}

Result<LinkRef> Link::create(const Rtnl& rtnl, Network& network, const AttachPoint& point,
                             ListRequest request) {
  std::unique_ptr<Link> link(new Link(network, point, request.program));
  request.owner = link.get();
  request.replaced = nullptr;
  TRY(point.list->attach(rtnl, request));
  LinkRef reference(link.release(), [](Link* last) {
    LinkTable::instance().erase(last->id_);
    {
      const Rtnl lock = last->network_->lock();
      last->detach(lock);
    }
    delete last;
  });
  LinkTable::instance().insert(reference);
  return reference;
}

LinkType Link::type() const {
  const bool netkit =
      point_.type == bpf::AttachType::kNetkitPrimary || point_.type == bpf::AttachType::kNetkitPeer;
  return netkit ? LinkType::kNetkit : LinkType::kTcx;
}

Result<> Link::update(const Rtnl& rtnl, bpf::ProgramRef program, const bpf::Program* expected) {
  if (point_.list == nullptr) return fail(ENOLINK);
  if (expected != nullptr && expected != program_.get()) return fail(EPERM);
  if (program->type != program_->type) return fail(EINVAL);
  TRY(point_.list->update(rtnl, *this, program));
  program_ = std::move(program);
  return {};
}

void Link::detach(const Rtnl& rtnl) {
  if (point_.list == nullptr) return;
  point_.list->remove(rtnl, *this);
  orphan();
}

}  // namespace netkit::device
