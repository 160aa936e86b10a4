// The engine: it stands for the kernel. Its namespaces, devices, programs and maps live as long as it does.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <netkit/map.h>
#include <netkit/namespace.h>
#include <netkit/program.h>
#include <netkit/result.h>

namespace netkit::v1 {

struct EngineOptions {
  // Threads that move packets; 0: one for two CPUs, at least one.
  std::uint32_t workers = 0;
  // Called with each line of bpf_printk, on a worker's thread. Null: thrown away.
  void (*trace)(void* self, std::string_view line) = nullptr;
  void* trace_self = nullptr;
};

struct LoadOptions {
  // Function names; empty: every tc, tcx and netkit program of the object.
  std::vector<std::string> programs = {};
  // New values of global variables (`volatile const` and others) by name, set before anything runs.
  std::map<std::string, std::int64_t, std::less<>> variables = {};
};

class NETKIT_API Engine {
 public:
  // An engine in this process, without root and without anything from the kernel. EAGAIN: more workers than
  // there are virtual CPUs.
  [[nodiscard]] static Result<Engine> start(const EngineOptions& options = {});
  // The engine ends with its last handle.
  ~Engine();
  Engine(Engine&& other) noexcept;
  Engine& operator=(Engine&& other) noexcept;

  // A new namespace, with its lo. EEXIST: the name is taken.
  [[nodiscard]] Result<Namespace> add_namespace(std::string_view name);
  // ENOENT.
  [[nodiscard]] Result<Namespace> find_namespace(std::string_view name) const;

  // Loads an object file that clang compiled, with its maps; a refusal names program and source line and
  // leaves nothing behind.
  [[nodiscard]] Result<Object> load(const std::filesystem::path& file, const LoadOptions& options = {});

  // By id, or by the path of a pin. ENOENT.
  [[nodiscard]] Result<Program> program(std::uint32_t id) const;
  [[nodiscard]] Result<Program> pinned_program(std::string_view path) const;
  [[nodiscard]] Result<Map> map(std::uint32_t id) const;
  [[nodiscard]] Result<Map> pinned_map(std::string_view path) const;

 private:
  explicit Engine(std::shared_ptr<detail::EngineState> state);
  template <class Handle, class Held>
  [[nodiscard]] Result<Handle> pinned(std::string_view path, std::string_view kind) const;
  std::shared_ptr<detail::EngineState> state_;
};

}  // namespace netkit::v1
