// The lists of programs as docs/spec/mprog-attach.md describes them, written down once more from its tables:
// numbers in vectors, no memory management, no concurrency. It knows nothing of src/device.
#pragma once

#include <map>
#include <optional>

#include "tests/support/attach_actions.h"

namespace netkit::testing {

class ListModel final : public AttachWorld {
 public:
  explicit ListModel(std::vector<Hook> hooks);
  [[nodiscard]] std::string play(const Action& action) override;
  [[nodiscard]] std::string state() override;

 private:
  struct Program {
    bpf::ProgramType type;
    bool open = true;
  };
  struct Entry {
    int program;
    int link;  // -1: none
  };
  struct List {
    std::vector<Entry> entries;
    std::uint64_t revision = 1;
  };
  struct Link {
    int program;
    int hook;
    bool attached = true;
  };
  // A relative reference that was resolved; nothing in it: "none".
  struct Anchor {
    std::optional<int> program;
    std::optional<int> link;
  };
  // An errno; 0: none.
  using Errno = int;
  template <class T>
  struct Found {
    Errno error = 0;
    T value{};
  };

  Errno attach(const Action& action, int link);
  Errno detach(const Action& action);
  Errno update(const Action& action);
  std::string query(const Action& action) const;
  std::string info(const Action& action) const;
  void remove_entry_of(int link);
  void close_link(int link);
  void remove(List& list, std::size_t index, int hook);

  [[nodiscard]] Found<int> program_by_fd(const Reference& reference) const;
  [[nodiscard]] Found<int> classifier_by_fd(const Reference& reference) const;
  [[nodiscard]] Found<int> link_by_fd(const Reference& reference) const;
  [[nodiscard]] Found<Anchor> resolve(const Action& action, std::optional<bpf::ProgramType> beside) const;
  [[nodiscard]] static Found<long> position(const List& list, std::uint32_t flags, const Anchor& anchor,
                                            std::optional<long> candidate);
  [[nodiscard]] Errno device_error(int hook) const;
  [[nodiscard]] bool alive(int program) const;
  [[nodiscard]] bool forgets(int hook) const;
  [[nodiscard]] std::uint64_t reported(const List& list) const;
  [[nodiscard]] bool stale(const List& list, Action::Revision revision) const;
  [[nodiscard]] static std::optional<long> index_of(const List& list, int program);
  [[nodiscard]] static std::optional<long> index_of(const List& list, const Anchor& anchor);

  std::vector<Hook> hooks_;
  std::vector<List> lists_;
  std::map<int, bool> device_exists_;
  std::map<int, Program> programs_;
  std::map<int, Link> links_;  // with an open descriptor
};

}  // namespace netkit::testing
