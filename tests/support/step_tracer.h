// Runs a program under ptrace and stops it before each of its steps: the system calls of it and its children
// that change something outside of them. Which thread makes the Nth step can differ between runs; that all of
// a program's steps have been met is a matter of walking N up to the count.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <vector>

namespace netkit::testing {

// Who dies by SIGKILL at the chosen step.
enum class Victim {
  kProgram,   // the program itself
  kAll,       // the program and all its children
  kChildren,  // the children alone
};

struct StepRun {
  std::vector<std::string> arguments;  // the program's path first
  // A text on its standard error that ends the steps: the victims die then, at the latest.
  std::string until;
  Victim victim = Victim::kAll;
  std::size_t step = 0;            // from 1, before which they die; 0: none
  std::chrono::seconds limit{20};  // for all of it
};

struct StepOutcome {
  std::vector<std::string> steps;  // that were begun, as "keeper: mount /run/netns"
  bool reached_end = false;        // `until` was seen
  bool in_time = true;             // else everything was killed
};

// Returns when the program and all its children are gone. The caller has no other children and no threads.
[[nodiscard]] StepOutcome run_in_steps(const StepRun& run);

}  // namespace netkit::testing
