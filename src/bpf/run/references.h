// What a run holds and must give back: ring buffer reservations, spin locks, sockets, dynptrs of a ring
// buffer. Helpers that acquire enter it here, helpers that release take it out, and what is left when the run
// ends or faults is released by the engine, so that nothing outlives a run.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace netkit::bpf {

enum class ReferenceKind : std::uint8_t {
  kReservation,  // a record of a ring buffer
  kSpinLock,
  kSocket,
  kDynptr,    // a ring buffer dynptr on the program's stack, null ones too
  kIterator,  // the copy that an iterator on the program's stack goes over
};

// "ring buffer reservation", for messages.
[[nodiscard]] std::string_view reference_kind_name(ReferenceKind kind);

struct Reference {
  ReferenceKind kind{};
  std::uint64_t value = 0;  // what the program holds: the address of the record, of the lock, ...
  void* owner = nullptr;    // what `release` needs beside: the map, the socket table; may be null
  // Gives it back when the program did not. Null: nothing to do.
  void (*release)(const Reference& reference) = nullptr;
};

class References {
 public:
  [[nodiscard]] bool empty() const { return held_.empty(); }
  [[nodiscard]] const Reference& newest() const { return held_.back(); }
  [[nodiscard]] bool holds_lock() const { return locks_ != 0; }

  void acquire(const Reference& reference);
  // The reference of that kind and value, or null.
  [[nodiscard]] const Reference* find(ReferenceKind kind, std::uint64_t value) const;
  // The program has given it back: forgets it without calling `release`. False: the run holds no such one.
  bool drop(ReferenceKind kind, std::uint64_t value);
  // Gives back all that is held, the newest first.
  void release_all();

 private:
  std::vector<Reference> held_;  // its memory is kept from run to run
  std::uint32_t locks_ = 0;
};

}  // namespace netkit::bpf
