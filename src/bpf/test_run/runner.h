// Runs programs on a packet of their own, in this process: no device, no daemon, no kernel.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/run/program.h"
#include "bpf/test_run/test_run.h"

namespace netkit::bpf {

class StepObserver;

// A device that programs of a test run can name.
struct TestDevice {
  std::uint32_t ifindex = 0;
  std::string name;
  std::uint32_t mtu = 1500;
};

struct TestWorld {
  std::vector<TestDevice> devices{};                   // beside the loopback device, which has number 1
  std::function<void(std::string_view line)> trace{};  // lines of bpf_trace_printk; none: thrown away
};

// Owns one of the machine's virtual CPUs. Used by the thread that made it.
class TestRunner {
 public:
  // EAGAIN: all virtual CPUs are taken.
  [[nodiscard]] static Result<TestRunner> make(TestWorld world = {});
  TestRunner(TestRunner&&) noexcept;
  TestRunner& operator=(TestRunner&&) noexcept;
  ~TestRunner();

  // Runs the programs one behind the other on one packet, all of them whatever they return, `repeat` times.
  // Errors: the kernel's for a request that it refuses; EFAULT for a program that did what it must not,
  // EBADMSG for one that left the packet's sum wrong.
  [[nodiscard]] Result<TestOutput> run(std::span<const ProgramRef> chain, const TestInput& input);
  // Told of every instruction from now on; null: nobody is.
  void observe(StepObserver* observer);

 private:
  struct State;
  explicit TestRunner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace netkit::bpf
