#include "control/pin_tree.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <type_traits>

#include "control/client.h"
#include "control/region_file.h"

namespace netkit::control {
namespace {

constexpr std::uint32_t kRead = 4, kWrite = 2, kSearch = 1;
constexpr std::uint32_t kSticky = 01000;
constexpr std::uint32_t kModeBits = 07777;
constexpr std::uint32_t kPinMode = 0600;
constexpr std::size_t kNameMax = 255;
constexpr std::string_view kNoDirectory = "it is no directory";

Failure refuse(int code, std::string_view path, std::string_view why) {
  return fail(code, fmt::format("'{}': {}", path, why));
}

PinKind kind_of(const PinnedObject& object) {
  return static_cast<PinKind>(object.index() + 1);
}
static_assert(std::is_same_v<std::variant_alternative_t<0, PinnedObject>, bpf::ProgramRef> &&
              std::is_same_v<std::variant_alternative_t<1, PinnedObject>, bpf::MapRef>);

std::uint32_t id_of(const PinnedObject& object) {
  if (const auto* program = std::get_if<bpf::ProgramRef>(&object)) return (*program)->id;
  if (const auto* map = std::get_if<bpf::MapRef>(&object)) return (*map)->id();
  return std::get<device::LinkRef>(object)->id();
}

}  // namespace

struct PinTree::Node {
  std::uint32_t mode = 0;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::optional<PinnedObject> object = std::nullopt;  // none: a directory
  std::map<std::string, std::unique_ptr<Node>, std::less<>> entries{};

  [[nodiscard]] bool is_directory() const { return !object; }

  // generic_permission
  [[nodiscard]] Result<> allow(const Credentials& who, std::uint32_t access) const {
    if (who.privileged) return {};
    const std::uint32_t shift = who.uid == uid ? 6 : who.gid == gid ? 3 : 0;
    if ((mode >> shift & access) != access) return fail(EACCES);
    return {};
  }

  [[nodiscard]] Result<> allow_owner(const Credentials& who) const {
    if (!who.privileged && who.uid != uid) return fail(EPERM);
    return {};
  }

  // bpf_lookup: null where nothing is.
  [[nodiscard]] Result<Node*> lookup(std::string_view name) const {
    if (const auto found = entries.find(name); found != entries.end()) return found->second.get();
    if (name.contains('.')) return refuse(EPERM, name, "names with a '.' are reserved");
    if (name.size() > kNameMax) return fail(ENAMETOOLONG, "a name is longer than 255 bytes");
    return nullptr;
  }

