// The test run itself, here and in the running kernel: which requests are refused for what reason, what a
// program sees of its packet, and what user space gets back.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sched.h>
#include <sys/utsname.h>

#include <cstddef>
#include <cstring>
#include <map>

#include "bpf/test_run/engine.h"
#include "packet/builder.h"

namespace netkit::bpf {
namespace {

using Bytes = std::vector<std::byte>;

std::vector<std::uint8_t> udp(std::uint32_t payload = 20) {
  return PacketBuilder()
      .ethernet({{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}})
      .ip("10.0.0.1", "10.0.0.2")
      .udp(1000, 53)
      .pattern(payload)
      .bytes();
}

// A packet of so many bytes that is no IP.
std::vector<std::uint8_t> frame(std::size_t length, std::uint16_t ethertype = 0x1234) {
  std::vector<std::uint8_t> bytes(length);
  if (length >= 14) {
    bytes[12] = static_cast<std::uint8_t>(ethertype >> 8U);
    bytes[13] = static_cast<std::uint8_t>(ethertype);
  }
  return bytes;
}

template <class Set>
Bytes context(Set set) {
  __sk_buff buffer{};
  set(buffer);
  const auto bytes = std::as_bytes(std::span(&buffer, 1));
  return {bytes.begin(), bytes.end()};
}

struct Case {
  std::string name;
  TestInput input;
  bool since_6_19 = false;  // before, a test run's packet is one linear piece, and data_end must be zero
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](std::string name, TestInput input, bool since_6_19 = false) {
    all.push_back({std::move(name), std::move(input), since_6_19});
  };
  const auto with = [](auto set) { return TestInput{.data = udp(), .context = context(set)}; };
  add("udp", {.data = udp()});
  add("nothing", {.data = {}});
  add("13 bytes", {.data = frame(13)});
  add("14 bytes", {.data = frame(14)});
  add("ipv4 of 33 bytes", {.data = frame(33, 0x0800)});
  add("ipv4 of 34 bytes", {.data = frame(34, 0x0800)});
  add("ipv6 of 53 bytes", {.data = frame(53, 0x86dd)});
  add("ipv6 of 54 bytes", {.data = frame(54, 0x86dd)});
  add("3712 bytes", {.data = frame(3712)});
  add("3713 bytes", {.data = frame(3713)}, true);
  add("17 fragments", {.data = frame(3712 + 17 * 4096)}, true);
  add("a byte more", {.data = frame(3713 + 17 * 4096)}, true);
  add("repeated", {.data = udp(), .repeat = 5});
  add("repeated never", {.data = udp(), .repeat = 0});
  add("checksum complete", {.data = udp(), .flags = kTestChecksumComplete});
  add("unknown flag", {.data = udp(), .flags = 1});
  add("a flag beside it", {.data = udp(), .flags = 8 | kTestChecksumComplete});
  add("cpu", {.data = udp(), .cpu = 1});
  add("batch size", {.data = udp(), .batch_size = 1});
  add("packet cut", {.data = udp(), .data_room = 10});
  add("packet has just room", {.data = udp(), .data_room = 62});
  add("context cut", {.data = udp(), .context_room = 32});
  // Without any context the kernel shows programs a wire_len of 0 (docs/differences.md).
  add("no context wanted", {.data = udp(), .context = Bytes(1, std::byte{0}), .context_room = 0});
  add("short context", {.data = udp(), .context = Bytes(12, std::byte{0})});
  add("long context of zeroes", {.data = udp(), .context = Bytes(300, std::byte{0})});
  Bytes long_context(200, std::byte{0});
  long_context.back() = std::byte{1};
  add("long context", {.data = udp(), .context = long_context});
  add("all that may be set", with([](__sk_buff& c) {
        c.mark = 5, c.priority = 6, c.ingress_ifindex = 9, c.ifindex = 1;
        for (std::uint32_t i = 0; i < 5; ++i) c.cb[i] = 10 + i;
        c.tstamp = 12345678901, c.wire_len = 2000, c.gso_segs = 3, c.gso_size = 1000, c.hwtstamp = 77;
      }));
  add("device that is not there", with([](__sk_buff& c) { c.ifindex = 4711; }));
  add("wire_len too short", with([](__sk_buff& c) { c.wire_len = 61; }));
  add("wire_len as the packet", with([](__sk_buff& c) { c.wire_len = 62; }));
  add("wire_len 65536", with([](__sk_buff& c) { c.wire_len = 65536; }));
  add("wire_len 65537", with([](__sk_buff& c) { c.wire_len = 65537; }));
  add("gso_segs 65535", with([](__sk_buff& c) { c.gso_segs = 65535; }));
  add("gso_segs 65536", with([](__sk_buff& c) { c.gso_segs = 65536; }));
  add("gso_size that wraps", with([](__sk_buff& c) { c.gso_size = 70000; }));
  add("data_end behind the packet", with([](__sk_buff& c) { c.data_end = 63; }));
  for (const std::uint32_t end : {1, 14, 33, 34, 62})
    add("data_end " + std::to_string(end), with([end](__sk_buff& c) { c.data_end = end; }), true);
  for (std::size_t offset = 0; offset < sizeof(__sk_buff); offset += 4) {
    if (offset == offsetof(__sk_buff, data_end)) continue;
    add("one at " + std::to_string(offset),
        with([offset](__sk_buff& c) { reinterpret_cast<std::uint8_t*>(&c)[offset] = 1; }));
  }
  return all;
}

// "164: 01" for every byte of the context that is not zero.
std::string text_of(const Bytes& bytes) {
  std::string text;
  for (std::size_t offset = 0; offset < bytes.size(); ++offset) {
    if (bytes[offset] != std::byte{0})
      text += std::to_string(offset) + ": " + std::to_string(std::to_integer<int>(bytes[offset])) + " ";
  }
  return text + "of " + std::to_string(bytes.size());
}

std::string object() {
  return NETKIT_DIFFERENTIAL_OBJECTS "/test_run.o";
}

class TestRunDifferential : public ::testing::Test {
 protected:
  // In a network namespace of its own: the devices are those of a fresh one.
  static void SetUpTestSuite() {
    const auto loaded = load_in_kernel(object(), {});
    allowed_ = (loaded || loaded.error().code != EPERM) && ::unshare(CLONE_NEWNET) == 0;
  }

