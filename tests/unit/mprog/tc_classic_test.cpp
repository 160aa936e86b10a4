// The sub-tests of the selftest families tc_opts and tc_links in which classic filters stand behind the tcx
// lists (docs/spec/mprog-attach.md 11), under their names there.
#include "control/filter.h"
#include "control/qdisc.h"
#include "tests/unit/mprog/fixture.h"

namespace netkit::control {
namespace {

// tc's words for a request, as far as these tests speak them.
class Classic {
 public:
  explicit Classic(Client& client) : client_(client) {}

  // `tc qdisc add|replace dev IFINDEX clsact|ingress`
  std::string add_qdisc(std::uint32_t ifindex, std::string_view kind = "clsact",
                        std::uint16_t flags = kCreate | kExclusive, std::uint32_t block = 0,
                        std::uint32_t handle = kIngressHandle) {
    TcRequest request = qdisc(ifindex, kind, handle);
    request.flags = flags;
    if (block != 0) request.attributes.u32(kTcaIngressBlock, block);
    return outcome(new_qdisc(client_, request));
  }
  // `tc qdisc del dev IFINDEX clsact|ingress`
  std::string delete_qdisc(std::uint32_t ifindex, std::string_view kind = "clsact") {
    return outcome(control::delete_qdisc(client_, qdisc(ifindex, kind, kIngressHandle)));
  }
  // `tc filter add dev IFINDEX ingress|egress bpf direct-action fd FD`
  std::string add_filter(std::uint32_t ifindex, AttachType hook, int fd) {
    return add_filter({.ifindex = static_cast<int>(ifindex), .parent = parent_of(hook)}, fd);
  }
  // `tc filter add block BLOCK bpf direct-action fd FD`
  std::string add_filter_to_block(std::uint32_t block, int fd) {
    return add_filter({.ifindex = kByBlock, .parent = block}, fd);
  }
  // How many filters there are.
  std::size_t filters(std::uint32_t ifindex, AttachType hook) {
    TcRequest request;
    request.header = {.ifindex = static_cast<int>(ifindex), .parent = parent_of(hook)};
    std::size_t count = 0;
    const std::vector<FilterReport> reports = list_filters(client_, request).value();
    for (const FilterReport& report : reports) count += report.options ? 1U : 0U;
    return count;
  }

 private:
  static std::uint32_t parent_of(AttachType hook) {
    return hook == AttachType::kTcxIngress ? kIngressFilters : kEgressFilters;
  }
  static TcRequest qdisc(std::uint32_t ifindex, std::string_view kind, std::uint32_t handle) {
    TcRequest request;
    request.header = {.ifindex = static_cast<int>(ifindex), .handle = handle, .parent = kIngressParent};
    request.attributes.text(kTcaKind, kind);
    return request;
  }
  std::string add_filter(TcHeader header, int fd) {
    TcRequest request;
    request.flags = kCreate | kExclusive;
    request.header = header;
    request.header.handle = 1;
    request.header.info = 1U << 16U | device::kEveryProtocol.raw();
    AttributeWriter options;
    options.u32(kTcaBpfFd, static_cast<std::uint32_t>(fd)).u32(kTcaBpfFlags, kBpfDirectAction);
    request.attributes.text(kTcaKind, "bpf").nest(kTcaOptions, options);
    return outcome(new_filter(client_, request));
  }

  Client& client_;
};

// At both hooks of lo, with and without a classic filter (or qdisc).
class Chain : public AttachTest, public ::testing::WithParamInterface<std::tuple<AttachType, bool>> {
 protected:
  Chain() { at({.type = hook()}); }
  [[nodiscard]] static AttachType hook() { return std::get<0>(GetParam()); }
  [[nodiscard]] static bool has_classic() { return std::get<1>(GetParam()); }
  void set_up_classic(int fd) {
    if (!has_classic()) return;
    ASSERT_EQ(classic_.add_qdisc(kLoopbackNumber), "OK");
    ASSERT_EQ(classic_.add_filter(kLoopbackNumber, hook(), fd), "OK");
  }
  // What is seen by a ping, with tc3 where there is the classic filter.
  [[nodiscard]] static std::string with_tc3(const std::string& seen) {
    return has_classic() ? seen + " tc3" : seen;
  }

