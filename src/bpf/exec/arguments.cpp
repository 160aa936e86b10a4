// Holds every argument of a helper call against the helper's contract, so that helpers may trust what they
// get.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>

#include "bpf/exec/machine.h"
#include "bpf/helper/dynptr.h"
#include "bpf/helper/map_types.h"
#include "bpf/map/map.h"
#include "packet/headers.h"

namespace netkit::bpf {
namespace {

constexpr std::uint64_t kMaxSize = std::uint64_t{1} << 29;  // BPF_MAX_VAR_SIZ

class ArgumentCheck {
 public:
  ArgumentCheck(Machine& machine, const Operation* at, const Helper& helper, const Registers& r)
      : machine_(&machine), at_(at), helper_(&helper), r_(&r) {}

  bool all() {
    for (; index_ < helper_->contract.arguments.size(); ++index_) {
      const Arg kind = helper_->contract.arguments[index_];
      if (kind == Arg::kNone) return true;
      if (!one(kind)) return false;
    }
    return true;
  }

 private:
  [[nodiscard]] std::uint64_t value() const { return (*r_)[index_ + 1]; }
  [[nodiscard]] std::uint64_t next_value() const { return (*r_)[index_ + 2]; }
  [[nodiscard]] bool size_may_be_zero() const {
    return helper_->contract.arguments[index_ + 1] == Arg::kSizeOrZero;
  }

  bool one(Arg kind) {
    switch (kind) {
      case Arg::kNone:
      case Arg::kAnything:
        return true;
      case Arg::kContext:
        return value() == machine_->context_address() || refuse("is not the context");
      case Arg::kMap:
        return map();
      case Arg::kMapKey:
        return map_memory(key_size(), AccessKind::kRead);
      case Arg::kMapValue:
        return holds_sockets() ? a_socket() : map_memory(value_size(), AccessKind::kRead);
      case Arg::kMapValueOut:
        return map_memory(value_size(), asks() ? AccessKind::kRead : AccessKind::kWrite);
      case Arg::kMem:
        return sized(AccessKind::kRead, false, false);
      case Arg::kMemOrNull:
        return sized(AccessKind::kRead, false, true);
      case Arg::kPacketMem:
        return sized(AccessKind::kRead, true, false);
      case Arg::kPacketMemOrNull:
        return sized(AccessKind::kRead, true, true);
      case Arg::kInOutMem:
      case Arg::kOutMem:
        return sized(AccessKind::kWrite, false, false);
      case Arg::kOutMemOrNull:
        return sized(AccessKind::kWrite, false, true);
      case Arg::kSize:
        return (value() > 0 && value() <= kMaxSize) || refuse_size(value());
      case Arg::kSizeOrZero:
        return value() <= kMaxSize || refuse_size(value());
      case Arg::kFunction:
        return machine_->function(at_, value()) != nullptr;
      case Arg::kStackOrNull:
        return value() == 0 || stack();
      case Arg::kConstString:
        return constant_string();
      case Arg::kLongOut:
        return number_out(sizeof(std::uint64_t));
      case Arg::kIntOut:
        return number_out(sizeof(std::uint32_t));
      case Arg::kValueMem:
        return sized(AccessKind::kWrite, false, false) && of_a_map_value();
      case Arg::kBuffer:
        return value() == 0 || sized(AccessKind::kWrite, true, false);
      case Arg::kDynptr:
        return dynptr();
      case Arg::kDynptrOut:
        return stack_object(sizeof(Dynptr));
      case Arg::kSocketOrNull:
        return value() == 0 || socket();
      case Arg::kSocket:
        return socket();
      case Arg::kContextOrNull:
        return value() == 0 || value() == machine_->run().context_address() ||
               refuse("is neither the context nor null");
      case Arg::kIpv4Header:
        return memory(value(), sizeof(Ipv4Header), AccessKind::kRead, true);
      case Arg::kIpv6Header:
        return memory(value(), sizeof(Ipv6Header), AccessKind::kRead, true);
      case Arg::kTcpHeader:
        return memory(value(), sizeof(TcpHeader), AccessKind::kRead, true);
      case Arg::kIterBits:
        return stack_object(2 * sizeof(std::uint64_t));
      case Arg::kSpinLock:
        return special_field(FieldKind::kSpinLock);
      case Arg::kTimer:
        return special_field(FieldKind::kTimer);
      case Arg::kReservation:
        return machine_->run().references.find(ReferenceKind::kReservation, value()) != nullptr ||
               refuse("is no ring buffer record that the program has reserved");
      case Arg::kIrqFlags:
      case Arg::kIterNum:
        return stack_object(sizeof(std::uint64_t));
    }
    return refuse("is of a kind that this engine does not know");
  }

  bool map() {
    if (!machine_->knows_map(value())) return refuse("is not a map of the program");
    map_ = reinterpret_cast<const Map*>(value());
    if (!helper_takes_map(helper_->number, map_->spec().type))
      return refuse(fmt::format("is a map of type {}, which this helper does not take",
                                map_type_name(map_->spec().type)));
    if ((helper_->contract.effects & kWritesMap) != 0 && !map_->program_may_write())
      return refuse("is a map that is read-only for programs");
    return true;
  }
  [[nodiscard]] std::uint64_t key_size() const { return map_->spec().key_size; }
  [[nodiscard]] std::uint64_t value_size() const { return map_->spec().value_size; }
  // Memory whose size the map of the call determines; the contract names the map first.
  bool map_memory(std::uint64_t size, AccessKind kind) {
    return memory(value(), size, kind, kind == AccessKind::kRead);
  }

