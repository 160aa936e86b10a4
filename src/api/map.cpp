#include "netkit/map.h"

#include "api/states.h"
#include "control/map.h"

namespace netkit::v1 {

Map::Map(std::shared_ptr<const State> state) : state_(std::move(state)) {}
Map::~Map() = default;
Map::Map(const Map&) = default;
Map& Map::operator=(const Map&) = default;
Map::Map(Map&&) noexcept = default;
Map& Map::operator=(Map&&) noexcept = default;

control::MapInfo Map::State::info() const {
  return request([this](control::Client& client) { return control::map_info(client, fd()).value(); });
}

std::uint32_t Map::id() const {
  return state_->info().id;
}

std::string Map::name() const {
  return state_->info().full_name;
}

std::uint32_t Map::type() const {
  return state_->info().type;
}

std::uint32_t Map::key_size() const {
  return state_->info().key_size;
}

std::size_t Map::value_size() const {
  return state_->request([this](control::Client& client) {
    return client.get<control::MapHandle>(state_->fd()).value().map->user_value_size();
  });
}

std::uint32_t Map::max_entries() const {
  return state_->info().max_entries;
}

Result<> Map::lookup(std::span<const std::byte> key, std::span<std::byte> value) const {
  return state_->request([&](control::Client& client) -> Result<> {
    const auto found = control::lookup_element(client, state_->fd(), key);
    if (!found) return detail::out(found.error());
    if (found->size() != value.size()) return std::unexpected(Error{EINVAL, "the value has another size"});
    std::ranges::copy(*found, value.begin());
    return {};
  });
}

Result<> Map::update(std::span<const std::byte> key, std::span<const std::byte> value, Update how) const {
  return state_->request([&](control::Client& client) {
    return detail::out(
        control::update_element(client, state_->fd(), key, value, static_cast<std::uint64_t>(how)));
  });
}

Result<> Map::erase(std::span<const std::byte> key) const {
  return state_->request([&](control::Client& client) {
    return detail::out(control::delete_element(client, state_->fd(), key));
  });
}

Result<> Map::for_each(const std::function<bool(std::span<const std::byte> key,
                                                std::span<const std::byte> value)>& visit) const {
  const auto entries =
      state_->request([this](control::Client& client) { return control::dump_map(client, state_->fd()); });
  if (!entries) return detail::out(entries.error());
  for (const control::MapEntry& entry : *entries) {
    if (!visit(entry.key, entry.value)) break;
  }
  return {};
}

Result<> Map::pin(std::string_view path) const {
  return state_->pin(path);
}

}  // namespace netkit::v1