  Classic classic_{*client_};
};

std::string chain_name(const ::testing::TestParamInfo<std::tuple<AttachType, bool>>& info) {
  return std::string(std::get<0>(info.param) == AttachType::kTcxIngress ? "ingress" : "egress") +
         (std::get<1>(info.param) ? "_with_classic" : "_without_classic");
}

const auto kChains =
    ::testing::Combine(::testing::Values(AttachType::kTcxIngress, AttachType::kTcxEgress), ::testing::Bool());

// ---- tc_opts ----

class TcOptsChain : public Chain {};
INSTANTIATE_TEST_SUITE_P(TcOpts, TcOptsChain, kChains, chain_name);

TEST_P(TcOptsChain, chain_classic) {
  set_up_classic(tc(3));
  ASSERT_EQ(attach({.prog = tc(1)}), "OK");
  ASSERT_EQ(attach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1 tc2");
  EXPECT_EQ(seen_by_ping(), with_tc3("tc1 tc2"));
  ASSERT_EQ(detach({.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 4: tc1");
  EXPECT_EQ(seen_by_ping(), with_tc3("tc1"));
  ASSERT_EQ(detach({.prog = tc(1)}), "OK");
  // A qdisc keeps the attach point, and with it the revision.
  EXPECT_EQ(list(), has_classic() ? "rev 5:" : "rev 1:");
}

TEST_P(TcOptsChain, delete_empty) {
  if (has_classic()) {
    ASSERT_EQ(classic_.add_qdisc(kLoopbackNumber), "OK");
  }
  EXPECT_EQ(list(), "rev 1:");
  EXPECT_EQ(detach({.flags = kBefore}), "ENOENT");
  EXPECT_EQ(detach({.flags = kAfter}), "ENOENT");
  EXPECT_EQ(detach(), "ENOENT");
}

class TcOptsHook : public BothHooks {
 protected:
  Classic classic_{*client_};
};
INSTANTIATE_TEST_SUITE_P(TcOpts, TcOptsHook,
                         ::testing::Values(AttachType::kTcxIngress, AttachType::kTcxEgress), hook_name);

TEST_P(TcOptsHook, chain_mixed) {
  ASSERT_EQ(classic_.add_qdisc(kLoopbackNumber), "OK");
  ASSERT_EQ(classic_.add_filter(kLoopbackNumber, GetParam(), tc(5)), "OK");
  EXPECT_EQ(list(), "rev 1:");  // classic filters are invisible here
  ASSERT_EQ(attach({.prog = tc(6)}), "OK");
  EXPECT_EQ(seen_by_ping(), "tc6");
  ASSERT_EQ(attach({.prog = tc(4), .flags = kReplace, .replace = tc(6)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc4");
  EXPECT_EQ(seen_by_ping(), "tc4 tc5");
  ASSERT_EQ(detach({.prog = tc(4)}), "OK");
  EXPECT_EQ(seen_by_ping(), "tc5");
}

// ---- tc_links ----

class TcLinksChain : public Chain {};
INSTANTIATE_TEST_SUITE_P(TcLinks, TcLinksChain, kChains, chain_name);

TEST_P(TcLinksChain, chain_classic) {
  set_up_classic(tc(3));
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1/l1 tc2/l2");
  EXPECT_EQ(seen_by_ping(), with_tc3("tc1 tc2"));
  ASSERT_EQ(detach_link(2), "OK");
  EXPECT_EQ(list(), "rev 4: tc1/l1");
  EXPECT_EQ(seen_by_ping(), with_tc3("tc1"));
}

class TcLinksHook : public BothHooks {
 protected:
  Classic classic_{*client_};
};
INSTANTIATE_TEST_SUITE_P(TcLinks, TcLinksHook,
                         ::testing::Values(AttachType::kTcxIngress, AttachType::kTcxEgress), hook_name);

TEST_P(TcLinksHook, chain_mixed) {
  ASSERT_EQ(classic_.add_qdisc(kLoopbackNumber), "OK");
  ASSERT_EQ(classic_.add_filter(kLoopbackNumber, GetParam(), tc(5)), "OK");
  ASSERT_EQ(link(6, {.prog = tc(6)}), "OK");
  EXPECT_EQ(seen_by_ping(), "tc6");
  ASSERT_EQ(update(6, tc(4)), "OK");
  EXPECT_EQ(list(), "rev 3: tc4/l6");
  EXPECT_EQ(seen_by_ping(), "tc4 tc5");
  ASSERT_EQ(detach_link(6), "OK");
  EXPECT_EQ(seen_by_ping(), "tc5");
}

TEST_P(TcLinksHook, dev_mixed) {
  at({.ifindex = veth(), .type = GetParam()});
  for (const int number : {1, 2, 3, 4}) ASSERT_EQ(link(number, {.prog = tc(number)}), "OK");
  ASSERT_EQ(classic_.add_qdisc(veth()), "OK");
  ASSERT_EQ(classic_.add_filter(veth(), GetParam(), tc(5)), "OK");
  EXPECT_EQ(list(), "rev 5: tc1/l1 tc2/l2 tc3/l3 tc4/l4");
  const std::uint32_t gone = veth();
  ASSERT_EQ(remove("v0"), "OK");
  EXPECT_EQ(classic_.filters(gone, GetParam()), 0U);
  for (const int number : {1, 2, 3, 4}) {
    EXPECT_EQ(info(number).ifindex, 0U);
    destroy(number);
  }
}

// The old qdisc "ingress": never there, taken away before the links, and taken away after them.
enum class Teardown : std::uint8_t { kNoQdisc, kQdiscFirst, kLinksFirst };

class TcLinksIngress : public AttachTest, public ::testing::WithParamInterface<Teardown> {
 protected:
  Classic classic_{*client_};
};
INSTANTIATE_TEST_SUITE_P(TcLinks, TcLinksIngress,
                         ::testing::Values(Teardown::kNoQdisc, Teardown::kQdiscFirst, Teardown::kLinksFirst),
                         [](const auto& params) {
                           switch (params.param) {
                             case Teardown::kNoQdisc:
                               return "without_qdisc";
                             case Teardown::kQdiscFirst:
                               return "qdisc_goes_first";
                             default:
                               return "links_go_first";
                           }
                         });

TEST_P(TcLinksIngress, ingress) {
  const bool has_qdisc = GetParam() != Teardown::kNoQdisc;
  if (has_qdisc) {
    ASSERT_EQ(classic_.add_qdisc(kLoopbackNumber, "ingress"), "OK");
    ASSERT_EQ(classic_.add_filter(kLoopbackNumber, AttachType::kTcxIngress, tc(3)), "OK");
  }
  ASSERT_EQ(link(1, {.prog = tc(1)}), "OK");
  ASSERT_EQ(link(2, {.prog = tc(2)}), "OK");
  EXPECT_EQ(list(), "rev 3: tc1/l1 tc2/l2");
  EXPECT_EQ(seen_by_ping(), has_qdisc ? "tc1 tc2 tc3" : "tc1 tc2");

  if (GetParam() == Teardown::kQdiscFirst) {
    ASSERT_EQ(classic_.delete_qdisc(kLoopbackNumber, "ingress"), "OK");
    EXPECT_EQ(list(), "rev 3: tc1/l1 tc2/l2");
    EXPECT_EQ(seen_by_ping(), "tc1 tc2");
  }
  destroy(2);
  EXPECT_EQ(list(), "rev 4: tc1/l1");
  const bool qdisc_is_there = GetParam() == Teardown::kLinksFirst;
  EXPECT_EQ(seen_by_ping(), qdisc_is_there ? "tc1 tc3" : "tc1");
  destroy(1);
  EXPECT_EQ(list(), qdisc_is_there ? "rev 5:" : "rev 1:");
  EXPECT_EQ(seen_by_ping(), qdisc_is_there ? "tc3" : "");
  if (qdisc_is_there) {
    ASSERT_EQ(classic_.delete_qdisc(kLoopbackNumber, "ingress"), "OK");
    EXPECT_EQ(list(), "rev 1:");
    EXPECT_EQ(seen_by_ping(), "");
  }
}

class TcLinksVeth : public AttachTest {
 protected:
  Classic classic_{*client_};
};

TEST_F(TcLinksVeth, dev_chain0) {
  constexpr std::uint32_t kBlock = 1;
  ASSERT_EQ(classic_.add_qdisc(veth(), "ingress", kCreate | kExclusive, kBlock), "OK");
  ASSERT_EQ(classic_.add_filter_to_block(kBlock, tc(3)), "OK");
  // Without handle, so that the other kind takes the place.
  ASSERT_EQ(classic_.add_qdisc(veth(), "clsact", kCreate | kReplaceLink, 0, 0), "OK");
  rcu::drain();
  EXPECT_EQ(classic_.add_filter_to_block(kBlock, tc(3)), "EINVAL");  // the block has gone with the qdisc
  ASSERT_EQ(classic_.add_filter(veth(), AttachType::kTcxEgress, tc(4)), "OK");
  ASSERT_EQ(classic_.add_filter(veth(), AttachType::kTcxIngress, tc(5)), "OK");
  EXPECT_EQ(classic_.filters(veth(), AttachType::kTcxIngress), 1U);
  const std::uint32_t gone = veth();
  ASSERT_EQ(remove("v0"), "OK");
  rcu::drain();
  EXPECT_EQ(classic_.filters(gone, AttachType::kTcxIngress), 0U);
}

}  // namespace
}  // namespace netkit::control
