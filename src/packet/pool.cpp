// Slabs, free lists and buffers that change owners.
//
// Theory of operation. A packet object and its buffer are made together, in slabs, when the free list of
// their size class is empty and the limit allows more. The owner thread pushes and pops a plain list; any
// other thread pushes onto `returned`, which is only ever taken as a whole (no ABA), as a rule by the owner
// when its own list is empty. A packet that outgrows its buffer swaps buffers with a free packet of a larger
// class, which then goes back as one of the smaller class: the object, which callers hold, stays where it is.
// That may happen on a thread that does not own the pool: it, too, takes the returned ones as a whole, keeps
// one and puts the rest back.
#include "packet/pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/log.h"
#include "base/per_cpu.h"

#if defined(__SANITIZE_ADDRESS__)
#define NETKIT_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NETKIT_ASAN 1
#endif
#endif
#ifdef NETKIT_ASAN
#include <sanitizer/asan_interface.h>
#endif

namespace netkit {
namespace {

constexpr std::size_t kClasses = kBufferBytes.size();
constexpr std::size_t kSlabBytes = std::size_t{4} << 20U;

const void* this_thread() {
  thread_local const char identity = 0;
  return &identity;
}

// The buffer of a free packet may not be touched: AddressSanitizer then reports the place that does.
void forbid(void* buffer, std::size_t bytes) {
#ifdef NETKIT_ASAN
  ASAN_POISON_MEMORY_REGION(buffer, bytes);
#else
  static_cast<void>(buffer), static_cast<void>(bytes);
#endif
}
void permit(void* buffer, std::size_t bytes) {
#ifdef NETKIT_ASAN
  ASAN_UNPOISON_MEMORY_REGION(buffer, bytes);
#else
  static_cast<void>(buffer), static_cast<void>(bytes);
#endif
}

// Memory straight from the kernel: page-aligned, and no page of it exists before it is touched.
class Pages {
 public:
  explicit Pages(std::size_t bytes) : bytes_(bytes) {
    void* at =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at != MAP_FAILED) at_ = static_cast<std::uint8_t*>(at);
  }
  Pages(Pages&& other) noexcept : at_(std::exchange(other.at_, nullptr)), bytes_(other.bytes_) {}
  Pages& operator=(Pages&&) = delete;
  ~Pages() {
    if (at_ == nullptr) return;
    permit(at_, bytes_);
    ::munmap(at_, bytes_);
  }
  [[nodiscard]] std::uint8_t* get() const { return at_; }

 private:
  std::uint8_t* at_ = nullptr;
  std::size_t bytes_;
};

}  // namespace

struct PacketPool::Class {
  struct Slab {
    Pages buffers;
    std::unique_ptr<Packet[]> packets;
  };

  // ---- the owner's ----
  Packet* free = nullptr;
  Counter taken;
  Counter given;  // back

  // ---- everybody's ----
  alignas(kCacheLine) std::atomic<Packet*> returned{nullptr};
  std::atomic<std::int64_t> out_elsewhere{0};  // taken less given back by threads that are not the owner
  std::mutex growing;                          // guards what follows
  std::uint32_t limit = 0;
  std::uint32_t made = 0;
  std::vector<Slab> slabs;

  [[nodiscard]] Packet* take_returned() { return returned.exchange(nullptr, std::memory_order_acquire); }
  // Puts the packets from `first` to `last`, linked, onto the returned ones.
  void put_returned(Packet* first, Packet* last);
  // A new slab as a list; null when the limit is reached or memory has run out.
  [[nodiscard]] Packet* grow(PacketPool* pool, SizeClass size_class);
};

void PacketPool::Class::put_returned(Packet* first, Packet* last) {
  last->next_ = returned.load(std::memory_order_relaxed);
  while (!returned.compare_exchange_weak(last->next_, first, std::memory_order_release,
                                         std::memory_order_relaxed)) {
  }
}

Packet* PacketPool::Class::grow(PacketPool* pool, SizeClass size_class) {
  const std::lock_guard lock(growing);
  const std::uint32_t bytes = kBufferBytes[static_cast<std::size_t>(size_class)];
  const auto count = std::min(limit - made, static_cast<std::uint32_t>(kSlabBytes / bytes));
  if (count == 0) return nullptr;
  Slab slab{Pages{std::size_t{count} * bytes}, std::unique_ptr<Packet[]>(new Packet[count])};
  if (slab.buffers.get() == nullptr) return nullptr;
  Packet* list = nullptr;
  for (std::uint32_t i = count; i-- > 0;) {
    Packet& packet = slab.packets[i];
    packet.buffer_ = slab.buffers.get() + std::size_t{i} * bytes;
    packet.capacity_ = bytes;
    packet.pool_ = pool;
    packet.size_class_ = static_cast<std::uint8_t>(size_class);
    packet.next_ = std::exchange(list, &packet);
    forbid(packet.buffer_, bytes);
  }
  made += count;
  slabs.push_back(std::move(slab));
  return list;
}

PacketPool::PacketPool(PoolLimits limits) {
  for (std::size_t i = 0; i < kClasses; ++i) {
    classes_[i] = std::make_unique<Class>();
    classes_[i]->limit = limits.packets[i];
  }
}

PacketPool::~PacketPool() {
  if (in_use() == 0) return;
  log::error("a packet pool is destroyed while packets of it are still in use: this is an error in netkit");
  std::abort();
}

bool PacketPool::owned() const {
  return owner_.load(std::memory_order_relaxed) == this_thread();
}

