// CO-RE against our own types: what programs then find.
#include "bpf/object/kernel_types.h"
#include "bpf/run/kernel_objects.h"
#include "tests/unit/bpf_load/running.h"

namespace netkit::bpf {
namespace {

using testing::HasSubstr;

class Core : public RunsPrograms {
 protected:
  std::int32_t result(const char* program) {
    const LoadedObject loaded = load("core", only({program}));
    const std::int32_t value = run_one(loaded, program);
    EXPECT_FALSE(run.fault.happened) << run.fault.text;
    return value;
  }
};

TEST_F(Core, TellsWhatIsThere) {
  EXPECT_EQ(result("existence"), 1 + 4 + 16);
  EXPECT_EQ(result("sizes"), 16 + 100 * 4 + 10000 * 14);
  EXPECT_EQ(result("signs"), 1) << "ifindex is signed, mtu is not";
  EXPECT_EQ(result("type_matches"), 1);
}

TEST_F(Core, EnumeratorsHaveOurValues) {
  EXPECT_EQ(result("enum_values"), 1 + 100 * 55);
  EXPECT_EQ(result("enum_values_exist"), 1);
}

TEST_F(Core, HelpersExistWhenWeHaveThem) {
  const LoadedObject loaded = load("helpers_there", only({"helpers_there"}));
  EXPECT_EQ(run_one(loaded, "helpers_there"), 1 + 4)
      << "bpf_redirect and hash maps, no bpf_send_signal and no struct_ops";
}

TEST_F(Core, GuardedFieldsThatAreMissingAreNeverReached) {
  EXPECT_EQ(result("guarded_field"), 3);
}

TEST_F(Core, MissingFieldsEndTheRunByTheirNameAndLine) {
  const LoadedObject loaded = load("core", only({"missing_field", "missing_enum_value"}));
  EXPECT_EQ(run_one(loaded, "missing_field"), kDrop);
  ASSERT_TRUE(run.fault.happened);
  EXPECT_THAT(run.fault.text,
              HasSubstr("reached struct sk_buff___old.of_long_ago, which is not here, "));
  EXPECT_EQ(run_one(loaded, "missing_enum_value"), kDrop);
  EXPECT_THAT(run.fault.text, HasSubstr("reached enum bpf_func_id___mine.BPF_FUNC_of_tomorrow"));
}

TEST_F(Core, TypesOfTheImagesHaveTheirLayout) {
  const Btf& btf = KernelTypes::ours()->btf();
  const auto size = [&](std::string_view name) { return btf.size(KernelTypes::ours()->named(name).front()); };
  EXPECT_EQ(size("sk_buff"), sizeof(kernel::sk_buff));
  EXPECT_EQ(size("net_device"), sizeof(kernel::net_device));
  EXPECT_EQ(size("net"), sizeof(kernel::net));
  EXPECT_EQ(size("sock"), sizeof(kernel::sock));
  EXPECT_EQ(size("__sk_buff"), 192U);
  EXPECT_EQ(size("bpf_fib_lookup"), 64U);
  EXPECT_EQ(size("bpf_tunnel_key"), 44U);
}

// ---- memory of the kernel ----

class KernelMemory : public RunsPrograms {
 protected:
  KernelMemory() {
    outside.device_facts = [](void*, RunContext&, DeviceFacts& facts) {
      facts.name = {"eth7"};
      facts.mtu = 1400;
      facts.netns_cookie = 9;
    };
  }
  using Seen = std::array<std::uint64_t, 8>;
  Seen seen_by(const char* program) {
    const LoadedObject loaded = load("kernel_memory", only({program}));
    packet = tcp().build(pool);
    packet->meta.mark = 17;
    packet->meta.ifindex = 7;
    packet->meta.gso.size = 1000;
    verdict = run_program(run, *loaded.find_program(program), *packet);
    EXPECT_FALSE(run.fault.happened) << run.fault.text;
    text = variable<std::array<char, 16>>(loaded, "kernel_memory", "text").data();
    return variable<Seen>(loaded, "kernel_memory", "seen");
  }

  std::int32_t verdict = 0;
  std::string text;
};

TEST_F(KernelMemory, FieldsOfThePacketAndItsDeviceAreThere) {
  const Seen seen = seen_by("fields");
  EXPECT_EQ(seen, (Seen{packet->len(), 17, 0x0800, 0, 7, 1400, 9, 0}));
  EXPECT_EQ(text, "eth7");
  EXPECT_EQ(verdict, 5);
}

TEST_F(KernelMemory, HeadersAreFoundByTheirPositions) {
  const Seen seen = seen_by("packet_bytes");
  EXPECT_EQ(seen[0], 64U);
  EXPECT_EQ(seen[1], 0x0a000002U);
}

TEST_F(KernelMemory, TypedPointersAreReadDirectly) {
  const Seen seen = seen_by("typed_pointers");
  EXPECT_EQ(seen, (Seen{packet->len(), 7, 9, 1000, 17, 0, 0, 0}));
}

TEST_F(KernelMemory, BadAddressesReadAsZeroWithTheKernelsErrors) {
  const auto error = [](int code) { return static_cast<std::uint64_t>(std::int64_t{-code}); };
  EXPECT_EQ(seen_by("bad_addresses"),
            (Seen{error(ERANGE), 0, error(EFAULT), 0, error(EFAULT), 0, error(ERANGE), 0}));
}

TEST_F(KernelMemory, MemoryOfTheProgramIsReadable) {
  EXPECT_EQ(seen_by("own_memory"), (Seen{77, 13, 5, 0, 0, 0, 0, 0}));
  EXPECT_EQ(text, "elev");
}

// ---- externs ----

class Externs : public RunsPrograms {};

TEST_F(Externs, SettingsAreThoseOfTheList) {
  EXPECT_EQ(run_one(load("outside", only({"settings"})), "settings"), 100);
}

TEST_F(Externs, KernelFunctionsAreCalled) {
  EXPECT_EQ(run_one(load("outside", only({"kernel_function"})), "kernel_function"), 0);
  EXPECT_EQ(run_one(load("outside", only({"weak_function"})), "weak_function"), 7);
  run_one(load("outside", only({"unguarded_function"})), "unguarded_function");
  EXPECT_THAT(run.fault.text, HasSubstr("reached kernel function bpf_of_tomorrow, which is not here"));
  const auto strong = load_object(object("outside"), only({"strong_function"}));
  ASSERT_FALSE(strong);
  EXPECT_THAT(strong.error().text, HasSubstr("there is no kernel function bpf_of_yesterday"));
}

}  // namespace
}  // namespace netkit::bpf