  [[nodiscard]] PinEntry describe(std::string name) const {
    return {.name = std::move(name),
            .kind = object ? kind_of(*object) : PinKind::kDirectory,
            .id = object ? id_of(*object) : 0,
            .mode = mode,
            .uid = uid,
            .gid = gid};
  }
};

PinTree::PinTree()
    : root_(std::make_unique<Node>(Node{.mode = kSticky | 0700, .uid = ::geteuid(), .gid = ::getegid()})) {}
PinTree::~PinTree() = default;

void PinTree::keep_regions_in(std::string directory) {
  bpf::set_map_root(directory);
  const std::lock_guard lock(mutex_);
  region_root_ = std::move(directory);
}

Result<PinTree::Place> PinTree::walk(const Credentials& who, const PinPath& path) const {
  struct Step {
    Node* directory;
    std::string_view name;
  };
  std::vector<Step> above;
  Node* at = root_.get();
  for (std::size_t i = 0; i < path.parts.size(); ++i) {
    const std::string_view name = path.parts[i];
    const bool last = i + 1 == path.parts.size();
    if (!at->is_directory()) return fail(ENOTDIR);
    TRY(at->allow(who, kSearch));
    if (name == "..") {
      if (above.empty()) return fail(EPERM, fmt::format("the path leads out of {}", kPinMount));
      at = above.back().directory;
      above.pop_back();
      continue;
    }
    above.push_back({at, name});
    at = TRY(at->lookup(name));
    if (at == nullptr && !last) return fail(ENOENT);
  }
  if (above.empty()) return Place{.node = at};
  Place place{.parent = above.back().directory, .name = std::string(above.back().name), .node = at};
  above.pop_back();
  for (const Step& step : above) place.directory.append(step.name).append("/");
  return place;
}

Result<PinTree::Node*> PinTree::find(const Credentials& who, std::string_view path, int outside) const {
  const PinPath parsed = TRY(parse_pin_path(path, outside));
  const Place place = TRY(walk(who, parsed));
  if (place.node == nullptr) return refuse(ENOENT, path, "there is no such pin");
  if (parsed.wants_directory && !place.node->is_directory()) return refuse(ENOTDIR, path, kNoDirectory);
  return place.node;
}

Result<> PinTree::pin(const Credentials& who, std::string_view path, PinnedObject object) {
  const PinPath parsed = TRY(parse_pin_path(path));
  const std::lock_guard lock(mutex_);
  const Place place = TRY(walk(who, parsed));
  if (place.node != nullptr) return refuse(EEXIST, path, "something is pinned there, or it is a directory");
  if (parsed.wants_directory) return refuse(ENOENT, path, "a pin's path does not end with '/'");
  TRY(place.parent->allow(who, kWrite | kSearch));
  if (const auto* map = std::get_if<bpf::MapRef>(&object); map != nullptr && !region_root_.empty())
    TRY(name_region(region_root_, place.directory + place.name, **map));
  place.parent->entries.emplace(
      place.name, std::make_unique<Node>(
                      Node{.mode = kPinMode, .uid = who.uid, .gid = who.gid, .object = std::move(object)}));
  return {};
}

Result<PinnedObject> PinTree::get(const Credentials& who, std::string_view path, std::uint32_t access) {
  const std::lock_guard lock(mutex_);
  const Node* const node = TRY(find(who, path, EACCES));
  TRY(node->allow(who, access));
  if (node->is_directory()) return refuse(EACCES, path, "it is a directory");
  return *node->object;
}

// may_delete
Result<> PinTree::allow_delete(const Credentials& who, const Place& place) {
  TRY(place.parent->allow(who, kWrite | kSearch));
  const bool sticky = (place.parent->mode & kSticky) != 0;
  if (sticky && !place.parent->allow_owner(who)) TRY(place.node->allow_owner(who));
  return {};
}

std::unique_ptr<PinTree::Node> PinTree::take(const Place& place) {
  return std::move(place.parent->entries.extract(place.name).mapped());
}

Result<> PinTree::unlink(const Credentials& who, std::string_view path) {
  const PinPath parsed = TRY(parse_pin_path(path));
  std::unique_ptr<Node> removed;  // its reference goes when the mutex is released
  const std::lock_guard lock(mutex_);
  const Place place = TRY(walk(who, parsed));
  if (place.parent == nullptr) return refuse(EISDIR, path, "it is a directory");
  if (place.node == nullptr) return refuse(ENOENT, path, "there is no such pin");
  if (parsed.wants_directory && !place.node->is_directory()) return refuse(ENOTDIR, path, kNoDirectory);
  TRY(allow_delete(who, place));
  if (place.node->is_directory()) return refuse(EISDIR, path, "it is a directory");
  removed = take(place);
  if (std::holds_alternative<bpf::MapRef>(*removed->object) && !region_root_.empty())
    forget_region(region_root_, place.directory + place.name);
  return {};
}

Result<> PinTree::make_directory(const Credentials& who, std::string_view path, std::uint32_t mode) {
  const PinPath parsed = TRY(parse_pin_path(path));
  const std::lock_guard lock(mutex_);
  const Place place = TRY(walk(who, parsed));
  if (place.node != nullptr) return refuse(EEXIST, path, "it exists");
  TRY(place.parent->allow(who, kWrite | kSearch));
  place.parent->entries.emplace(
      place.name,
      std::make_unique<Node>(Node{.mode = mode & (0777 | kSticky), .uid = who.uid, .gid = who.gid}));
  return {};
}

Result<> PinTree::remove_directory(const Credentials& who, std::string_view path) {
  const PinPath parsed = TRY(parse_pin_path(path));
  const std::lock_guard lock(mutex_);
  const Place place = TRY(walk(who, parsed));
  if (place.parent == nullptr) return refuse(EBUSY, path, "it is the mount point");
  if (place.node == nullptr) return refuse(ENOENT, path, "there is no such directory");
  TRY(allow_delete(who, place));
  if (!place.node->is_directory()) return refuse(ENOTDIR, path, kNoDirectory);
  if (!place.node->entries.empty()) return refuse(ENOTEMPTY, path, "it holds pins");
  take(place);
  return {};
}

Result<std::vector<PinEntry>> PinTree::list(const Credentials& who, std::string_view path) const {
  const std::lock_guard lock(mutex_);
  const Node* const directory = TRY(find(who, path));
  if (!directory->is_directory()) return refuse(ENOTDIR, path, kNoDirectory);
  TRY(directory->allow(who, kRead));
  std::vector<PinEntry> entries;
  for (const auto& [name, node] : directory->entries) entries.push_back(node->describe(name));
  return entries;
}

Result<PinEntry> PinTree::stat(const Credentials& who, std::string_view path) const {
  const std::lock_guard lock(mutex_);
  const Node* const node = TRY(find(who, path));
  return node->describe(std::string(path.substr(path.rfind('/') + 1)));
}

Result<> PinTree::change_mode(const Credentials& who, std::string_view path, std::uint32_t mode) {
  const std::lock_guard lock(mutex_);
  Node* const node = TRY(find(who, path));
  TRY(node->allow_owner(who));
  node->mode = mode & kModeBits;
  return {};
}

// Giving away what one owns takes a capability.
Result<> PinTree::change_owner(const Credentials& who, std::string_view path, std::uint32_t uid,
                               std::uint32_t gid) {
  const std::lock_guard lock(mutex_);
  Node* const node = TRY(find(who, path));
  const bool own_group = node->uid == who.uid && uid == who.uid && (gid == who.gid || gid == node->gid);
  if (!who.privileged && !own_group) return refuse(EPERM, path, "only a privileged client gives it away");
  node->uid = uid;
  node->gid = gid;
  return {};
}

std::vector<std::string> PinTree::paths_of(PinKind kind, std::uint32_t id) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> paths;
  const auto visit = [&](const auto& self, const Node& directory, const std::string& path) -> void {
    for (const auto& [name, node] : directory.entries) {
      const std::string below = path + "/" + name;
      if (node->is_directory()) {
        self(self, *node, below);
      } else if (kind_of(*node->object) == kind && id_of(*node->object) == id) {
        paths.push_back(below);
      }
    }
  };
  visit(visit, *root_, std::string(kPinMount));
  return paths;
}

}  // namespace netkit::control
