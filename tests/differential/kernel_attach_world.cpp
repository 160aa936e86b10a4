#include "tests/differential/kernel_attach_world.h"

#include <bpf/bpf.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/bpf.h>
#include <net/if.h>
#include <sched.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/result.h"

namespace netkit::differential {
namespace {

using testing::kNoSuchType;
using Op = Action::Op;
using Kind = Reference::Kind;

constexpr int kClosedDescriptor = 999'999;
constexpr std::uint32_t kUnknownId = 0x7fff'ffff;
constexpr std::uint32_t kUnknownDevice = 99'999;
constexpr std::uint32_t kUnknownType = 9'999;
constexpr std::uint32_t kReplaceFlag = 4, kIdFlag = 32, kLinkFlag = 8192;
constexpr std::size_t kMaxEntries = 64;

// Commands and layouts of union bpf_attr: Debian 12's headers are older than tcx (spec
// mprog-attach.md 1.1, 1.2).
enum Command : std::uint32_t {
  kProgAttach = 8,
  kProgDetach = 9,
  kProgQuery = 16,
  kLinkCreate = 28,
  kLinkUpdate = 29,
  kLinkDetach = 34
};

struct AttachAttributes {
  std::uint32_t target_ifindex = 0, attach_bpf_fd = 0, attach_type = 0, attach_flags = 0;
  std::uint32_t replace_bpf_fd = 0, relative = 0;
  std::uint64_t expected_revision = 0;
};
struct QueryAttributes {
  std::uint32_t target_ifindex = 0, attach_type = 0, query_flags = 0, attach_flags = 0;
  std::uint64_t prog_ids = 0;
  std::uint32_t count = 0, pad = 0;
  std::uint64_t prog_attach_flags = 0, link_ids = 0, link_attach_flags = 0, revision = 0;
};
struct LinkCreateAttributes {
  std::uint32_t prog_fd = 0, target_ifindex = 0, attach_type = 0, flags = 0, relative = 0, pad = 0;
  std::uint64_t expected_revision = 0;
};
struct LinkUpdateAttributes {
  std::uint32_t link_fd = 0, new_prog_fd = 0, flags = 0, old_prog_fd = 0;
};
struct TcxLinkInfo {
  std::uint32_t type = 0, id = 0, prog_id = 0, pad = 0, ifindex = 0, attach_type = 0;
  std::uint8_t rest[64] = {};
};

template <class Attributes>
int bpf_call(std::uint32_t command, Attributes& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

std::string word(int result) {
  return result >= 0 ? "OK" : errno_name(errno);
}

std::string device_name(int number) {
  return fmt::format("dev{}", number);
}

// In the namespace of the calling thread.
bool ip(const std::string& arguments) {
  return std::system(("ip " + arguments + " 2>/dev/null").c_str()) == 0;  // NOLINT(concurrency-mt-unsafe)
}

bool make_device(int number) {
  return ip(fmt::format("link add {} type veth peer name peer{}", device_name(number), number));
}

int number_of(const std::map<std::uint32_t, int>& numbers, std::uint32_t id) {
  const auto found = numbers.find(id);
  return found != numbers.end() ? found->second : -1;
}

std::uint64_t address_of(void* memory) {
  return reinterpret_cast<std::uintptr_t>(memory);
}

}  // namespace

bool enter_fresh_namespace() {
  return ::unshare(CLONE_NEWNET) == 0;
}

KernelAttachWorld::KernelAttachWorld(std::vector<Hook> hooks, int devices)
    : hooks_(std::move(hooks)), devices_(devices), foreign_(::open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  for (int number = 0; number < devices_; ++number) make_device(number);
}

KernelAttachWorld::~KernelAttachWorld() {
  links_.clear();
  for (int number = 0; number < devices_; ++number) ip("link del " + device_name(number));
}

std::string KernelAttachWorld::play(const Action& action) {
  switch (action.op) {
    case Op::kLoad:
      return load(action);
    case Op::kCloseProgram:
      return close(programs_[action.number]);
    case Op::kAttach:
      return change_list(kProgAttach, action);
    case Op::kDetach:
      return change_list(kProgDetach, action);
    case Op::kQuery:
      return query(action);
    case Op::kCreateLink:
      return create_link(action);
    case Op::kUpdateLink:
      return update_link(action);
    case Op::kDetachLink: {
      std::uint32_t link_fd = static_cast<std::uint32_t>(descriptor(action.link));
      return word(bpf_call(kLinkDetach, link_fd));
    }
    case Op::kLinkInfo:
      return info(descriptor(action.link));
    case Op::kCloseLink:
      return close(links_[action.number]);
    case Op::kDeleteDevice:
      return ip("link del " + device_name(action.device)) ? "OK" : "ENODEV";
    case Op::kRestoreDevice:
      return make_device(action.device) ? "OK" : "EEXIST";
    case Op::kMoveDevice:
      return "not played here";
  }
  return {};
}

std::string KernelAttachWorld::state() {
  std::string text;
  for (int hook = 0; hook < static_cast<int>(hooks_.size()); ++hook) {
    Action action;
    action.hook = hook;
    text += fmt::format("  h{}: {}\n", hook, query(action));
  }
  text += "  links:";
  for (const auto& [number, link] : links_) {
    if (!link.fd) continue;
    TcxLinkInfo told{};
    std::uint32_t size = sizeof told;
    bpf_obj_get_info_by_fd(link.fd.get(), &told, &size);
    text += fmt::format(" l{}=p{}{}", number, number_of(program_numbers_, told.prog_id),
                        told.ifindex != 0 ? "" : "-");
  }
  text += "\n  alive:";
  for (const auto& [number, program] : programs_) {
    if (Fd(bpf_prog_get_fd_by_id(program.id))) text += fmt::format(" p{}", number);
  }
  return text + "\n";
}

std::string KernelAttachWorld::load(const Action& action) {
  if (programs_.contains(action.number)) return "OK";
  constexpr bpf_insn kNext[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  Fd program(bpf_prog_load(static_cast<bpf_prog_type>(action.type), "random", "GPL", kNext, std::size(kNext),
                           nullptr));
  if (!program) return errno_name(errno);
  bpf_prog_info told{};
  std::uint32_t size = sizeof told;
  bpf_obj_get_info_by_fd(program.get(), &told, &size);
  program_numbers_[told.id] = action.number;
  programs_[action.number] = {std::move(program), told.id};
  return "OK";
}

KernelAttachWorld::Point KernelAttachWorld::point(int hook) const {
  if (hook == kNoSuchType) return {kUnknownDevice, kUnknownType};
  if (hook < 0) return {kUnknownDevice, static_cast<std::uint32_t>(hooks_.front().type)};
  const Hook& named = hooks_[static_cast<std::size_t>(hook)];
  const std::uint32_t ifindex = if_nametoindex(device_name(named.device).c_str());
  return {ifindex != 0 ? ifindex : kUnknownDevice, static_cast<std::uint32_t>(named.type)};
}

std::uint64_t KernelAttachWorld::revision(const Action& action) {
  if (action.revision == Action::Revision::kAny) return 0;
  if (action.revision == Action::Revision::kHuge) return std::uint64_t{1} << 63U;
  const Point at = point(action.hook);
  QueryAttributes asked{.target_ifindex = at.ifindex, .attach_type = at.type};
  if (bpf_call(kProgQuery, asked) < 0) return 1;
  if (action.revision == Action::Revision::kReportedLess) return asked.revision - 1;
  return action.revision == Action::Revision::kReportedMore ? asked.revision + 1 : asked.revision;
}

std::string KernelAttachWorld::change_list(std::uint32_t command, const Action& action) {
  const Point at = point(action.hook);
  AttachAttributes asked{.target_ifindex = at.ifindex,
                         .attach_bpf_fd = static_cast<std::uint32_t>(descriptor(action.program)),
                         .attach_type = at.type,
                         .attach_flags = action.flags,
                         .replace_bpf_fd = static_cast<std::uint32_t>(descriptor(action.replaced)),
                         .relative = relative(action.relative, action.flags),
                         .expected_revision = revision(action)};
  return word(bpf_call(command, asked));
}

std::string KernelAttachWorld::create_link(const Action& action) {
  const Point at = point(action.hook);
  LinkCreateAttributes asked{.prog_fd = static_cast<std::uint32_t>(descriptor(action.program)),
                             .target_ifindex = at.ifindex,
                             .attach_type = at.type,
                             .flags = action.flags,
                             .relative = relative(action.relative, action.flags),
                             .expected_revision = revision(action)};
  Fd link(bpf_call(kLinkCreate, asked));
  if (!link) return errno_name(errno);
  TcxLinkInfo told{};
  std::uint32_t size = sizeof told;
  bpf_obj_get_info_by_fd(link.get(), &told, &size);
  link_numbers_[told.id] = action.number;
  links_[action.number] = {std::move(link), told.id};
  return "OK";
}

std::string KernelAttachWorld::update_link(const Action& action) {
  LinkUpdateAttributes asked{.link_fd = static_cast<std::uint32_t>(descriptor(action.link)),
                             .new_prog_fd = static_cast<std::uint32_t>(descriptor(action.program)),
                             .flags = action.flags,
                             .old_prog_fd = static_cast<std::uint32_t>(descriptor(action.replaced))};
  return word(bpf_call(kLinkUpdate, asked));
}

std::string KernelAttachWorld::query(const Action& action) {
  const Point at = point(action.hook);
  std::uint32_t programs[kMaxEntries] = {};
  std::uint32_t links[kMaxEntries] = {};
  QueryAttributes asked{.target_ifindex = at.ifindex,
                        .attach_type = at.type,
                        .query_flags = action.query_flags,
                        .attach_flags = action.attach_flags,
                        .prog_ids = action.wants_ids ? address_of(programs) : 0,
                        .count = action.room,
                        .link_ids = address_of(links)};
  const int result = bpf_call(kProgQuery, asked);
  if (result < 0 && errno != ENOSPC) return errno_name(errno);
  std::string text = fmt::format("{} count {} rev {}", word(result), asked.count, asked.revision);
  for (std::size_t i = 0; i < kMaxEntries && programs[i] != 0; ++i) {
    text += fmt::format(" p{}", number_of(program_numbers_, programs[i]));
    if (links[i] != 0) text += fmt::format("/l{}", number_of(link_numbers_, links[i]));
  }
  return text;
}

std::string KernelAttachWorld::info(int link_fd) {
  TcxLinkInfo told{};
  std::uint32_t size = sizeof told;
  if (bpf_obj_get_info_by_fd(link_fd, &told, &size) < 0) return errno_name(errno);
  std::string text = fmt::format("OK p{}", number_of(program_numbers_, told.prog_id));
  if (told.ifindex == 0) return text + " defunct";
  for (int hook = 0; hook < static_cast<int>(hooks_.size()); ++hook) {
    const Point at = point(hook);
    if (at.ifindex == told.ifindex && at.type == told.attach_type) text += fmt::format(" h{}", hook);
  }
  return text;
}

int KernelAttachWorld::descriptor(const Reference& reference) const {
  const auto open_fd = [](const std::map<int, Object>& objects, int number) {
    const auto found = objects.find(number);
    return found != objects.end() && found->second.fd ? found->second.fd.get() : kClosedDescriptor;
  };
  switch (reference.kind) {
    case Kind::kZero:
      return 0;
    case Kind::kClosed:
      return kClosedDescriptor;
    case Kind::kForeign:
      return foreign_.get();
    case Kind::kProgram:
      return open_fd(programs_, reference.number);
    case Kind::kLink:
      return open_fd(links_, reference.number);
  }
  return kClosedDescriptor;
}

std::uint32_t KernelAttachWorld::relative(const Reference& reference, std::uint32_t flags) const {
  if ((flags & kIdFlag) == 0 || reference.kind == Kind::kZero)
    return static_cast<std::uint32_t>(descriptor(reference));
  const bool wants_link = (flags & kLinkFlag) != 0;
  if (reference.kind != (wants_link ? Kind::kLink : Kind::kProgram)) return kUnknownId;
  const std::map<int, Object>& objects = wants_link ? links_ : programs_;
  const auto found = objects.find(reference.number);
  return found != objects.end() ? found->second.id : kUnknownId;
}

std::string KernelAttachWorld::close(Object& object) {
  if (!object.fd) return "EBADF";
  object.fd.reset();
  return "OK";
}

}  // namespace netkit::differential
