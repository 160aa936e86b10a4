// How many cases of each conformance group a run of the test program has held against the interpreter.
#pragma once

#include <cstddef>
#include <string>

namespace netkit::bpf::conformance {

// Adds to the table that is printed when all tests of this run are done.
void tally_written(const std::string& group, std::size_t cases);
void tally_generated(const std::string& group, std::size_t cases);

}  // namespace netkit::bpf::conformance
