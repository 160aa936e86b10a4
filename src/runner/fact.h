// What a run has shown: one line each, true or not.
#pragma once

#include <string>
#include <vector>

#include "topology/step.h"

namespace netkit::runner {

struct Fact {
  std::string text;    // what was to be shown and what was seen: "ping 10.0.2.2 from pod1: 3 of 3 answered"
  bool holds = false;  // meaningless when it was not shown
  topology::Showing showing = topology::Showing::kLive;
};

struct StepReport {
  std::string say;
  std::vector<Fact> facts;

  [[nodiscard]] bool holds() const {
    for (const Fact& fact : facts) {
      if (fact.showing != topology::Showing::kNotHere && !fact.holds) return false;
    }
    return true;
  }
};

}  // namespace netkit::runner
