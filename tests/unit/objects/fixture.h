// Programs, maps, links and pins in few words, for the tests of requests about them.
#pragma once

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/endian.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "control/attach.h"
#include "control/map.h"
#include "control/object.h"
#include "control/pins.h"
#include "control/program.h"
#include "device/device.h"
#include "tests/unit/control/fixture.h"

namespace netkit::control {

inline constexpr int kBadDescriptor = 4711;  // not open
inline constexpr std::uint32_t kSchedCls = 3;
inline constexpr std::uint32_t kTcxIngress = 46;
inline constexpr std::uint32_t kLoopbackNumber = 1;

// "OK", or the name of the errno.
template <class T>
std::string outcome(const Result<T>& result) {
  return result ? "OK" : errno_name(result.error().code);
}

inline Buffer bytes_of(std::uint32_t number, std::size_t size = 4) {
  Buffer bytes(size);
  store_unaligned(bytes.data(), number);
  return bytes;
}

class ObjectTest : public ControlTest {
 protected:
  [[nodiscard]] static MapCreateRequest map_request(bpf::MapType type = bpf::MapType::kHash,
                                                    std::uint32_t value_size = 4) {
    return {.map_type = static_cast<std::uint32_t>(type),
            .key_size = 4,
            .value_size = value_size,
            .max_entries = 8,
            .map_name = "flows"};
  }
  int create(bpf::MapType type = bpf::MapType::kHash, std::uint32_t value_size = 4) {
    return create_map(*client_, map_request(type, value_size)).value();
  }
  int load(std::string_view text = "r0 = 0; exit", std::string_view name = "pass") {
    return load_insns(bpf::assemble(text).value(), name);
  }
  int load_insns(std::span<const bpf::Insn> insns, std::string_view name = "pass") {
    return load_program(
               *client_,
               {.prog_type = kSchedCls, .insns = insns, .license = "GPL", .prog_name = std::string(name)})
        .value();
  }
  ObjectHandles load_file(Client& client, ObjectLoadRequest request = {.bytes = {}, .name = {}}) {
    return load_object(client, with_file(std::move(request), "counter_objects.o")).value();
  }
  static ObjectLoadRequest with_file(ObjectLoadRequest request, const std::string& name) {
    std::ifstream file(std::filesystem::path(NETKIT_TEST_OBJECTS) / name, std::ios::binary);
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    const auto bytes = std::as_bytes(std::span(text));
    request.bytes.assign(bytes.begin(), bytes.end());
    request.name = "counter.o";
    return request;
  }

  // A link of that program at lo.
  int link(int program) {
    return create_link_at(*client_,
                          {.target_ifindex = kLoopbackNumber, .prog_fd = program, .attach_type = kTcxIngress})
        .value();
  }
  [[nodiscard]] std::uint32_t attached_at_lo() {
    QueryAnswer answer;
    EXPECT_TRUE(query_programs(
        *client_, {.target_ifindex = kLoopbackNumber, .attach_type = kTcxIngress, .room = 64}, answer));
    return answer.count;
  }
  [[nodiscard]] std::uint32_t id_of(int fd) {
    return std::visit([](const auto& info) { return info.id; }, object_info(*client_, fd).value());
  }

  [[nodiscard]] Client plain_client() {
    return {system_, host_, Credentials{.uid = 1000, .privileged = false, .gid = 1000}};
  }
};

}  // namespace netkit::control
