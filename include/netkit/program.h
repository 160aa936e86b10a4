// Loaded programs, and object files of them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <netkit/map.h>
#include <netkit/result.h>

namespace netkit::v1 {

namespace detail {
class EngineState;
}

struct ProgramCounters {
  std::uint64_t runs = 0;
  std::uint64_t nanoseconds = 0;  // while timing is on
  std::uint64_t faults = 0;       // runs that were ended by force; their packets were dropped
};

class NETKIT_API Program {
 public:
  // A program lives while a handle, a pin, a link or a list has it.
  ~Program();
  Program(const Program& other);
  Program& operator=(const Program& other);
  Program(Program&& other) noexcept;
  Program& operator=(Program&& other) noexcept;

  [[nodiscard]] std::uint32_t id() const;
  [[nodiscard]] std::string name() const;
  [[nodiscard]] std::array<std::uint8_t, 8> tag() const;
  [[nodiscard]] ProgramCounters counters() const;
  // EEXIST, ENOENT.
  [[nodiscard]] Result<> pin(std::string_view path) const;

 private:
  friend class Device;
  friend class Engine;
  friend class Link;
  friend class Object;
  struct State;
  explicit Program(std::shared_ptr<const State> state);
  std::shared_ptr<const State> state_;
};

// What Engine::load made of an object file.
class NETKIT_API Object {
 public:
  // Gives up its programs and maps: those live on that are attached, pinned or held elsewhere.
  ~Object();
  Object(Object&& other) noexcept;
  Object& operator=(Object&& other) noexcept;

  // By function name. ENOENT.
  [[nodiscard]] Result<Program> program(std::string_view name) const;
  [[nodiscard]] std::vector<Program> programs() const;
  // By name; data sections as libbpf names them, or by section (".rodata"). ENOENT.
  [[nodiscard]] Result<Map> map(std::string_view name) const;
  [[nodiscard]] std::vector<Map> maps() const;

 private:
  friend class Engine;
  struct State;
  explicit Object(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace netkit::v1
