// The case files (cases/*.yaml): one conformance group each.
//
//   group: base64
//   cases:
//     - name: addition wraps
//       code: r1 += r2
//       rows:
//         - r1=0xffffffffffffffff r2=1 -> r1=0
//     - name: a fault
//       code: r0 = *(u64 *)(r10 +0)
//       fault: read of 8 bytes at stack+0
//
// A row is the state before and the state after: what it does not name is zero before and not looked at
// after. A fault is how the line of the fault, or of the refusal to load, begins. "m" is the 64-bit number at
// R10 - 8. "functions" is code behind the program, to be called by label.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/conformance/isa/runner.h"

namespace netkit::bpf::conformance {

struct Row {
  std::string text;
  State before;
  State after;
};

struct Case {
  std::string name;
  std::string code;
  std::string functions;
  std::vector<Row> rows;
  std::string fault;  // instead of rows
};

struct CaseFile {
  std::string group;
  std::vector<Case> cases;
};

// Throws what yaml-cpp throws, or std::runtime_error for a row that is not understood.
[[nodiscard]] CaseFile read_case_file(const std::filesystem::path& path);

}  // namespace netkit::bpf::conformance
