#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <cstring>
#include <string>

#include "base/fd.h"
#include "bpf/isa/assembler.h"
#include "bpf/isa/instruction.h"
#include "tests/differential/generated/sides.h"
#include "tests/differential/generated/world.h"

namespace netkit::differential {
namespace {

using namespace bpf;

// Types for functions that are called back, which the kernel wants to know: int f().
Result<Fd> function_types(std::uint32_t& function) {
  btf* types = btf__new_empty();
  const int number = btf__add_int(types, "int", 4, BTF_INT_SIGNED);
  const int prototype = btf__add_func_proto(types, number);
  const int added = btf__add_func(types, "f", BTF_FUNC_STATIC, prototype);
  std::uint32_t size = 0;
  const void* data = btf__raw_data(types, &size);
  Fd loaded(bpf_btf_load(data, size, nullptr));
  const int error = errno;
  btf__free(types);
  if (!loaded) return fail(error, "BPF_BTF_LOAD");
  function = static_cast<std::uint32_t>(added);
  return loaded;
}

class KernelSide final : public Side {
 public:
  Result<> start() {
    types_ = TRY(function_types(function_type_));
    for (const MapSpec& spec : kMaps) {
      bpf_map_create_opts options{};
      options.sz = sizeof options;
      options.map_flags = spec.flags;
      Fd map(bpf_map_create(static_cast<bpf_map_type>(spec.type), spec.name.c_str(), spec.key_size,
                            spec.value_size, spec.max_entries, &options));
      if (!map) return fail_errno("BPF_MAP_CREATE");
      maps_.push_back(std::move(map));
    }
    const std::uint32_t first = 0;
    if (bpf_map_update_elem(maps_[kStringsMap].get(), &first, strings().data(), BPF_ANY) != 0 ||
        bpf_map_freeze(maps_[kStringsMap].get()) != 0)
      return fail_errno("the map of strings");
    for (std::uint32_t slot = 0; slot < kTargets.size(); ++slot) {
      targets_.push_back(TRY(load_program({TRY(assemble(kTargets[slot])), {0}})));
      const int fd = targets_.back().get();
      if (bpf_map_update_elem(maps_[kTargetsMap].get(), &slot, &fd, BPF_ANY) != 0)
        return fail_errno("a slot of targets");
    }
    return {};
  }

  Result<> load(const GeneratedProgram& program) override {
    program_ = TRY(load_program(program));
    return {};
  }

  Result<Observed> run(const TestInput& input) override {
    TRY(fill());
    Observed seen;
    seen.packet.resize(8192);
    seen.context.resize(192);
    bpf_test_run_opts options{};
    options.sz = sizeof options;
    options.data_in = input.data.data();
    options.data_size_in = static_cast<std::uint32_t>(input.data.size());
    options.data_out = seen.packet.data();
    options.data_size_out = static_cast<std::uint32_t>(seen.packet.size());
    options.ctx_in = input.context.data();
    options.ctx_size_in = static_cast<std::uint32_t>(input.context.size());
    options.ctx_out = seen.context.data();
    options.ctx_size_out = static_cast<std::uint32_t>(seen.context.size());
    options.repeat = 1;
    if (bpf_prog_test_run_opts(program_.get(), &options) != 0) return fail_errno("BPF_PROG_TEST_RUN");
    seen.retval = options.retval;
    seen.packet.resize(options.data_size_out);
    for (const GeneratedMap map : kCompared) seen.maps[map] = contents(map);
    return seen;
  }

 private:
  // Numbers of maps become descriptors, numbers of functions distances.
  [[nodiscard]] std::vector<Insn> placed(const GeneratedProgram& program) const {
    std::vector<Insn> insns = program.insns;
    for (std::size_t at = 0; at < insns.size(); ++at) {
      if (!is_wide(insns[at])) continue;
      Insn& insn = insns[at];
      if (insn.src == kMapFd || insn.src == kMapValue)
        insn.imm = maps_[static_cast<std::size_t>(insn.imm)].get();
      if (insn.src == kFunction)
        insn.imm = static_cast<std::int32_t>(program.functions[static_cast<std::size_t>(insn.imm)]) -
                   static_cast<std::int32_t>(at) - 1;
      ++at;
    }
    return insns;
  }

  Result<Fd> load_program(const GeneratedProgram& program) const {
    const std::vector<Insn> insns = placed(program);
    std::vector<bpf_func_info> functions;
    for (const std::uint32_t first : program.functions) functions.push_back({first, function_type_});
    bpf_prog_load_opts options{};
    options.sz = sizeof options;
    options.prog_btf_fd = static_cast<std::uint32_t>(types_.get());
    options.func_info = functions.data();
    options.func_info_cnt = static_cast<std::uint32_t>(functions.size());
    options.func_info_rec_size = sizeof(bpf_func_info);
    const auto* code = reinterpret_cast<const bpf_insn*>(insns.data());
    Fd loaded(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "generated", "GPL", code, insns.size(), &options));
    if (loaded) return loaded;
    const int error = errno;
    return fail(error, refusal(code, insns.size(), options));
  }
  // The verifier's last lines.
  static std::string refusal(const bpf_insn* code, std::size_t count, bpf_prog_load_opts options) {
    std::string log(1 << 20, '\0');
    options.log_level = 1;
    options.log_buf = log.data();
    options.log_size = static_cast<std::uint32_t>(log.size());
    const Fd again(bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "generated", "GPL", code, count, &options));
    log.resize(std::strlen(log.c_str()));
    return log.size() > 600 ? log.substr(log.size() - 600) : log;
  }

  Result<> fill() {
    for (const GeneratedMap map : kCompared) {
      empty(map);
      for (const auto& [key, value] : first_contents(map)) {
        if (bpf_map_update_elem(maps_[map].get(), key.empty() ? nullptr : key.data(), value.data(),
                                BPF_ANY) != 0)
          return fail_errno(kMaps[map].name);
      }
    }
    return {};
  }
  void empty(std::size_t map) {
    Bytes key(kMaps[map].key_size);
    Bytes value(user_value_size(map));
    const int fd = maps_[map].get();
    if (kMaps[map].type == MapType::kQueue) {
      while (bpf_map_lookup_and_delete_elem(fd, nullptr, value.data()) == 0) {
      }
    } else if (kMaps[map].type != MapType::kArray && map != kPercpuMap) {
      while (bpf_map_get_next_key(fd, nullptr, key.data()) == 0) bpf_map_delete_elem(fd, key.data());
    }
  }
  [[nodiscard]] std::map<Bytes, Bytes> contents(std::size_t map) const {
    std::map<Bytes, Bytes> all;
    const int fd = maps_[map].get();
    Bytes key(kMaps[map].key_size);
    Bytes value(user_value_size(map));
    if (kMaps[map].type == MapType::kQueue) {
      for (std::uint8_t number = 0; bpf_map_lookup_and_delete_elem(fd, nullptr, value.data()) == 0; ++number)
        all[{std::byte{number}}] = value;
      return all;
    }
    for (const std::byte* previous = nullptr; bpf_map_get_next_key(fd, previous, key.data()) == 0;
         previous = key.data()) {
      if (bpf_map_lookup_elem(fd, key.data(), value.data()) == 0) all[key] = value;
    }
    return all;
  }

  Fd types_;
  std::uint32_t function_type_ = 0;
  std::vector<Fd> maps_;
  std::vector<Fd> targets_;
  Fd program_;
};

}  // namespace

Result<std::unique_ptr<Side>> make_kernel_side() {
  auto side = std::make_unique<KernelSide>();
  TRY(side->start());
  return side;
}

}  // namespace netkit::differential
