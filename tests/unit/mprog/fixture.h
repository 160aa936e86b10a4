// Attach points and the eight programs of test_tc_link.bpf.c, with requests and answers in few words: the
// tests read like the tables of docs/spec/mprog-attach.md.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "bpf/exec/load.h"
#include "bpf/tests/test_tc_link.h"
#include "control/attach.h"
#include "device/execution.h"
#include "packet/builder.h"
#include "tests/unit/control/fixture.h"

namespace netkit::control {

using bpf::AttachType;
using device::kAfter;
using device::kBefore;
using device::kId;
using device::kLink;
using device::kReplace;

inline constexpr std::uint32_t kLoopbackNumber = 1;
inline constexpr int kBadDescriptor = 4711;          // not open
inline constexpr std::uint32_t kBadId = 0x7fffffff;  // nobody has it

// "OK", or the name of the errno.
template <class T>
std::string outcome(const Result<T>& result) {
  return result ? "OK" : errno_name(result.error().code);
}

// The fields of a request that differ from one to the next; `relative` is a descriptor or an id.
struct Ask {
  int prog = 0;
  std::uint32_t flags = 0;
  std::int64_t relative = 0;
  int replace = 0;
  std::uint64_t revision = 0;
};

class AttachTest : public ControlTest {
 protected:
  struct Point {
    std::uint32_t ifindex = kLoopbackNumber;
    AttachType type = AttachType::kTcxIngress;
  };

  AttachTest();
  ~AttachTest() override;

  // ---- programs and links, by the numbers that tests give them ----
  // Descriptor and id of tcN, or of a program that was made with load().
  [[nodiscard]] int tc(int number) const { return programs_.at(number).fd; }
  [[nodiscard]] std::uint32_t tc_id(int number) const { return programs_.at(number).id; }
  // Another program, known as `number` from then on; it returns `verdict` or is not for these hooks at all.
  int load(int number, std::int32_t verdict = 0, bpf::ProgramType type = bpf::ProgramType::kSchedCls) {
    return load_text(number, "w0 = " + std::to_string(verdict) + "; exit", type);
  }
  int load_text(int number, std::string_view text, bpf::ProgramType type = bpf::ProgramType::kSchedCls);
  [[nodiscard]] int link_fd(int number) const { return links_.at(number).fd; }
  [[nodiscard]] std::uint32_t link_id(int number) const { return links_.at(number).id; }
  // A map's and a foreign file's descriptor.
  [[nodiscard]] int map_fd() const { return map_fd_; }
  [[nodiscard]] static int foreign_fd() { return 1; }

  // ---- requests at the present point ----
  void at(Point point) { point_ = point; }
  std::string attach(const Ask& ask) { return outcome(attach_program(*client_, request(ask))); }
  std::string detach(const Ask& ask = {}) { return outcome(detach_program(*client_, request(ask))); }
  // A link that is known by this number.
  std::string link(int number, const Ask& ask);
  std::string update(int number, int new_prog, std::uint32_t flags = 0, int old_prog = 0) {
    return outcome(update_link(
        *client_,
        {.link_fd = link_fd(number), .new_prog_fd = new_prog, .flags = flags, .old_prog_fd = old_prog}));
  }
  std::string detach_link(int number) { return outcome(control::detach_link(*client_, link_fd(number))); }
  // Closes the link's descriptor.
  void destroy(int number) { ASSERT_TRUE(client_->close(link_fd(number))); }
  [[nodiscard]] LinkInfo info(int number) { return link_info(*client_, link_fd(number)).value(); }

  // What a query says: "rev 3: tc2 tc1/l1" is tc2 without link and tc1 through link 1.
  [[nodiscard]] std::string list();
  [[nodiscard]] std::string list(Point point);
  std::string query(QueryRequest request, QueryAnswer& answer);

  // Another client in the host, without any capability and with no descriptors.
  [[nodiscard]] Client plain_client() {
    return {system_, host_, Credentials{.uid = 1000, .privileged = false}};
  }
  [[nodiscard]] AttachRequest request(const Ask& ask) const;
  // The number of the device that a veth pair v0 (host), v1 (pod) has in the host; made on first use.
  std::uint32_t veth();

  // ---- packets ----
  // Sends one ICMP echo request on lo, and says which of tc1 to tc8 ran for it: "tc1 tc4".
  [[nodiscard]] std::string seen_by_ping();
  [[nodiscard]] tc_link_state state() const;
  void set_state(const tc_link_state& state);
  // Which programs have run according to `state`.
  [[nodiscard]] static std::string seen(const tc_link_state& state);
  [[nodiscard]] device::Execution& execution();
  void set_up(std::string_view device, bool up = true);
  // RTM_DELLINK of a device in the client's namespace.
  std::string remove(std::string_view device);

  PacketPool pool_;

 private:
  struct Named {
    int fd = -1;
    std::uint32_t id = 0;
  };
  [[nodiscard]] static std::string name_of(const std::map<int, Named>& objects, char letter,
                                           std::uint32_t id);

  std::map<int, Named> programs_;
  std::map<int, Named> links_;
  bpf::MapRef state_;
  int map_fd_ = -1;
  Point point_;
  std::unique_ptr<device::Execution> execution_;
};

// The same at both hooks of a device: parameter of the selftest families.
class BothHooks : public AttachTest, public ::testing::WithParamInterface<AttachType> {
 protected:
  BothHooks() { at({.type = GetParam()}); }
};

inline std::string hook_name(const ::testing::TestParamInfo<AttachType>& info) {
  return info.param == AttachType::kTcxIngress ? "ingress" : "egress";
}

// The same at every kind of list: both of a netkit pair (nk0 in host, nk1 in pod) and both hooks of nk0.
class EveryList : public AttachTest, public ::testing::WithParamInterface<AttachType> {
 protected:
  EveryList() {
    create_pair();
    at({number_of("nk0"), GetParam()});
  }
};

inline constexpr AttachType kEveryList[] = {AttachType::kNetkitPrimary, AttachType::kNetkitPeer,
                                            AttachType::kTcxIngress, AttachType::kTcxEgress};

inline std::string list_name(const ::testing::TestParamInfo<AttachType>& info) {
  switch (info.param) {
    case AttachType::kNetkitPrimary:
      return "primary";
    case AttachType::kNetkitPeer:
      return "peer";
    default:
      return hook_name(info);
  }
}

}  // namespace netkit::control
