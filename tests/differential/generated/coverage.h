// What generated programs have executed: instructions by operation and operands, memory by kind, helpers,
// ways of control.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <ostream>
#include <string>
#include <vector>

#include "bpf/exec/step.h"
#include "bpf/isa/insn.h"
#include "tests/differential/random_instructions.h"

namespace netkit::differential {

class Coverage final : public bpf::StepObserver {
 public:
  void step(const bpf::Step& step) override;
  void end() override;

  void print(std::ostream& out, const InstructionSet& set) const;
  // Cells of the table in which nothing was counted.
  [[nodiscard]] std::vector<std::string> empty_cells(const InstructionSet& set) const;

 private:
  struct Row {
    std::string name;
    std::uint64_t count;
  };
  using Counts = std::map<std::uint64_t, std::uint64_t>;
  [[nodiscard]] std::vector<Row> instruction_rows(const InstructionSet& set) const;
  [[nodiscard]] std::vector<Row> memory_rows() const;
  [[nodiscard]] std::vector<Row> helper_rows() const;
  [[nodiscard]] std::vector<Row> control_rows() const;
  void memory(const bpf::Step& step, const bpf::Insn& insn);

  Counts instructions_;
  Counts memory_;
  Counts helpers_;
  std::uint64_t calls_ = 0;
  std::uint64_t callbacks_ = 0;
  std::uint64_t tail_calls_ = 0;
  std::uint32_t depth_ = 0;
  std::uint32_t tail_calls_before_ = 0;
  bool called_ = false;  // the last instruction was a call of a function
};

}  // namespace netkit::differential
