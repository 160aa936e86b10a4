// The tree of pins: what bpffs is to the kernel (kernel/bpf/inode.c), for all clients of an engine. It lives
// as long as the engine.
//
// Names begin with the mount point, /sys/fs/bpf; nothing of the file system below it is touched. One mutex
// guards the tree. It is held for the time of one request, never while a reference is let go of: the last
// reference of a link takes the configuration lock.
//
// The region of a pinned map gets a name in the region root, under the pin's path, and loses it when it is
// unpinned. A region whose map was pinned when the engine ended stays there as a file; a later engine does
// not take it over, and replaces it when a map is pinned at the same path.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "bpf/map/map.h"
#include "bpf/run/program.h"
#include "control/pin_path.h"
#include "device/link.h"

namespace netkit::control {

struct Credentials;

// What a pin holds. Maps by a bpf::user_reference.
using PinnedObject = std::variant<bpf::ProgramRef, bpf::MapRef, device::LinkRef>;

enum class PinKind : std::uint8_t { kDirectory, kProgram, kMap, kLink };

// What stat(2) and the object's id say.
struct PinEntry {
  std::string name{};  // the last part of the path
  PinKind kind = PinKind::kDirectory;
  std::uint32_t id = 0;    // of the object; 0: a directory
  std::uint32_t mode = 0;  // permission bits
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

// Rights by owner, group and mode, as for files: EACCES; who is privileged passes. Paths: ENOENT, ENOTDIR,
// ENAMETOOLONG; EPERM for names with a '.', which bpffs reserves, and for what is outside the mount point.
class PinTree {
 public:
  PinTree();
  ~PinTree();
  PinTree(const PinTree&) = delete;
  PinTree& operator=(const PinTree&) = delete;

  // Where the regions of pinned maps get their names, and new regions are made (bpf::set_map_root). Before
  // the first map is created; the directory must exist. Without one no region outlives the engine.
  void keep_regions_in(std::string directory);

  // BPF_OBJ_PIN. EEXIST.
  Result<> pin(const Credentials& who, std::string_view path, PinnedObject object);
  // BPF_OBJ_GET. `access`: 4 to read, 2 to write. EACCES also: a directory, or outside the mount point.
  [[nodiscard]] Result<PinnedObject> get(const Credentials& who, std::string_view path, std::uint32_t access);
  // unlink(2). EISDIR.
  Result<> unlink(const Credentials& who, std::string_view path);
  // mkdir(2), rmdir(2). EEXIST, ENOTEMPTY; EBUSY for the mount point itself.
  Result<> make_directory(const Credentials& who, std::string_view path, std::uint32_t mode = 0777);
  Result<> remove_directory(const Credentials& who, std::string_view path);
  // Entries by name. ENOTDIR.
  [[nodiscard]] Result<std::vector<PinEntry>> list(const Credentials& who, std::string_view path) const;
  [[nodiscard]] Result<PinEntry> stat(const Credentials& who, std::string_view path) const;
  // chmod(2), chown(2). EPERM: not the owner's to do.
  Result<> change_mode(const Credentials& who, std::string_view path, std::uint32_t mode);
  Result<> change_owner(const Credentials& who, std::string_view path, std::uint32_t uid, std::uint32_t gid);

  // The paths at which an object is pinned, for `show -f`.
  [[nodiscard]] std::vector<std::string> paths_of(PinKind kind, std::uint32_t id) const;

 private:
  struct Node;
  // Where a path leads: the directory of its last part, that part, and what is there.
  struct Place {
    Node* parent = nullptr;  // null: the path is the mount point itself
    std::string name{};
    Node* node = nullptr;     // null: nothing
    std::string directory{};  // path of the parent below the mount point, ending with '/' if not empty
  };

  [[nodiscard]] Result<Place> walk(const Credentials& who, const PinPath& path) const;
  [[nodiscard]] Result<Node*> find(const Credentials& who, std::string_view path, int outside = EPERM) const;
  static Result<> allow_delete(const Credentials& who, const Place& place);
  // Takes an entry out; the caller lets go of it when the mutex is released.
  static std::unique_ptr<Node> take(const Place& place);

  mutable std::mutex mutex_;
  std::unique_ptr<Node> root_;
  std::string region_root_{};
};

}  // namespace netkit::control
