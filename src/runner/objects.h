// The object files of a topology, loaded: programs and maps by reference, maps filled, programs attached.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "bpf/exec/load.h"
#include "runner/stage.h"
#include "topology/topology.h"

namespace netkit::runner {

class Objects {
 public:
  // Finds, checks and loads every object of the topology. Nothing of the machine is needed or changed.
  [[nodiscard]] static Result<Objects> load(const topology::Topology& topology,
                                            const std::filesystem::path& share_directory);

  [[nodiscard]] bpf::ProgramRef program(const topology::ObjectMember& member) const;
  [[nodiscard]] bpf::MapRef map(const topology::ObjectMember& member) const;

  // Writes (or deletes) the entries. Errors are located in the topology file.
  [[nodiscard]] Result<> fill(const std::vector<topology::MapContents>& contents, Stage& stage) const;
  [[nodiscard]] Result<> attach(const std::vector<topology::Attachment>& attachments, Stage& stage) const;
  [[nodiscard]] Result<> detach(const std::vector<topology::Attachment>& attachments, Stage& stage) const;

  // Classic programs; an end that has some gets its clsact qdisc.
  [[nodiscard]] Result<> add_filters(const std::vector<topology::ClassicFilter>& filters, Stage& stage) const;

  // The number at `offset` in the value of a map's entry; per-CPU values are summed. 0: no such entry.
  [[nodiscard]] Result<std::uint64_t> count(const topology::MapCount& counter, Stage& stage) const;

  // Programs that were loaded, with the name that the topology has for them ("policy.from_pod").
  struct Named {
    std::string name;
    bpf::ProgramRef program;
  };
  [[nodiscard]] std::vector<Named> programs() const;

 private:
  explicit Objects(const topology::Topology& topology) : topology_(&topology) {}
  [[nodiscard]] Result<> attach_one(topology::EndIndex end, const topology::Placement& placement,
                                    Stage& stage, bool detach) const;
  [[nodiscard]] Result<> add_filter(const topology::ClassicFilter& filter, Stage& stage) const;
  [[nodiscard]] topology::DatumNames names(Stage& stage) const;

  const topology::Topology* topology_;
  std::vector<bpf::LoadedObject> objects_;  // in the topology's order
};

}  // namespace netkit::runner
