// The lines of bpf_trace_printk of every program in this process, for whoever follows them: what trace_pipe
// is in the kernel. Nobody follows as a rule; then a line costs the look at a counter.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace netkit::bpf {

class TraceLog {
 public:
  // Called by the thread that runs the program, one call at a time; `line` as trace_pipe prints it, without
  // newline: "  worker-0-4711  [001] .....  12.345678: bpf_trace_printk: text".
  using Listener = std::function<void(std::string_view line)>;

  [[nodiscard]] static TraceLog& instance();

  // Follows until the returned handle goes; no call is under way any more then.
  [[nodiscard]] std::shared_ptr<void> follow(Listener listener);

  // A line of a program that runs on the virtual CPU `cpu` of the calling thread.
  void publish(std::uint32_t cpu, std::string_view text);

 private:
  struct State;
  TraceLog();
  std::unique_ptr<State> state_;
};

}  // namespace netkit::bpf
