#include <algorithm>
#include <cstring>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/exec/load.h"
#include "packet/dissect.h"
#include "tests/differential/test_run.h"

namespace netkit::differential {
namespace {

constexpr std::uint32_t kMaxLinear = 3712;  // of a test run on x86-64: a page less its reserves

template <class T>
std::span<const std::byte> as_key(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

class OurEngine final : public Engine {
 public:
  explicit OurEngine(bpf::LoadedObject object) : object_(std::move(object)) {
    run_.pool = &pool_;
    run_.redirect = &redirect_;
    run_.outside = &outside_;
  }

  Result<TestOutput> run(std::string_view name, const TestInput& input) override {
    const bpf::ProgramRef program = object_.find_program(name);
    if (program == nullptr) return fail(ENOENT, std::string(name));
    const rcu::Section section;
    const PacketPtr packet = make_packet(input);
    TestOutput output;
    output.verdict = bpf::run_program(run_, *program, *packet);
    if (run_.fault.happened) return fail(EFAULT, run_.fault.text);
    output.packet = {packet->data(), packet->data() + packet->len()};
    output.context = read_context(input.context, *packet);
    return output;
  }

  Result<> write_map(std::string_view map, std::uint32_t key, std::span<const std::byte> value) override {
    return object_.find_map(map)->write(as_key(key), value, bpf::kAny);
  }

  Result<MapContents> read_map(std::string_view map) override {
    MapContents contents;
    TRY(object_.find_map(map)->for_each([&](auto key, auto value) {
      contents[Bytes(key.begin(), key.end())] = Bytes(value.begin(), value.end());
      return true;
    }));
    return contents;
  }

  void clear_map(std::string_view map) override {
    const bpf::MapRef found = object_.find_map(map);
    std::uint32_t key = 0;
    while (found->next_key({}, std::as_writable_bytes(std::span(&key, 1)))) {
      if (!found->remove(as_key(key))) return;
    }
  }

 private:
  // As bpf_prog_test_run_skb makes it: received by the loopback device, whose address is zero, network header
  // behind the Ethernet header, transport header unknown.
  PacketPtr make_packet(const TestInput& input) {
    const __sk_buff& context = input.context;
    const auto length = static_cast<std::uint32_t>(input.packet.size());
    PacketPtr packet = pool_.allocate(length);
    std::ranges::copy(input.packet, packet->data());
    const std::uint32_t linear = context.data_end == 0 ? length : std::max(context.data_end, kEthernetHeader);
    packet->set_linear_len(std::min(linear, kMaxLinear));
    packet->set_mac_header();
    packet->set_network_header(kEthernetHeader);
    PacketMeta& meta = packet->meta;
    const auto frame = classify_frame(packet->bytes(), MacAddress{});
    meta.protocol = frame->proto;
    // The loopback device has no broadcast address: such a frame is one of many multicasts to it.
    meta.pkt_type = frame->type == PacketType::kBroadcast ? PacketType::kMulticast : frame->type;
    meta.ifindex = 1;
    meta.skb_iif = context.ingress_ifindex;
    meta.mark = context.mark;
    meta.priority = context.priority;
    std::ranges::copy(context.cb, meta.cb.begin());
    meta.tstamp = context.tstamp;
    meta.hwtstamp = context.hwtstamp;
    meta.wire_len = context.wire_len != 0 ? context.wire_len : length;
    meta.gso.segs = static_cast<std::uint16_t>(context.gso_segs);
    meta.gso.size = static_cast<std::uint16_t>(context.gso_size);
    return packet;
  }

  // What is not refreshed echoes the input.
  static __sk_buff read_context(__sk_buff context, const Packet& packet) {
    const PacketMeta& meta = packet.meta;
    context.mark = meta.mark;
    context.priority = meta.priority;
    context.ingress_ifindex = meta.skb_iif;
    context.ifindex = meta.ifindex;
    context.tstamp = meta.tstamp;
    std::ranges::copy(meta.cb, context.cb);
    context.wire_len = meta.wire_len;
    context.gso_segs = meta.gso.segs;
    context.hwtstamp = meta.hwtstamp;
    return context;
  }

  bpf::LoadedObject object_;
  PacketPool pool_;
  bpf::RedirectRecord redirect_;
  bpf::Outside outside_;
  bpf::RunContext run_;
};

}  // namespace

Result<std::unique_ptr<Engine>> load_here(const std::filesystem::path& path, const std::string& format) {
  bpf::LinkOptions options;
  if (!format.empty()) {
    const auto* start = reinterpret_cast<const std::byte*>(format.data());
    Bytes value(start, start + format.size());
    value.resize(64);
    options.variables["format"] = value;
  }
  return std::make_unique<OurEngine>(TRY(bpf::load_object(path, options)));
}

}  // namespace netkit::differential
