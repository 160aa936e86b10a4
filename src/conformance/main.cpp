// netkit-conformance FILE...: executes scenarios and prints one answer per operation.
//
// Input: one JSON object per line with "id" and "ops"; "-" reads standard input. Output: one JSON object per
// operation with "s" (scenario), "i" (number of the operation), "op" and the answer. Scenarios do not see
// each other. Exit status: 0, or 1 if a file cannot be read or a line is no scenario (the others are played).
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/rcu.h"
#include "conformance/scenario.h"

namespace {

using nlohmann::json;

// An operation that is not as README.md describes them is answered by EPROTO and what is wrong with it.
json run_operation(netkit::conformance::Scenario& state, const json& operation) {
  try {
    return state.run(operation);
  } catch (const std::exception& error) {
    return {{"err", "EPROTO"}, {"msg", error.what()}};
  }
}

void run_scenario(const json& scenario) {
  netkit::conformance::Scenario state(scenario.at("ops"));
  std::size_t number = 0;
  for (const json& operation : scenario.at("ops")) {
    json line = run_operation(state, operation);
    line["s"] = scenario.at("id");
    line["i"] = number++;
    line["op"] = operation.at("op");
    std::cout << line.dump() << '\n';
  }
}

bool run_lines(std::istream& input, const std::string& file) {
  bool good = true;
  std::string line;
  for (std::size_t number = 1; std::getline(input, line); ++number) {
    try {
      run_scenario(json::parse(line));
    } catch (const json::exception& error) {
      std::cerr << file << ':' << number << ": not a scenario: " << error.what() << '\n';
      good = false;
    }
  }
  return good;
}

bool run_file(const std::string& file) {
  if (file == "-") return run_lines(std::cin, file);
  std::ifstream input(file);
  if (input) return run_lines(input, file);
  std::cerr << file << ": cannot be read; give files with one scenario per line\n";
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr
        << "usage: netkit-conformance FILE...   (scenarios, one JSON object per line; - is standard input)\n";
    return 1;
  }
  bool good = true;
  for (int i = 1; i < argc; ++i) good = run_file(argv[i]) && good;
  netkit::rcu::drain();
  return good ? 0 : 1;
}
