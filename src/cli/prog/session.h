// One `netkit prog run`: the object loaded into the engine asked for, maps and variables as the user wants
// them, and runs on packets.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/test_run/engine.h"
#include "cli/prog/arguments.h"

namespace netkit::cli {

class RunSession {
 public:
  // `trace`: lines of bpf_trace_printk.
  [[nodiscard]] static Result<RunSession> open(const RunArguments& arguments,
                                               std::function<void(std::string_view line)> trace);

  [[nodiscard]] const std::vector<std::string>& chain() const { return chain_; }
  [[nodiscard]] bpf::TestEngine& engine() { return *engine_; }
  // Of our own engine only.
  void observe(bpf::StepObserver* observer) { runner_->observe(observer); }

  [[nodiscard]] Result<bpf::TestOutput> run(const RunArguments& arguments, std::vector<std::uint8_t> data,
                                            const std::vector<std::byte>& context);

 private:
  RunSession() = default;
  [[nodiscard]] Result<> load(const RunArguments& arguments);
  [[nodiscard]] Result<std::unique_ptr<bpf::TestEngine>> load_with(const RunArguments& arguments,
                                                                   const bpf::LinkOptions& options);
  [[nodiscard]] Result<> preset(const RunArguments& arguments);

  std::unique_ptr<bpf::TestRunner> runner_;
  std::unique_ptr<bpf::TestEngine> engine_;
  std::vector<std::string> chain_;
};

}  // namespace netkit::cli
