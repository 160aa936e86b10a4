#include "conformance/recorder.h"

#include <fmt/format.h>

#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"

namespace netkit::conformance {
namespace {

using nlohmann::json;

// A field of struct __sk_buff, and where it is noted.
struct Noted {
  int from;
  std::size_t to;
};
constexpr Noted kNoted[] = {
    {0, offsetof(Record, len)},
    {4, offsetof(Record, pkt_type)},
    {8, offsetof(Record, mark)},
    {32, offsetof(Record, priority)},
    {16, offsetof(Record, protocol)},
    {40, offsetof(Record, ifindex)},
    {36, offsetof(Record, ingress_ifindex)},
    {20, offsetof(Record, vlan_present)},
    {24, offsetof(Record, vlan_tci)},
    {12, offsetof(Record, queue_mapping)},
    {44, offsetof(Record, tc_index)},
    {72, offsetof(Record, tc_classid)},
    {48, offsetof(Record, cb0)},
    {164, offsetof(Record, gso_segs)},
    {176, offsetof(Record, gso_size)},
};

// Actions that set a field of the context.
struct FieldAction {
  std::string_view name;
  int offset;
};
constexpr FieldAction kFieldActions[] = {
    {"mark", 8}, {"prio", 32}, {"tc_index", 44}, {"tc_classid", 72}, {"qmap", 12},
};

// Actions that call a helper: its number, and how the action's arguments become those of the helper.
enum class Arguments : std::uint8_t {
  kDeviceFlags,
  kDeviceNullFlags,
  kContextDeviceFlags,
  kContextNumbers,
  kVlanPush
};
struct HelperAction {
  std::string_view name;
  int helper;
  Arguments arguments;
  int zeros = 0;  // further arguments, all zero
};
constexpr HelperAction kHelperActions[] = {
    {"redirect", 23, Arguments::kDeviceFlags},
    {"redirect_peer", 155, Arguments::kDeviceFlags},
    {"redirect_neigh", 152, Arguments::kDeviceNullFlags},
    {"clone_redirect", 13, Arguments::kContextDeviceFlags},
    {"type", 32, Arguments::kContextNumbers},
    {"tail", 38, Arguments::kContextNumbers, 1},
    {"head", 43, Arguments::kContextNumbers, 1},
    {"room", 50, Arguments::kContextNumbers, 1},
    {"proto", 31, Arguments::kContextNumbers, 1},
    {"vlan_push", 18, Arguments::kVlanPush},
    {"vlan_pop", 19, Arguments::kContextNumbers},
};

// Writes the program's text. r6: context, r7: record (if it records), r8: result of the last helper.
class Writer {
 public:
  Writer(bool records, const std::function<std::uint32_t(const std::string&)>& number_of)
      : records_(records), number_of_(number_of) {
    line("r6 = r1");
    line("r8 = 0");
    if (records_) note_entry();
  }

  void action(const json& action) {
    const auto name = action.at(0).get<std::string>();
    if (name == "store") return store(action);
    if (name == "cb") return set_field(48 + 4 * action.at(1).get<int>(), action.at(2));
    for (const FieldAction& field : kFieldActions) {
      if (field.name == name) return set_field(field.offset, action.at(1));
    }
    for (const HelperAction& helper : kHelperActions) {
      if (helper.name == name) return call(helper, action);
    }
  }

  std::string finish(const json& verdict) {
    if (verdict.is_string()) {
      line("r0 = r8");
    } else {
      line("w0 = {}", static_cast<std::int32_t>(verdict.get<std::int64_t>()));
    }
    line("exit");
    return text_;
  }

  [[nodiscard]] std::size_t helpers() const { return helpers_; }

 private:
  template <class... Args>
  void line(fmt::format_string<Args...> format, Args&&... args) {
    text_ += fmt::format(format, std::forward<Args>(args)...);
    text_ += '\n';
  }

  void note_entry() {
    line("*(u32 *)(r10 - 4) = 0");
    line("r1 = map[0]");
    line("r2 = r10");
    line("r2 += -4");
    line("call 1");  // map_lookup_elem
    line("if r0 != 0 goto found");
    line("exit");
    line("found:");
    line("r7 = r0");
    line("r1 = *(u32 *)(r7 +{})", offsetof(Record, count));
    line("r1 += 1");
    line("*(u32 *)(r7 +{}) = r1", offsetof(Record, count));
    for (const Noted& noted : kNoted) {
      line("r1 = *(u32 *)(r6 +{})", noted.from);
      line("*(u32 *)(r7 +{}) = r1", noted.to);
    }
    line("r1 = *(u32 *)(r6 +80)");  // data_end
    line("r2 = *(u32 *)(r6 +76)");  // data
    line("r1 -= r2");
    line("*(u32 *)(r7 +{}) = r1", offsetof(Record, linear));
    for (const int size : {64, 42, 34, 14}) {
      line("r1 = r6");
      line("r2 = 0");
      line("r3 = r7");
      line("r3 += {}", offsetof(Record, head));
      line("r4 = {}", size);
      line("call 26");  // skb_load_bytes
      line("r2 = {}", size);
      line("if r0 == 0 goto loaded");
    }
    line("r2 = 0");
    line("loaded:");
    line("*(u32 *)(r7 +{}) = r2", offsetof(Record, head_len));
  }

