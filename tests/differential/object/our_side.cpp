#include <fmt/format.h>

#include "base/rcu.h"
#include "control/map_batch.h"
#include "control/object.h"
#include "control/pins.h"
#include "device/namespace.h"
#include "tests/differential/object/side.h"

namespace netkit::control::test {
namespace {

int answer(const Result<>& result) {
  return result ? 0 : -result.error().code;
}
int answer(const Result<int>& result) {
  return result ? *result : -result.error().code;
}
int answer(const Result<std::uint32_t>& result) {
  return result ? static_cast<int>(*result) : -result.error().code;
}
int answer(const Result<Buffer>& result, Buffer& to) {
  if (!result) return -result.error().code;
  to = *result;
  return 0;
}

std::string words(const ProgramInfo& info) {
  std::string tag;
  for (const std::uint8_t byte : info.tag) tag += fmt::format("{:02x}", byte);
  return fmt::format("program type {} tag {} name '{}' uid {} gpl {} maps {} xlated {} runs {} time {}",
                     info.type, tag, info.name, info.created_by_uid, info.gpl_compatible, info.map_ids.size(),
                     info.xlated_prog_len, info.run_cnt, info.run_time_ns);
}
std::string words(const MapInfo& info) {
  return fmt::format("map type {} key {} value {} entries {} flags {:#x} name '{}' ifindex {} extra {}",
                     info.type, info.key_size, info.value_size, info.max_entries, info.map_flags, info.name,
                     info.ifindex, info.map_extra);
}
std::string words(const LinkInfo& info) {
  return fmt::format("link type {}", info.type);
}

class OurSide final : public Side {
 public:
  OurSide() {
    const device::Rtnl rtnl = network_.lock();
    const device::NamespaceRef netns = network_.add_namespace(rtnl, "host").value();
    client_ = std::make_unique<Client>(system_, netns);
  }
  ~OurSide() override {
    client_.reset();
    rcu::drain();
  }

  void drop_privilege() override { client_->become({.uid = kNobody, .privileged = false, .gid = kNobody}); }
  void regain_privilege() override { client_->become({}); }

  int close(int fd) override { return answer(client_->close(fd)); }
  int duplicate(int fd) override { return answer(client_->duplicate(fd)); }
  int open_other() override { return client_->open(OtherFile{}); }

  int create_map(const MapCreateRequest& request) override {
    return answer(control::create_map(*client_, request));
  }
  int lookup(int fd, KeySpan key, Buffer& value, std::uint64_t flags) override {
    return answer(lookup_element(*client_, fd, key, flags), value);
  }
  int update(int fd, KeySpan key, ValueSpan value, std::uint64_t flags) override {
    return answer(update_element(*client_, fd, key, value, flags));
  }
  int erase(int fd, KeySpan key) override { return answer(delete_element(*client_, fd, key)); }
  int next_key(int fd, KeySpan key, Buffer& next) override {
    return answer(control::next_key(*client_, fd, key), next);
  }
  int take(int fd, KeySpan key, Buffer& value, std::uint64_t flags) override {
    return answer(lookup_and_delete_element(*client_, fd, key, flags), value);
  }
  int freeze(int fd) override { return answer(freeze_map(*client_, fd)); }
  int read_batch(int fd, bool erase, std::uint32_t count, std::uint64_t elem_flags,
                 std::uint32_t& done) override {
    BatchAnswer batch;
    const BatchReadRequest request{.map_fd = fd, .count = count, .elem_flags = elem_flags};
    const Result<> result =
        erase ? lookup_and_delete_batch(*client_, request, batch) : lookup_batch(*client_, request, batch);
    done = batch.count;
    return answer(result);
  }
  int update_batch(int fd, std::uint32_t count, KeySpan keys, ValueSpan values, std::uint64_t elem_flags,
                   std::uint32_t& done) override {
    return answer(control::update_batch(
        *client_, {.map_fd = fd, .count = count, .keys = keys, .values = values, .elem_flags = elem_flags},
        done));
  }
  int delete_batch(int fd, std::uint32_t count, KeySpan keys, std::uint64_t elem_flags,
                   std::uint32_t& done) override {
    return answer(control::delete_batch(
        *client_, {.map_fd = fd, .count = count, .keys = keys, .elem_flags = elem_flags}, done));
  }

  int load_program(const ProgramLoadRequest& request) override {
    return answer(control::load_program(*client_, request));
  }

  int next_id(Kind kind, std::uint32_t start) override {
    switch (kind) {
      case Kind::kProgram:
        return answer(next_program_id(*client_, start));
      case Kind::kMap:
        return answer(next_map_id(*client_, start));
      case Kind::kLink:
        return answer(next_link_id(*client_, start));
    }
    return -EINVAL;
  }
  int open_id(Kind kind, std::uint32_t id, std::uint32_t open_flags) override {
    switch (kind) {
      case Kind::kProgram:
        return answer(open_program(*client_, id));
      case Kind::kMap:
        return answer(open_map(*client_, id, open_flags));
      case Kind::kLink:
        return answer(open_link(*client_, id));
    }
    return -EINVAL;
  }
  int describe(int fd, std::string& text) override {
    const Result<ObjectInfo> info = object_info(*client_, fd);
    if (!info) return -info.error().code;
    text = std::visit([](const auto& of_kind) { return words(of_kind); }, *info);
    return 0;
  }
  std::uint32_t id_of(int fd) override {
    return std::visit([](const auto& info) { return info.id; }, object_info(*client_, fd).value());
  }
  int enable_stats(std::uint32_t type) override { return answer(control::enable_stats(*client_, type)); }

  int pin(int fd, const std::string& path, std::uint32_t flags) override {
    return answer(pin_object(*client_, fd, path, flags));
  }
  int get(const std::string& path, std::uint32_t flags) override {
    return answer(open_pin(*client_, path, flags));
  }
  int unlink(const std::string& path) override {
    return answer(system_.pins.unlink(client_->credentials(), path));
  }
  int make_directory(const std::string& path, std::uint32_t mode) override {
    return answer(system_.pins.make_directory(client_->credentials(), path, mode));
  }
  int remove_directory(const std::string& path) override {
    return answer(system_.pins.remove_directory(client_->credentials(), path));
  }
  int change_mode(const std::string& path, std::uint32_t mode) override {
    return answer(system_.pins.change_mode(client_->credentials(), path, mode));
  }
  int change_owner(const std::string& path, std::uint32_t uid, std::uint32_t gid) override {
    return answer(system_.pins.change_owner(client_->credentials(), path, uid, gid));
  }
  int stat(const std::string& path, std::string& text) override {
    const Result<PinEntry> entry = system_.pins.stat(client_->credentials(), path);
    if (!entry) return -entry.error().code;
    text = fmt::format("{} {:o} {}:{}", entry->kind == PinKind::kDirectory ? "directory" : "file",
                       entry->mode, entry->uid, entry->gid);
    return 0;
  }

 private:
  device::Network network_;
  System system_{network_};
  std::unique_ptr<Client> client_;
};

}  // namespace

std::unique_ptr<Side> make_our_side() {
  return std::make_unique<OurSide>();
}

}  // namespace netkit::control::test
