// Where a thing stands in a topology file, and references from one thing to another by position in the lists
// of Topology: a topology that parsed holds no dangling reference.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace netkit::topology {

// A position in the file, counted from 1.
struct Where {
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};

// Index into Topology::namespaces; 0 is always the host namespace.
using NamespaceIndex = std::size_t;
inline constexpr NamespaceIndex kHostNamespace = 0;

// Index into Topology::ends.
using EndIndex = std::size_t;

// A program or a map of an object file, written OBJECT.NAME. Whether the object holds it is known once the
// object is opened: check_object.
struct ObjectMember {
  std::size_t object = 0;  // index into Topology::objects
  std::string name;        // of the program's function, or of the map
  Where where;

  friend bool operator==(const ObjectMember& a, const ObjectMember& b) {
    return a.object == b.object && a.name == b.name;
  }
};

}  // namespace netkit::topology