  void set_field(int offset, const json& value) {
    line("w1 = {}", static_cast<std::int32_t>(value.get<std::uint32_t>()));
    line("*(u32 *)(r6 +{}) = r1", offset);
  }

  void store(const json& action) {
    const auto hex = action.at(2).get<std::string>();
    const std::size_t size = hex.size() / 2;
    const std::size_t base = (size + 15) & ~std::size_t{7};
    for (std::size_t i = 0; i < size; ++i) {
      line("r1 = {}", std::stoi(hex.substr(2 * i, 2), nullptr, 16));
      line("*(u8 *)(r10 {:+d}) = r1", static_cast<int>(i) - static_cast<int>(base));
    }
    line("r1 = r6");
    line("r2 = {}", action.at(1).get<int>());
    line("r3 = r10");
    line("r3 += -{}", base);
    line("r4 = {}", size);
    line("r5 = 0");
    finish_call(9);  // skb_store_bytes
  }

  void call(const HelperAction& helper, const json& action) {
    const auto device = [&] {
      return static_cast<std::int32_t>(number_of_(action.at(1).get<std::string>()));
    };
    const auto number = [&](std::size_t i) {
      return static_cast<std::int32_t>(action.at(i).get<std::int64_t>());
    };
    switch (helper.arguments) {
      case Arguments::kDeviceFlags:
        line("r1 = {}", device());
        line("r2 = {}", number(2));
        break;
      case Arguments::kDeviceNullFlags:
        line("r1 = {}", device());
        line("r2 = 0");
        line("r3 = 0");
        line("r4 = {}", number(2));
        break;
      case Arguments::kContextDeviceFlags:
        line("r1 = r6");
        line("r2 = {}", device());
        line("r3 = {}", number(2));
        break;
      case Arguments::kVlanPush:
        line("r1 = r6");
        line("r2 = {}", 0x0081);  // 802.1Q, network order
        line("r3 = {}", number(1));
        break;
      case Arguments::kContextNumbers: {
        line("r1 = r6");
        std::size_t argument = 1;
        for (; argument < action.size(); ++argument)
          line("r{} = {}", argument + 1, number_or_protocol(helper, action, argument));
        for (int zero = 0; zero < helper.zeros; ++zero) line("r{} = 0", ++argument);
        break;
      }
    }
    finish_call(helper.helper);
  }

  // bpf_skb_change_proto takes the EtherType in network order.
  static std::int32_t number_or_protocol(const HelperAction& helper, const json& action,
                                         std::size_t argument) {
    const auto value = action.at(argument).get<std::int64_t>();
    if (helper.name != "proto") return static_cast<std::int32_t>(value);
    return Be16(static_cast<std::uint16_t>(value)).raw();
  }

  void finish_call(int helper) {
    line("call {}", helper);
    line("r8 = r0");
    if (records_) line("*(u32 *)(r7 +{}) = r0", offsetof(Record, results) + 4 * helpers_);
    ++helpers_;
  }

  bool records_;
  const std::function<std::uint32_t(const std::string&)>& number_of_;
  std::string text_;
  std::size_t helpers_ = 0;
};

bpf::ProgramType type_named(const std::string& name) {
  if (name == "xdp") return bpf::ProgramType::kXdp;
  if (name == "socket_filter") return bpf::ProgramType::kSocketFilter;
  if (name == "sched_act") return bpf::ProgramType::kSchedAct;
  return bpf::ProgramType::kSchedCls;
}

}  // namespace

Result<RecordingProgram> load_program(const json& arguments,
                                      const std::function<std::uint32_t(const std::string&)>& number_of) {
  RecordingProgram loaded;
  const bool records = arguments.value("record", false);
  if (records) {
    loaded.records = TRY(bpf::create_map({.name = "records",
                                          .type = bpf::MapType::kArray,
                                          .key_size = sizeof(std::uint32_t),
                                          .value_size = sizeof(Record),
                                          .max_entries = 1}));
  }
  Writer writer(records, number_of);
  for (const json& action : arguments.value("do", json::array())) writer.action(action);
  loaded.helpers = writer.helpers();

  auto image = std::make_shared<bpf::ProgramImage>();
  image->name = arguments.at("name").get<std::string>();
  image->license = "GPL";
  image->gpl_compatible = true;
  image->insns = TRY(bpf::assemble(writer.finish(arguments.at("verdict"))));
  image->functions = {
      {.name = image->name, .first = 0, .count = static_cast<std::uint32_t>(image->insns.size())}};
  if (records) image->maps.push_back(loaded.records);
  std::unique_ptr<bpf::Program> program = TRY(bpf::prepare_interpreted(image));
  // Programs of other types are there to be refused by the attach points: none of them ever runs.
  program->type = type_named(arguments.value("type", "cls"));
  loaded.program = bpf::ProgramTable::instance().publish(std::move(program));
  return loaded;
}

Record read_record(const RecordingProgram& program) {
  Record record{};
  if (program.records == nullptr) return record;
  constexpr std::uint32_t kKey = 0;
  (void)program.records->read(std::as_bytes(std::span(&kKey, 1)),
                              std::as_writable_bytes(std::span(&record, 1)));
  return record;
}

}  // namespace netkit::conformance
