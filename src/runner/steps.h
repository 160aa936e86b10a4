// Plays the steps of a topology on a stage and tells what each has shown.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "base/result.h"
#include "runner/fact.h"
#include "runner/interrupt.h"
#include "runner/objects.h"
#include "runner/stage.h"
#include "topology/topology.h"

namespace netkit::runner {

class Steps {
 public:
  Steps(const topology::Topology& topology, const Objects& objects, Stage& stage, const Interrupt& interrupt)
      : topology_(topology), objects_(objects), stage_(stage), interrupt_(interrupt) {}

  // All of them in order; `progress` is told each before it is played. An error is what kept a step from
  // being played at all (a tool that is missing, a device that has gone); a fact that does not hold is none.
  [[nodiscard]] Result<> play(
      const std::function<void(std::size_t number, const std::string& say)>& progress);
  // One report a step, as far as play() came.
  [[nodiscard]] const std::vector<StepReport>& reports() const { return reports_; }

 private:
  using Counter = decltype(topology::Expectation::counter);

  [[nodiscard]] Result<std::vector<Fact>> perform(const topology::Step& step);
  template <class Action, class Play>
  [[nodiscard]] Result<std::vector<Fact>> traffic(const Action& action, Play play);
  [[nodiscard]] Result<Fact> check(const topology::Expectation& expectation);
  [[nodiscard]] Result<std::uint64_t> value_of(const Counter& counter);
  [[nodiscard]] std::string name_of(const Counter& counter) const;
  [[nodiscard]] Result<> remember(std::optional<std::size_t> step);

  const topology::Topology& topology_;
  const Objects& objects_;
  Stage& stage_;
  const Interrupt& interrupt_;
  std::map<const topology::Expectation*, std::uint64_t> before_;  // what it counted where it is to start from
  std::vector<StepReport> reports_;
};

}  // namespace netkit::runner