Packet* PacketPool::take(SizeClass size_class) {
  Class& from = *classes_[static_cast<std::size_t>(size_class)];
  Packet* packet = owned() ? from.free : nullptr;
  if (packet == nullptr) packet = from.take_returned();
  if (packet == nullptr) packet = from.grow(this, size_class);
  if (packet == nullptr) return nullptr;
  if (owned()) {
    from.free = packet->next_;
    from.taken.add(1);
  } else {
    if (Packet* rest = packet->next_) {
      Packet* last = rest;
      while (last->next_ != nullptr) last = last->next_;
      from.put_returned(rest, last);
    }
    from.out_elsewhere.fetch_add(1, std::memory_order_relaxed);
  }
  permit(packet->buffer_, packet->capacity_);
  return packet;
}

void PacketPool::give_back(Packet* packet) noexcept {
  Class& to = *classes_[packet->size_class_];
  forbid(packet->buffer_, packet->capacity_);
  if (owned()) {
    packet->next_ = std::exchange(to.free, packet);
    to.given.add(1);
    return;
  }
  to.out_elsewhere.fetch_sub(1, std::memory_order_relaxed);
  to.put_returned(packet, packet);
}

PacketPtr PacketPool::allocate(std::uint32_t len, std::uint32_t headroom, std::uint32_t tailroom) {
  const std::uint64_t needed = std::uint64_t{headroom} + len + tailroom;
  const auto* fits = std::ranges::find_if(kBufferBytes, [&](std::uint32_t bytes) { return needed <= bytes; });
  if (fits == kBufferBytes.end()) return nullptr;
  if (!owned()) owner_.store(this_thread(), std::memory_order_relaxed);
  PacketPtr packet(take(static_cast<SizeClass>(fits - kBufferBytes.begin())));
  if (packet == nullptr) return nullptr;
  packet->reset_meta();
  packet->reset_bytes(headroom, len);
  return packet;
}

PacketPtr PacketPool::copy(const Packet& packet) {
  PacketPtr copy = allocate(packet.len(), packet.headroom());
  if (copy == nullptr) return nullptr;
  const std::uint32_t front = packet.live_front();
  std::memcpy(copy->buffer_ + front, packet.buffer_ + front, packet.data_ - front + packet.len_);
  copy->linear_ = packet.linear_;
  copy->meta = packet.meta;
  return copy;
}

std::uint32_t PacketPool::in_use() const {
  std::int64_t out = 0;
  for (const auto& c : classes_) {
    out += static_cast<std::int64_t>(c->taken.get() - c->given.get());
    out += c->out_elsewhere.load(std::memory_order_relaxed);
  }
  return static_cast<std::uint32_t>(out);
}

bool PacketPool::exchange_buffer(Packet& packet, SizeClass larger, std::uint32_t front, std::uint32_t head) {
  Packet* other = take(larger);
  if (other == nullptr) return false;
  const std::uint32_t before = packet.data_ - front;
  std::memcpy(other->buffer_ + head - before, packet.buffer_ + front, before + packet.len_);
  std::swap(packet.buffer_, other->buffer_);
  std::swap(packet.capacity_, other->capacity_);
  std::swap(packet.size_class_, other->size_class_);
  give_back(other);
  return true;
}

std::uint32_t Packet::live_front() const {
  // kUnset is larger than any position.
  return std::min({data_ - std::min<std::uint32_t>(meta.meta_len, data_), meta.mac_header,
                   meta.network_header, meta.transport_header, meta.inner_mac_header,
                   meta.inner_network_header, meta.inner_transport_header});
}

void Packet::shift_positions(std::int32_t shift) {
  for (std::uint32_t* position :
       {&meta.mac_header, &meta.network_header, &meta.transport_header, &meta.inner_mac_header,
        &meta.inner_network_header, &meta.inner_transport_header}) {
    if (*position != kUnset) *position += static_cast<std::uint32_t>(shift);
  }
  if (meta.csum.state == ChecksumState::kPartial) meta.csum.start += static_cast<std::uint32_t>(shift);
}

bool Packet::reserve(std::uint32_t head, std::uint32_t tail) {
  if (headroom() >= head && tailroom() >= tail) return true;
  const std::uint32_t front = live_front();
  const std::uint32_t least_head = std::max(head, data_ - front);
  const std::uint64_t needed = std::uint64_t{least_head} + len_ + tail;
  const auto* fits = std::ranges::find_if(
      kBufferBytes, [&](std::uint32_t bytes) { return bytes >= capacity_ && needed <= bytes; });
  if (fits == kBufferBytes.end()) return false;

  // Keeps as much of the headroom as the tailroom leaves.
  const auto spare = static_cast<std::uint32_t>(*fits - len_ - tail);
  const std::uint32_t new_head = std::max(least_head, std::min(data_, spare));
  if (*fits == capacity_) {
    const std::uint32_t before = data_ - front;
    std::memmove(buffer_ + new_head - before, buffer_ + front, before + len_);
  } else if (!pool_->exchange_buffer(*this, static_cast<SizeClass>(fits - kBufferBytes.begin()), front,
                                     new_head)) {
    return false;
  }
  const auto shift = static_cast<std::int32_t>(new_head) - static_cast<std::int32_t>(data_);
  data_ = new_head;
  shift_positions(shift);
  return true;
}

void PacketReturn::operator()(Packet* packet) const noexcept {
  packet->meta.tunnel = {};
  packet->pool_->give_back(packet);
}

}  // namespace netkit
