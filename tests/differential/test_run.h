// One object in two engines: the running kernel (BPF_PROG_TEST_RUN through libbpf) and ours, each given the
// same packet and context, each giving back what the kernel's test run does (spec redirect-and-forwarding.md
// 9).
#pragma once

#include <linux/bpf.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "bpf/test_run/engine.h"

namespace netkit::differential {

using Bytes = std::vector<std::byte>;

// By key; the value of a per-CPU map is that of all CPUs.
using MapContents = std::map<Bytes, Bytes>;

struct TestInput {
  std::vector<std::uint8_t> packet;
  __sk_buff context{};  // only what a test run may set
};

struct TestOutput {
  std::int32_t verdict = 0;  // R0
  std::vector<std::uint8_t> packet;
  __sk_buff context{};
};

class Engine {
 public:
  // `runner`: of our own engine.
  Engine(std::unique_ptr<bpf::TestRunner> runner, std::unique_ptr<bpf::TestEngine> engine)
      : runner_(std::move(runner)), engine_(std::move(engine)) {}

  [[nodiscard]] Result<TestOutput> run(const std::string& program, const TestInput& input);
  // `key` is the whole key of the map.
  [[nodiscard]] Result<> write_map(std::string_view map, std::uint32_t key, std::span<const std::byte> value);
  [[nodiscard]] Result<MapContents> read_map(std::string_view map);
  // Removes all entries.
  void clear_map(std::string_view map);

 private:
  std::unique_ptr<bpf::TestRunner> runner_;
  std::unique_ptr<bpf::TestEngine> engine_;
};

// `format` becomes the value of the object's one read-only variable of that name, if it has it.
[[nodiscard]] Result<std::unique_ptr<Engine>> load_in_kernel(const std::filesystem::path& object,
                                                             const std::string& format = {});
[[nodiscard]] Result<std::unique_ptr<Engine>> load_here(const std::filesystem::path& object,
                                                        const std::string& format = {});

}  // namespace netkit::differential
