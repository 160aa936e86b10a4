// The maps of an object: created, taken over or, for data sections, filled.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "bpf/object/link.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

struct LinkedMaps {
  struct Entry {
    LinkedMap linked;
    // When `linked.map` is null: a map of a type that is not supported. It matters to programs that use it:
    // objects for many hooks define what only the others need.
    Error error{};
  };
  std::vector<Entry> entries;  // one for each of ObjectContents::maps, then one for each of ::data
  // Variables that the caller gave a map for: data section and offset.
  std::map<std::pair<std::uint32_t, std::uint32_t>, MapRef> variables;
  std::set<std::string_view> missing_settings;  // externs of .kconfig without a value
};

[[nodiscard]] Result<LinkedMaps> link_maps(const ObjectFile& object, const LinkOptions& options);

}  // namespace netkit::bpf
