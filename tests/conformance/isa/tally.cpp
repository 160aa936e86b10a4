#include "tests/conformance/isa/tally.h"

#include <gtest/gtest.h>

#include <iostream>
#include <map>

namespace netkit::bpf::conformance {
namespace {

struct Cases {
  std::size_t written = 0;
  std::size_t generated = 0;
};

class Tally final : public testing::Environment {
 public:
  Cases& of(const std::string& group) { return groups_[group]; }

  void TearDown() override {
    std::size_t sum = 0;
    for (const auto& [group, cases] : groups_) {
      std::cout << "isa " << group << ": " << cases.written << " written and " << cases.generated
                << " generated cases\n";
      sum += cases.written + cases.generated;
    }
    std::cout << "isa: " << sum << " cases in all\n";
  }

 private:
  std::map<std::string, Cases> groups_;
};

// GoogleTest owns it.
Tally* const tally = dynamic_cast<Tally*>(testing::AddGlobalTestEnvironment(new Tally));

}  // namespace

void tally_written(const std::string& group, std::size_t cases) {
  tally->of(group).written += cases;
}

void tally_generated(const std::string& group, std::size_t cases) {
  tally->of(group).generated += cases;
}

}  // namespace netkit::bpf::conformance
