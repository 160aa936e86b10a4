// Random sequences of requests about programs and links, to be played on several worlds whose answers must be
// equal: our engine, a model of lists, the running kernel. Objects have numbers that are the same in all of
// them; descriptors and ids are each world's own affair.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "bpf/run/types.h"

namespace netkit::testing {

// An attach point that actions can name by its place in the list of hooks.
struct Hook {
  int device = 0;
  bpf::AttachType type = bpf::AttachType::kTcxIngress;
};
inline constexpr int kNoSuchDevice = -1;  // hook: a number that no device has
inline constexpr int kNoSuchType = -2;    // hook: an attach type that nobody knows

// What stands in a field for a descriptor or an id.
struct Reference {
  enum class Kind : std::uint8_t {
    kZero,
    kClosed,   // a descriptor that is not open; an id that nobody has
    kForeign,  // an open file that is no object of ours; an id that nobody has
    kProgram,
    kLink,
  };
  Kind kind = Kind::kZero;
  int number = 0;  // an object that does not exist stands for kClosed
};

struct Action {
  enum class Op : std::uint8_t {
    kLoad,  // program `number` of program type `type`
    kCloseProgram,
    kAttach,
    kDetach,
    kQuery,
    kCreateLink,  // link `number`
    kUpdateLink,
    kDetachLink,
    kLinkInfo,
    kCloseLink,
    kDeleteDevice,
    kRestoreDevice,
    kMoveDevice,  // to the other namespace
  };
  enum class Revision : std::uint8_t { kAny, kReported, kReportedLess, kReportedMore, kHuge };

  Op op = Op::kQuery;
  int number = 0;  // of the object that is made or closed
  bpf::ProgramType type = bpf::ProgramType::kSchedCls;
  int hook = 0;
  int device = 0;
  Reference program;   // attach, detach, link: the program; update: the new one
  Reference relative;  // as the flags say
  Reference replaced;  // attach: to be replaced; update: expected
  Reference link;      // update, detach, info
  std::uint32_t flags = 0;
  Revision revision = Revision::kAny;
  std::uint32_t room = 64;
  std::uint32_t query_flags = 0;
  std::uint32_t attach_flags = 0;
  bool wants_ids = true;
};

// "attach p3 at h1 flags 0x8 rel l2": enough to play it again by hand.
[[nodiscard]] std::string to_text(const Action& action);

// One world: a fresh set of devices with the hooks that it was made for, and no objects.
class AttachWorld {
 public:
  virtual ~AttachWorld() = default;
  // "OK", the name of the errno, and what was told.
  [[nodiscard]] virtual std::string play(const Action& action) = 0;
  // All lists, all links, and which programs are alive.
  [[nodiscard]] virtual std::string state() = 0;
};

struct ActionMix {
  std::vector<Hook> hooks;
  int devices = 1;
  bool moves = false;  // devices may change their namespace
  bool grows = false;  // devices stay, and most requests add to the lists
};

// Draws the next action; knows which numbers have been used.
class ActionSource {
 public:
  ActionSource(const ActionMix& mix, std::uint64_t seed) : mix_(mix), random_(seed) {}
  [[nodiscard]] Action next();

 private:
  [[nodiscard]] bool chance(int percent);
  [[nodiscard]] int below(int limit);
  [[nodiscard]] Reference any_program();
  [[nodiscard]] Reference any_link();
  [[nodiscard]] Reference any_relative(std::uint32_t flags);
  [[nodiscard]] std::uint32_t any_flags(bool replaces);
  [[nodiscard]] Action::Revision any_revision();
  [[nodiscard]] int any_hook();

  ActionMix mix_;
  std::mt19937_64 random_;
  int programs_ = 0;
  int links_ = 0;
};

// The outcome of playing actions on two fresh worlds side by side: empty, or where they differed.
using WorldMaker = std::function<std::unique_ptr<AttachWorld>()>;
[[nodiscard]] std::string first_difference(const std::vector<Action>& actions, const WorldMaker& one,
                                           const WorldMaker& other);
// Leaves out every action without which the worlds still differ.
[[nodiscard]] std::vector<Action> shrink(std::vector<Action> actions, const WorldMaker& one,
                                         const WorldMaker& other);
// Draws `count` actions and plays them; what differed, with the shrunken sequence and the seed, or nothing.
[[nodiscard]] std::string play_random(const ActionMix& mix, std::uint64_t seed, int count,
                                      const WorldMaker& one, const WorldMaker& other);

}  // namespace netkit::testing