  // What programs put into these is a socket, not bytes.
  [[nodiscard]] bool holds_sockets() const {
    return map_->spec().type == MapType::kSockmap || map_->spec().type == MapType::kSockhash;
  }
  bool a_socket() {
    const Region* region = machine_->find(value(), 1);
    const bool found =
        region != nullptr && (region->kind == RegionKind::kSocket || region->kind == RegionKind::kTcpSocket);
    return found || refuse("is no socket");
  }

  // A filter is asked for the value, which other types write.
  [[nodiscard]] bool asks() const { return map_->spec().type == MapType::kBloomFilter; }

  bool special_field(FieldKind kind) {
    const Region* region = machine_->find(value(), 1);
    const Map* map = region == nullptr ? nullptr : machine_->map_of(*region);
    const SpecialField* field = map == nullptr ? nullptr : map->spec().find_field(kind);
    return (field != nullptr && value() - region->base == field->offset) ||
           refuse(kind == FieldKind::kSpinLock ? "is no bpf_spin_lock of a map value"
                                               : "is no bpf_timer of a map value");
  }

  bool sized(AccessKind kind, bool packet_allowed, bool null_allowed) {
    const std::uint64_t size = next_value();
    if (size > kMaxSize) return refuse_size(size);
    if (size == 0)
      return size_may_be_zero() && (value() != 0 || null_allowed) ? true : refuse("is memory of no bytes");
    return memory(value(), size, kind, packet_allowed);
  }

  bool memory(std::uint64_t address, std::uint64_t size, AccessKind kind, bool packet_allowed) {
    const Region* region = machine_->find(address, size);
    if (region == nullptr || region->kind == RegionKind::kContext) return refuse_memory(address, size, kind);
    if (is_socket(*region)) return refuse("is a socket, which is no memory");
    if (region->kind == RegionKind::kPacket && !packet_allowed)
      return refuse("is packet memory, which this helper does not take");
    if (kind == AccessKind::kWrite && !region->writable) return refuse("is read-only memory");
    return true;
  }

  bool stack() {
    const Region* region = machine_->find(value(), 1);
    return (region != nullptr && region->kind == RegionKind::kStack) || refuse("is neither stack nor null");
  }

  bool socket() {
    const Region* region = machine_->find(value(), 1);
    return (region != nullptr && is_socket(*region) && region->base == value()) || refuse("is not a socket");
  }

  // A struct that the program holds on its stack and only functions touch.
  bool stack_object(std::uint64_t size) {
    const Region* region = machine_->find(value(), size);
    return (region != nullptr && region->kind == RegionKind::kStack && value() % 8 == 0) ||
           refuse(fmt::format("is not {} aligned bytes of stack", size));
  }

  bool dynptr() {
    if (!stack_object(sizeof(Dynptr))) return false;
    Dynptr copy;
    std::memcpy(static_cast<void*>(&copy), reinterpret_cast<const void*>(value()), sizeof copy);
    return is_valid_dynptr(machine_->run(), copy) || refuse("is no dynptr, or its memory has gone");
  }

  bool of_a_map_value() {
    const Region* region = machine_->find(value(), 1);
    return next_value() == 0 ||
           (region != nullptr &&
            (region->kind == RegionKind::kMapValue || region->kind == RegionKind::kGlobalData)) ||
           refuse("is not memory of a map value");
  }

  bool number_out(std::uint64_t size) {
    if (value() % size != 0) return refuse("is not aligned");
    return memory(value(), size, AccessKind::kWrite, false);
  }

  bool constant_string() {
    const Region* region = machine_->find(value(), 1);
    if (region == nullptr || region->kind != RegionKind::kGlobalData || region->writable)
      return refuse("is not a string in read-only map memory");
    const std::uint64_t rest = region->size - (value() - region->base);
    return std::memchr(reinterpret_cast<const void*>(value()), 0, rest) != nullptr ||
           refuse("is a string without end");
  }

  bool refuse(std::string_view what) {
    machine_->fault(at_, fmt::format("argument {} of {} {}", index_ + 1, c_name(*helper_), what));
    return false;
  }
  bool refuse_size(std::uint64_t size) {
    return refuse(fmt::format("is {}, no valid size", static_cast<std::int64_t>(size)));
  }
  bool refuse_memory(std::uint64_t address, std::uint64_t size, AccessKind kind) {
    return refuse(fmt::format("is not {} bytes of {} memory: {}", size,
                              kind == AccessKind::kRead ? "readable" : "writable",
                              describe_address(machine_->run(), machine_->frame_pointer(), address)));
  }

  Machine* machine_;
  const Operation* at_;
  const Helper* helper_;
  const Registers* r_;
  std::size_t index_ = 0;
  const Map* map_ = nullptr;
};

}  // namespace

bool check_arguments(Machine& machine, const Operation* at, const Helper& helper, const Registers& r) {
  return ArgumentCheck(machine, at, helper, r).all();
}

}  // namespace netkit::bpf
