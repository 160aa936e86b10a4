#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "bpf/object/section_name.h"
#include "bpf/run/skb.h"
#include "bpf/test_run/engine.h"

namespace netkit::bpf {
namespace {

constexpr std::uint32_t kMostData = 1U << 20U;  // longer than any packet gets

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectPtr = std::unique_ptr<bpf_object, CloseObject>;

class KernelEngine final : public TestEngine {
 public:
  explicit KernelEngine(ObjectPtr object) : object_(std::move(object)) {}

  [[nodiscard]] std::vector<std::string> programs() const override {
    std::vector<std::string> names;
    bpf_program* program = nullptr;
    bpf_object__for_each_program(program, object_.get()) {
      if (bpf_program__fd(program) >= 0) names.emplace_back(bpf_program__name(program));
    }
    return names;
  }

  // Between two programs the packet goes through user space, which knows of the context only what a test run
  // may set.
  Result<TestOutput> run(std::span<const std::string> chain, const TestInput& input) override {
    if (chain.size() == 1) return run_one(chain.front(), input);
    TestInput whole = input;
    whole.data_room = 0;
    whole.context_room.reset();
    TestOutput all;
    for (std::size_t number = 0; number < chain.size(); ++number) {
      const bool last = number + 1 == chain.size();
      if (last) {
        whole.data_room = input.data_room;
        whole.context_room = input.context_room;
      }
      TestOutput one = TRY(run_one(chain[number], whole));
      one.runs.insert(one.runs.begin(), all.runs.begin(), all.runs.end());
      one.duration += all.duration;
      whole.data = one.data;
      whole.context = one.context;
      all = std::move(one);
    }
    return all;
  }

  [[nodiscard]] std::vector<MapSpec> maps() const override {
    std::vector<MapSpec> all;
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object_.get()) {
      all.push_back({.name = bpf_map__name(map),
                     .type = static_cast<MapType>(bpf_map__type(map)),
                     .key_size = bpf_map__key_size(map),
                     .value_size = bpf_map__value_size(map),
                     .max_entries = bpf_map__max_entries(map),
                     .flags = bpf_map__map_flags(map)});
    }
    return all;
  }
  Result<> write_map(std::string_view name, std::span<const std::byte> key,
                     std::span<const std::byte> value) override {
    const bpf_map* map = TRY(find_map(name));
    TRY(check_size(name, "key", key.size(), bpf_map__key_size(map)));
    TRY(check_size(name, "value", value.size(), user_value_size(map)));
    if (bpf_map_update_elem(bpf_map__fd(map), key.data(), value.data(), BPF_ANY) != 0)
      return fail_errno(name);
    return {};
  }
  Result<> write_program(std::string_view map, std::span<const std::byte> key,
                         const std::string& program) override {
    const int fd = bpf_program__fd(TRY(find_program(program)));
    return write_map(map, key, std::as_bytes(std::span(&fd, 1)));
  }
  Result<> erase_map(std::string_view name, std::span<const std::byte> key) override {
    const bpf_map* map = TRY(find_map(name));
    TRY(check_size(name, "key", key.size(), bpf_map__key_size(map)));
    if (bpf_map_delete_elem(bpf_map__fd(map), key.data()) != 0) return fail_errno(name);
    return {};
  }
  Result<> visit_map(std::string_view name, const Map::Visitor& visit) override {
    const bpf_map* map = TRY(find_map(name));
    std::vector<std::byte> key(bpf_map__key_size(map));
    std::vector<std::byte> value(user_value_size(map));
    const std::byte* previous = nullptr;
    while (bpf_map_get_next_key(bpf_map__fd(map), previous, key.data()) == 0) {
      if (bpf_map_lookup_elem(bpf_map__fd(map), key.data(), value.data()) != 0 && errno != ENOENT)
        return fail_errno(name);
      if (!visit(key, value)) return {};
      previous = key.data();
    }
    return {};
  }

 private:
  Result<TestOutput> run_one(const std::string& name, const TestInput& input) {
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    std::vector<std::uint8_t> data(input.data_room != 0 ? input.data_room : kMostData);
    std::vector<std::byte> context(input.context_room.value_or(kSkbSize));
    options.data_in = input.data.data();
    options.data_size_in = static_cast<std::uint32_t>(input.data.size());
    options.data_out = data.data();
    options.data_size_out = static_cast<std::uint32_t>(data.size());
    if (!input.context.empty()) {
      options.ctx_in = input.context.data();
      options.ctx_size_in = static_cast<std::uint32_t>(input.context.size());
    }
    if (!context.empty()) {
      options.ctx_out = context.data();
      options.ctx_size_out = static_cast<std::uint32_t>(context.size());
    }
    options.repeat = static_cast<int>(input.repeat);
    options.flags = input.flags;
    options.cpu = input.cpu;
    options.batch_size = input.batch_size;
    const int error = bpf_prog_test_run_opts(bpf_program__fd(TRY(find_program(name))), &options);
    if (error != 0 && error != -ENOSPC) return fail(-error, "the kernel refuses to run program " + name);

    TestOutput output;
    output.runs.push_back({.program = name, .retval = options.retval});
    output.duration = options.duration;
    output.data_size = options.data_size_out;
    output.cut = error != 0;
    const bool data_cut = output.data_size > data.size();
    data.resize(std::min<std::size_t>(data.size(), output.data_size));
    output.data = std::move(data);
    if (!data_cut) output.context = std::move(context);
    return output;
  }

