// An ordered list of programs at one attach point: the kernel's bpf_mprog (kernel/bpf/mprog.c; spec
// mprog-attach.md).
//
// The list is an immutable snapshot. Readers run through the one they find; every change publishes a new one,
// and the old one, with the programs that only it still holds, goes after a grace period.
#pragma once

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "base/rcu.h"
#include "base/result.h"
#include "bpf/run/program.h"
#include "device/network.h"

namespace netkit::device {

class Link;

inline constexpr std::size_t kMaxPrograms = 63;  // of one list (bpf_mprog_max)

// BPF_F_*: attach flags.
enum AttachFlag : std::uint32_t {
  kReplace = 1U << 2,
  kBefore = 1U << 3,
  kAfter = 1U << 4,
  kId = 1U << 5,
  kLink = 1U << 13,
};
inline constexpr std::uint32_t kAttachFlags = kReplace | kBefore | kAfter | kId | kLink;

// What a position is relative to: nothing (the edge of the list), a program, or the entry that a link owns.
using Anchor = std::variant<std::monostate, const bpf::Program*, const Link*>;

// A change of a list. References have been resolved by the caller; one that could not be is carried as the
// error, since the kernel reports it at a fixed place among its checks.
struct ListRequest {
  bpf::ProgramRef program;                 // attach: the new one; detach: the one meant, or null
  Link* owner = nullptr;                   // the link on whose behalf it is done
  const bpf::Program* replaced = nullptr;  // kReplace: the program whose place it takes
  std::uint32_t flags = 0;                 // AttachFlag; unknown bits count as "a flag was given"
  Result<Anchor> anchor = Anchor{};
  std::uint64_t expected_revision = 0;  // 0: any
};

class ProgramList {
 public:
  struct Entry {
    bpf::ProgramRef program;
    Link* owner = nullptr;  // null: attached without a link
  };
  using Snapshot = std::vector<Entry>;

  // What becomes of the revision when the last program goes.
  enum class Revision : std::uint8_t {
    kLasting,     // it goes on, though a query of the empty list says 1 (netkit)
    kRestarting,  // it starts again at 1 (tcx), unless the list is shared
  };
  explicit ProgramList(Revision revision) : revision_rule_(revision) {}

  // Data path: the present list, never empty, or null. Valid until the reader's next quiescent state.
  [[nodiscard]] const Snapshot* read() const { return entries_.read(); }

  // BPF_PROG_ATTACH and BPF_LINK_CREATE, rules 3.3: ESTALE, EEXIST, the anchor's error, ENOENT, EBUSY,
  // ERANGE, EINVAL.
  Result<> attach(const Rtnl& rtnl, const ListRequest& request);
  // BPF_PROG_DETACH, rules 4.2. Without program, the flags say which entry.
  Result<> detach(const Rtnl& rtnl, const ListRequest& request);
  // BPF_LINK_UPDATE: another program in the link's place. The same program: nothing changes. EEXIST: it is
  // elsewhere in the list.
  Result<> update(const Rtnl& rtnl, const Link& owner, bpf::ProgramRef program);
  // The link goes: its entry with it.
  void remove(const Rtnl& rtnl, const Link& owner);
  // The device goes: the list is emptied, links become defunct.
  void release(const Rtnl& rtnl);
  // A qdisc for classic filters uses the attach point too, or no longer: then the revision outlasts an empty
  // list, and a query says what it is (tcx_miniq_inc).
  void share(const Rtnl& rtnl, bool shared);

  [[nodiscard]] const Snapshot& entries(const Rtnl& rtnl) const;
  // As BPF_PROG_QUERY tells it.
  [[nodiscard]] std::uint64_t reported_revision(const Rtnl& rtnl) const;

 private:
  [[nodiscard]] std::ptrdiff_t index_of(const bpf::Program& program) const;
  [[nodiscard]] std::ptrdiff_t index_of(const Link& owner) const;
  [[nodiscard]] Result<std::ptrdiff_t> find_anchor(const Anchor& anchor, std::ptrdiff_t beside,
                                                   std::ptrdiff_t edge) const;
  [[nodiscard]] Result<std::ptrdiff_t> position(const ListRequest& request, std::ptrdiff_t candidate) const;
  static constexpr std::ptrdiff_t kNoCandidate = -2;
  void publish(Snapshot next);

  void forget_revision();

  Revision revision_rule_;
  bool shared_ = false;
  std::uint64_t revision_ = 1;
  rcu::Published<Snapshot> entries_;
};

}  // namespace netkit::device
