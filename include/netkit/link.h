// Programs at devices: where, in which order, and the link that owns an entry.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <netkit/program.h>
#include <netkit/result.h>

namespace netkit::v1 {

// Lists of a device; numbers of enum bpf_attach_type.
enum class AttachPoint : std::uint32_t {
  kTcxIngress = 46,
  kTcxEgress = 47,
  kNetkitPrimary = 54,
  kNetkitPeer = 55,
};

// Where in a list: after all others unless something else is said.
class NETKIT_API Position {
 public:
  Position() = default;
  [[nodiscard]] static Position head();
  [[nodiscard]] static Position before(const Program& program);
  [[nodiscard]] static Position after(const Program& program);
  // In place of that program (attach_permanently only; links are updated instead).
  [[nodiscard]] static Position replace(const Program& program);
  // Only if the list's revision is this one (ESTALE).
  [[nodiscard]] Position expecting(std::uint64_t revision) const;

 private:
  friend class Device;
  enum class Where : std::uint8_t { kTail, kHead, kBefore, kAfter, kReplace };
  Where where_ = Where::kTail;
  std::uint32_t relative_ = 0;  // program id
  std::uint64_t revision_ = 0;  // 0: any
};

// A list as BPF_PROG_QUERY answers it.
struct Attached {
  struct Entry {
    std::uint32_t program = 0;  // id
    std::uint32_t link = 0;     // id; 0: attached without one
  };
  std::uint64_t revision = 1;
  std::vector<Entry> entries = {};  // in the order of execution
};

class NETKIT_API Link {
 public:
  // Detaches the program unless the link is pinned.
  ~Link();
  Link(Link&& other) noexcept;
  Link& operator=(Link&& other) noexcept;

  [[nodiscard]] std::uint32_t id() const;
  // The device's number; 0: the device has gone, the link is defunct.
  [[nodiscard]] std::uint32_t ifindex() const;
  // Puts another program into the same place. ENOLINK: defunct; EEXIST: it is in the list already.
  [[nodiscard]] Result<> update(const Program& program);
  // Takes the program out now; the link is defunct afterwards.
  [[nodiscard]] Result<> detach();
  [[nodiscard]] Result<> pin(std::string_view path) const;

 private:
  friend class Device;
  struct State;
  explicit Link(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace netkit::v1
