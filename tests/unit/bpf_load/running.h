// A worker that runs programs of loaded objects on packets.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/exec/load.h"
#include "packet/builder.h"

namespace netkit::bpf {

// Compiled for this test: of this folder or of bpf/tests.
inline std::string object(const char* name) {
  return std::string(NETKIT_TEST_OBJECTS) + "/" + name + ".o";
}

class RunsPrograms : public ::testing::Test {
 protected:
  RunsPrograms() {
    run.pool = &pool;
    run.redirect = &redirect;
    run.outside = &outside;
  }

  static LoadedObject load(const char* name, const LinkOptions& options = {}) {
    auto loaded = load_object(object(name), options);
    if (!loaded) {
      ADD_FAILURE() << describe(loaded.error());
      return {};
    }
    return *std::move(loaded);
  }
  static LinkOptions only(std::vector<std::string> programs) {
    LinkOptions options;
    options.programs = std::move(programs);
    return options;
  }
  static PacketBuilder tcp() {
    return PacketBuilder().ethernet({{1}}, {{2}}).ip("10.0.0.1", "10.0.0.2").tcp(1, 2);
  }
  static PacketBuilder udp() {
    return PacketBuilder().ethernet({{1}}, {{2}}).ip("10.0.0.1", "10.0.0.2").udp(1, 2);
  }
  std::int32_t run_one(const LoadedObject& loaded, std::string_view program,
                       const PacketBuilder& builder = tcp(), std::uint32_t mark = 0) {
    packet = builder.build(pool);
    packet->meta.mark = mark;
    const ProgramRef found = loaded.find_program(program);
    if (found == nullptr) {
      ADD_FAILURE() << "no program " << program;
      return -1000;
    }
    return run_program(run, *found, *packet);
  }
  // A variable of a data section.
  template <class T>
  static T variable(const LoadedObject& loaded, const char* file, std::string_view name) {
    const auto parsed = ObjectFile::read(object(file));
    const Variable* found = parsed->find_variable(name);
    const MapRef map = loaded.find_map(parsed->contents().data[found->section].section);
    std::vector<std::byte> value(map->spec().value_size);
    const std::uint32_t key = 0;
    EXPECT_TRUE(map->read(std::as_bytes(std::span(&key, 1)), value));
    T result{};
    std::memcpy(&result, value.data() + found->offset, sizeof result);
    return result;
  }

  rcu::Section section;
  PacketPool pool;
  RedirectRecord redirect;
  Outside outside;
  RunContext run;
  PacketPtr packet;
};

}  // namespace netkit::bpf
