#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "tests/differential/test_run.h"

namespace netkit::differential {
namespace {

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};
using ObjectPtr = std::unique_ptr<bpf_object, CloseObject>;

class KernelEngine final : public Engine {
 public:
  explicit KernelEngine(ObjectPtr object) : object_(std::move(object)) {}

  Result<TestOutput> run(std::string_view program, const TestInput& input) override {
    TestOutput output;
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = input.packet.data();
    options.data_size_in = static_cast<std::uint32_t>(input.packet.size());
    options.data_out = data_out_.data();
    options.data_size_out = static_cast<std::uint32_t>(data_out_.size());
    options.ctx_in = &input.context;
    options.ctx_size_in = sizeof input.context;
    options.ctx_out = &output.context;
    options.ctx_size_out = sizeof output.context;
    options.repeat = 1;
    const bpf_program* found = bpf_object__find_program_by_name(object_.get(), std::string(program).c_str());
    if (found == nullptr) return fail(ENOENT, std::string(program));
    if (const int error = bpf_prog_test_run_opts(bpf_program__fd(found), &options); error != 0) {
      return fail(-error, "BPF_PROG_TEST_RUN");
    }
    output.verdict = static_cast<std::int32_t>(options.retval);
    output.packet = {data_out_.data(), data_out_.data() + options.data_size_out};
    return output;
  }

  Result<> write_map(std::string_view map, std::uint32_t key, std::span<const std::byte> value) override {
    if (bpf_map_update_elem(bpf_map__fd(find(map)), &key, value.data(), BPF_ANY) != 0) return fail_errno(map);
    return {};
  }

  Result<MapContents> read_map(std::string_view name) override {
    const bpf_map* map = find(name);
    const bool percpu =
        bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_HASH || bpf_map__type(map) == BPF_MAP_TYPE_PERCPU_ARRAY;
    const auto copies = static_cast<std::size_t>(percpu ? libbpf_num_possible_cpus() : 1);
    MapContents contents;
    Bytes key(bpf_map__key_size(map));
    Bytes value(bpf_map__value_size(map) * copies);
    const std::byte* previous = nullptr;
    while (bpf_map_get_next_key(bpf_map__fd(map), previous, key.data()) == 0) {
      if (bpf_map_lookup_elem(bpf_map__fd(map), key.data(), value.data()) != 0) return fail_errno(name);
      contents[key] = value;
      previous = key.data();
    }
    return contents;
  }

  void clear_map(std::string_view map) override {
    const int fd = bpf_map__fd(find(map));
    std::uint32_t key = 0;
    while (bpf_map_get_next_key(fd, nullptr, &key) == 0) bpf_map_delete_elem(fd, &key);
  }

 private:
  [[nodiscard]] const bpf_map* find(std::string_view map) const {
    return bpf_object__find_map_by_name(object_.get(), std::string(map).c_str());
  }
  ObjectPtr object_;
  std::vector<std::uint8_t> data_out_ = std::vector<std::uint8_t>(1 << 20);  // longer than any packet gets
};

void set_format(bpf_object* object, const std::string& format) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (!std::string_view(bpf_map__name(map)).ends_with(".rodata")) continue;
    std::string value = format;
    value.resize(bpf_map__value_size(map));
    bpf_map__set_initial_value(map, value.data(), value.size());
  }
}

}  // namespace

Result<std::unique_ptr<Engine>> load_in_kernel(const std::filesystem::path& path, const std::string& format) {
  libbpf_set_print(nullptr);
  ObjectPtr object(bpf_object__open(path.c_str()));
  if (object == nullptr) return fail_errno(path.native());
  if (!format.empty()) set_format(object.get(), format);
  if (const int error = bpf_object__load(object.get()); error != 0)
    return fail(-error, "the kernel refused it");
  return std::make_unique<KernelEngine>(std::move(object));
}

}  // namespace netkit::differential