  void SetUp() override {
    if (!allowed_) GTEST_SKIP() << "loading programs into the kernel needs root outside of user namespaces";
    runner_ = std::make_unique<TestRunner>(TestRunner::make().value());
    here_ = load_for_test(object(), {}, *runner_).value();
    auto in_kernel = load_in_kernel(object(), {});
    ASSERT_TRUE(in_kernel) << in_kernel.error().text;
    kernel_ = *std::move(in_kernel);
    utsname running{};
    ::uname(&running);
    int major = 0;
    int minor = 0;
    std::sscanf(running.release, "%d.%d", &major, &minor);
    fragments_ = std::pair(major, minor) >= std::pair(6, 19);
  }

  static std::map<std::string, std::string> contents(TestEngine& engine, std::string_view map) {
    std::map<std::string, std::string> all;
    EXPECT_TRUE(engine.visit_map(map, [&](auto key, auto value) {
      all[text_of({key.begin(), key.end()})] = text_of({value.begin(), value.end()});
      return true;
    }));
    return all;
  }

  void compare(const std::vector<std::string>& chain, const Case& one) {
    SCOPED_TRACE(one.name + " in " + chain.front());
    const auto here = here_->run(chain, one.input);
    const auto kernel = kernel_->run(chain, one.input);
    ASSERT_EQ(here ? 0 : here.error().code, kernel ? 0 : kernel.error().code)
        << (here ? kernel.error().text : here.error().text);
    if (!here) return;
    EXPECT_EQ(here->retval(), kernel->retval());
    EXPECT_EQ(here->data, kernel->data);
    EXPECT_EQ(here->data_size, kernel->data_size);
    EXPECT_EQ(here->cut, kernel->cut);
    EXPECT_EQ(text_of(here->context), text_of(kernel->context));
    for (const char* map : {"seen", "socket", "marks"})
      EXPECT_EQ(contents(*here_, map), contents(*kernel_, map)) << map;
  }

  static inline bool allowed_ = false;
  bool fragments_ = false;
  std::unique_ptr<TestRunner> runner_;
  std::unique_ptr<TestEngine> here_;
  std::unique_ptr<TestEngine> kernel_;
};

TEST_F(TestRunDifferential, EveryRequestIsAnsweredAlike) {
  for (const Case& one : cases()) {
    if (one.since_6_19 && !fragments_) continue;
    for (const char* program : {"look", "sock", "change", "grow", "redirect"}) compare({program}, one);
  }
}

TEST_F(TestRunDifferential, ProgramsOneBehindTheOtherSeeWhatTheEarlierOnesChanged) {
  compare({"change", "change"}, {.name = "chain", .input = {.data = udp()}});
  compare({"change", "redirect", "change", "grow"}, {.name = "longer chain", .input = {.data = udp()}});
}

TEST_F(TestRunDifferential, MapsKeepWhatUserSpaceWrites) {
  const std::uint32_t key = 41;
  const std::uint64_t value = 5;
  for (TestEngine* engine : {here_.get(), kernel_.get()}) {
    ASSERT_TRUE(
        engine->write_map("marks", std::as_bytes(std::span(&key, 1)), std::as_bytes(std::span(&value, 1))));
  }
  compare({"change"}, {.name = "preset",
                       .input = {.data = udp(), .context = context([](__sk_buff& c) { c.mark = 41; })}});
  const auto marks = contents(*here_, "marks");
  EXPECT_EQ(marks, (std::map<std::string, std::string>{{"0: 41 of 4", "0: 6 of 8"}}));
}

TEST_F(TestRunDifferential, WrongMapsProgramsAndSizesAreRefusedAlike) {
  const std::uint16_t half = 0;
  for (TestEngine* engine : {here_.get(), kernel_.get()}) {
    EXPECT_EQ(engine->write_map("marks", std::as_bytes(std::span(&half, 1)), {}).error().code, EINVAL);
    EXPECT_EQ(engine->write_map("nowhere", {}, {}).error().code, ENOENT);
    EXPECT_EQ(engine->run(std::vector<std::string>{"nobody"}, {.data = udp()}).error().code, ENOENT);
  }
}

}  // namespace
}  // namespace netkit::bpf
