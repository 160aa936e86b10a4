// Test objects in every compiled form, and maps that only remember what was done to them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "bpf/object/link.h"
#include "bpf/object/object_file.h"

namespace netkit::bpf {

// "clang-14-v1", ...
inline std::vector<std::string> compiled_variants() {
  std::istringstream words(NETKIT_BPF_VARIANTS);
  return {std::istream_iterator<std::string>(words), {}};
}

inline std::string object_path(std::string_view program, std::string_view variant) {
  return std::string(NETKIT_BINARY_DIR "/bpf/tests/")
      .append(program)
      .append("-")
      .append(variant)
      .append(".o");
}

// A map of any type that keeps the one value written to it.
class FakeMap : public Map {
 public:
  FakeMap(const MapSpec& spec, MapMemory memory) : Map(spec, operations(), std::move(memory)) {}

  // Empty: never written.
  [[nodiscard]] const std::vector<std::byte>& value() const { return value_; }
  template <class T>
  [[nodiscard]] T at(std::size_t offset) const {
    T found{};
    EXPECT_LE(offset + sizeof(T), value_.size());
    if (offset + sizeof(T) <= value_.size()) std::memcpy(&found, value_.data() + offset, sizeof(T));
    return found;
  }

 private:
  static const MapOperations& operations() {
    static const MapOperations kNone{};
    return kNone;
  }
  Result<> user_lookup(const std::byte*, std::byte*, std::uint64_t) override { return fail(ENOENT); }
  Result<> user_update(const std::byte*, const std::byte* value, std::uint64_t) override {
    value_.assign(value, value + spec().value_size);
    return {};
  }
  Result<> user_delete(const std::byte*) override { return fail(ENOENT); }
  Result<> user_next_key(const std::byte*, std::byte*) override { return fail(ENOENT); }

  std::vector<std::byte> value_;
};

inline Result<MapRef> make_fake_map(const MapSpec& spec) {
  return std::make_shared<FakeMap>(spec, TRY(MapMemory::create(spec, kPage)));
}

inline LinkOptions with_fake_maps() {
  LinkOptions options;
  options.create = make_fake_map;
  return options;
}

class EveryCompiler : public testing::TestWithParam<std::string> {
 protected:
  // The object of bpf/tests/<program>.bpf.c in this variant.
  static ObjectFile open(std::string_view program) {
    auto object = ObjectFile::read(object_path(program, GetParam()));
    if (!object) {
      ADD_FAILURE() << describe(object.error());
      std::abort();
    }
    return *std::move(object);
  }
  static LinkedObject link_all(const ObjectFile& object, const LinkOptions& options = with_fake_maps()) {
    auto linked = link(object, options);
    if (!linked) {
      ADD_FAILURE() << describe(linked.error());
      return {};
    }
    return *std::move(linked);
  }
  // One program; a test that dereferences null deserves its crash.
  static std::shared_ptr<const ProgramImage> link_one(const ObjectFile& object, std::string name) {
    LinkOptions options = with_fake_maps();
    options.programs = {std::move(name)};
    const LinkedObject linked = link_all(object, options);
    return linked.programs.empty() ? nullptr : linked.programs.front();
  }
};

inline std::string variant_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

#define NETKIT_FOR_EVERY_COMPILER(suite) \
  INSTANTIATE_TEST_SUITE_P(All, suite, testing::ValuesIn(compiled_variants()), variant_name)

}  // namespace netkit::bpf