  static std::size_t user_value_size(const bpf_map* map) {
    const std::size_t size = bpf_map__value_size(map);
    if (!is_per_cpu(static_cast<MapType>(bpf_map__type(map)))) return size;
    return (size + 7) / 8 * 8 * static_cast<std::size_t>(libbpf_num_possible_cpus());
  }
  static Result<> check_size(std::string_view map, std::string_view what, std::size_t got,
                             std::size_t wanted) {
    if (got == wanted) return {};
    return fail(EINVAL, fmt::format("map {}: its {}s have {} bytes, not {}", map, what, wanted, got));
  }

  Result<const bpf_map*> find_map(std::string_view name) const {
    const bpf_map* map = bpf_object__find_map_by_name(object_.get(), std::string(name).c_str());
    if (map == nullptr) return fail(ENOENT, fmt::format("the object has no map '{}'", name));
    return map;
  }
  Result<const bpf_program*> find_program(const std::string& name) const {
    const bpf_program* program = bpf_object__find_program_by_name(object_.get(), name.c_str());
    if (program == nullptr || bpf_program__fd(program) < 0)
      return fail(ENOENT, fmt::format("the object has no program '{}'", name));
    return program;
  }

  ObjectPtr object_;
};

// What the value is in memory.
std::vector<std::byte> bytes_of(const VariableValue& value, std::uint32_t size) {
  std::vector<std::byte> bytes(size);
  if (const auto* number = std::get_if<std::int64_t>(&value)) {
    std::memcpy(bytes.data(), number, std::min<std::size_t>(size, sizeof *number));
  } else {
    const auto& given = std::get<std::vector<std::byte>>(value);
    std::ranges::copy_n(given.begin(), static_cast<std::ptrdiff_t>(std::min<std::size_t>(size, given.size())),
                        bytes.begin());
  }
  return bytes;
}

// Variables are patched into the initial values of their sections' maps, by what we have read of the object.
Result<> set_variables(bpf_object* object, const ObjectFile& file, const LinkOptions& options) {
  for (const auto& [name, value] : options.variables) {
    const Variable* variable = file.find_variable(name);
    if (variable == nullptr) return fail(ENOENT, fmt::format("the object has no variable '{}'", name));
    const std::string& section = file.contents().data[variable->section].map_name;
    bpf_map* map = bpf_object__find_map_by_name(object, section.c_str());
    std::size_t size = 0;
    const void* initial = map == nullptr ? nullptr : bpf_map__initial_value(map, &size);
    if (initial == nullptr || std::size_t{variable->offset} + variable->size > size)
      return fail(ENOENT, fmt::format("the kernel's loader knows no section of variable '{}'", name));
    std::vector<std::byte> content(size);
    std::memcpy(content.data(), initial, size);
    std::ranges::copy(bytes_of(value, variable->size), content.begin() + variable->offset);
    if (const int error = bpf_map__set_initial_value(map, content.data(), content.size()); error != 0)
      return fail(-error, name);
  }
  return {};
}

bool is_wanted(const bpf_program* program, const LinkOptions& options) {
  if (options.programs)
    return std::ranges::find(*options.programs, bpf_program__name(program)) != options.programs->end();
  const bpf_prog_type type = bpf_program__type(program);
  return type == BPF_PROG_TYPE_SCHED_CLS || type == BPF_PROG_TYPE_SCHED_ACT;
}

// What libbpf says about the object that it works on: the last line that is a complaint.
std::string& complaint() {
  thread_local std::string text;
  return text;
}
int keep_complaint(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  if (complaint().empty()) complaint() = std::string(line, std::min<std::size_t>(std::strlen(line), 400));
  return length;
}

Failure refused(int error, const std::filesystem::path& path) {
  std::string text = std::exchange(complaint(), {});
  if (const std::size_t end = text.find('\n'); end != std::string::npos) text.resize(end);
  return fail(error, fmt::format("{}: the kernel does not take it{}{}", path.native(),
                                 text.empty() ? "" : ": ", text));
}

}  // namespace

Result<std::unique_ptr<TestEngine>> load_in_kernel(const std::filesystem::path& path,
                                                   const LinkOptions& options) {
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  libbpf_set_print(keep_complaint);
  complaint().clear();
  const ObjectFile file = TRY(ObjectFile::read(path));
  ObjectPtr object(bpf_object__open(path.c_str()));
  if (object == nullptr) return refused(errno, path);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object.get()) {
    // libbpf's own table of sections may be older than what they are called.
    const ProgramKind kind = program_kind(bpf_program__section_name(program));
    if (bpf_program__type(program) == BPF_PROG_TYPE_UNSPEC)
      bpf_program__set_type(program, static_cast<bpf_prog_type>(kind.type));
    bpf_program__set_autoload(program, is_wanted(program, options));
  }
  TRY(set_variables(object.get(), file, options));
  if (const int error = bpf_object__load(object.get()); error != 0) return refused(-error, path);
  return std::make_unique<KernelEngine>(std::move(object));
}

}  // namespace netkit::bpf
