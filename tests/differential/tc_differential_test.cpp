// Requests about qdiscs and filters, the same to the running kernel and to ours: the same errno, the same
// message, and the same qdiscs and filters afterwards.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <array>
#include <functional>
#include <iomanip>
#include <memory>
#include <random>
#include <sstream>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "control/filter.h"
#include "control/link.h"
#include "control/qdisc.h"
#include "device/namespace.h"
#include "tests/differential/tc_kernel.h"

namespace netkit::differential {
namespace {

using namespace control;

constexpr std::string_view kPrograms[] = {"w0 = 0; exit", "w0 = -1; exit"};
constexpr std::string_view kOtherProgram = "w0 = 0; exit";  // of another type
constexpr int kClosedFd = 4711;

constexpr std::uint16_t kAdd = kCreate | kExclusive;
constexpr std::uint16_t kReplaces = kCreate | kReplaceLink;

// What a request of the test says that is different on both sides: devices and descriptors.
struct Names {
  std::uint32_t v0 = 0, v1 = 0;
  std::array<int, 2> program{};
  int other_program = -1;
};
struct Ask {
  TcVerb verb;
  std::function<TcRequest(const Names&)> request;
};

std::string hex(std::uint32_t value) {
  std::ostringstream text;
  text << std::hex << value;
  return text.str();
}

template <class T>
std::string outcome(const Result<T>& result) {
  return result ? "OK" : errno_name(result.error().code) + " " + result.error().text;
}

class Side {
 public:
  virtual ~Side() = default;
  // "OK", or errno and message.
  virtual std::string ask(const Ask& ask) = 0;
  // All qdiscs and filters.
  virtual std::string state() = 0;

 protected:
  Names names_;
};

// A line of state; `which` is "v0" or "v1", or the number of a block.
std::string qdisc_line(const std::string& which, std::string_view kind, std::uint32_t handle,
                       std::uint32_t parent, std::uint32_t ingress_block, std::uint32_t egress_block) {
  return which + " " + std::string(kind) + " " + hex(handle) + " parent " + hex(parent) + " blocks " +
         std::to_string(ingress_block) + " " + std::to_string(egress_block) + "\n";
}

struct FilterLine {
  std::uint32_t parent = 0;
  std::uint32_t info = 0;
  std::uint32_t chain = 0;
  std::uint32_t handle = 0;
  bool is_filter = false;
  std::string name{};
  std::uint32_t classid = 0;
  std::uint32_t flags = 0;
  std::uint32_t gen_flags = 0;
  int program = -1;

  [[nodiscard]] std::string text() const {
    std::string line = "  " + hex(parent) + " info " + hex(info) + " chain " + std::to_string(chain);
    if (!is_filter) return line + "\n";
    line += " handle " + hex(handle) + " '" + name + "' class " + hex(classid);
    return line + " flags " + hex(flags) + "/" + hex(gen_flags) + " program " + std::to_string(program) +
           "\n";
  }
};

class KernelSide final : public Side {
 public:
  KernelSide() {
    Result<KernelTc> kernel = KernelTc::make();
    if (!kernel) throw std::runtime_error(describe(kernel.error()));
    kernel_ = std::make_unique<KernelTc>(*std::move(kernel));
    names_ = {.v0 = kernel_->v0(), .v1 = kernel_->v1()};
    for (std::size_t i = 0; i < 2; ++i) {
      programs_[i] = load(kPrograms[i], BPF_PROG_TYPE_SCHED_CLS);
      names_.program[i] = programs_[i].get();
      bpf_prog_info info{};
      std::uint32_t size = sizeof info;
      if (bpf_obj_get_info_by_fd(programs_[i].get(), &info, &size) == 0) ids_[info.id] = static_cast<int>(i);
    }
    other_ = load(kOtherProgram, BPF_PROG_TYPE_XDP);
    names_.other_program = other_.get();
  }

  std::string ask(const Ask& ask) override { return outcome(kernel_->ask(ask.verb, ask.request(names_))); }

  std::string state() override {
    std::string text;
    const Result<std::vector<TcMessage>> qdiscs = kernel_->ask(TcVerb::kGetQdisc, {}, true);
    for (const TcMessage& one : *qdiscs) {
      const AttributeTable attributes = AttributeTable::parse(one.attributes, tc_policy()).value();
      if (one.header.ifindex != static_cast<int>(names_.v0) &&
          one.header.ifindex != static_cast<int>(names_.v1))
        continue;
      const std::string which = one.header.ifindex == static_cast<int>(names_.v0) ? "v0" : "v1";
      text += qdisc_line(which, attributes.text(kTcaKind).value_or(""), one.header.handle, one.header.parent,
                         attributes.number(kTcaIngressBlock).value_or(0),
                         attributes.number(kTcaEgressBlock).value_or(0));
    }
    for (const std::uint32_t device : {names_.v0, names_.v1}) {
      for (const std::uint32_t parent : {kIngressFilters, kEgressFilters}) text += filters(device, parent);
    }
    return text;
  }

 private:
  static Fd load(std::string_view text, bpf_prog_type type) {
    const auto insns = bpf::assemble(text).value();
    return Fd(bpf_prog_load(type, "tc", "GPL", reinterpret_cast<const bpf_insn*>(insns.data()), insns.size(),
                            nullptr));
  }

  std::string filters(std::uint32_t device, std::uint32_t parent) {
    static constexpr Rule kOptions[] = {
        {.type = kTcaBpfClassid, .form = Form::kU32},
        {.type = kTcaBpfName, .form = Form::kText},
        {.type = kTcaBpfFlags, .form = Form::kU32},
        {.type = kTcaBpfFlagsGen, .form = Form::kU32},
        {.type = 11, .form = Form::kU32},  // TCA_BPF_ID
    };
    TcRequest request;
    request.header = {.ifindex = static_cast<int>(device), .parent = parent};
    std::string text;
    const Result<std::vector<TcMessage>> found = kernel_->ask(TcVerb::kGetFilter, request, true);
    for (const TcMessage& one : *found) {
      const AttributeTable attributes = AttributeTable::parse(one.attributes, tc_policy()).value();
      FilterLine line{.parent = one.header.parent,
                      .info = one.header.info,
                      .chain = attributes.number(kTcaChain).value_or(0),
                      .handle = one.header.handle};
      if (const auto nest = attributes.find(kTcaOptions)) {
        const AttributeTable options = AttributeTable::parse(*nest, kOptions).value();
        line.is_filter = true;
        line.name = options.text(kTcaBpfName).value_or("");
        line.classid = options.number(kTcaBpfClassid).value_or(0);
        line.flags = options.number(kTcaBpfFlags).value_or(0);
        line.gen_flags = options.number(kTcaBpfFlagsGen).value_or(0);
        line.program = ids_[options.number(11).value_or(0)];
      }
      text += line.text();
    }
    return text;
  }

  std::unique_ptr<KernelTc> kernel_;
  std::array<Fd, 2> programs_;
  std::map<std::uint32_t, int> ids_;
  Fd other_;
};

class OurSide final : public Side {
 public:
  OurSide() {
    {
      const device::Rtnl rtnl = network_.lock();
      netns_ = network_.add_namespace(rtnl, "test").value();
    }
    client_ = std::make_unique<Client>(system_, netns_);
    LinkRequest veth;
    veth.flags = kAdd;
    AttributeWriter peer, data, info;
    peer.text(kIflaIfname, "v1");
    data.nest(kVethInfoPeer, IfInfo{}, peer);
    info.text(kInfoKind, "veth").nest(kInfoData, data);
    veth.attributes.text(kIflaIfname, "v0").nest(kIflaLinkinfo, info);
    EXPECT_TRUE(new_link(*client_, veth));
    const device::Rtnl rtnl = network_.lock();
    for (const char* const name : {"v0", "v1"}) EXPECT_TRUE(netns_->find(rtnl, name)->set_up(rtnl, true));
    names_ = {.v0 = netns_->find(rtnl, "v0")->ifindex(), .v1 = netns_->find(rtnl, "v1")->ifindex()};
    for (std::size_t i = 0; i < 2; ++i) {
      const bpf::ProgramRef program = load(kPrograms[i], bpf::ProgramType::kSchedCls);
      ids_[program->id] = static_cast<int>(i);
      names_.program[i] = client_->open(program);
    }
    names_.other_program = client_->open(load(kOtherProgram, bpf::ProgramType::kXdp));
  }
  ~OurSide() override {
    client_.reset();
    netns_.reset();
    rcu::drain();
  }

  std::string ask(const Ask& ask) override {
    const TcRequest request = ask.request(names_);
    switch (ask.verb) {
      case TcVerb::kNewQdisc:
        return outcome(new_qdisc(*client_, request));
      case TcVerb::kDelQdisc:
        return outcome(delete_qdisc(*client_, request));
      case TcVerb::kGetQdisc:
        return outcome(get_qdisc(*client_, request));
      case TcVerb::kNewFilter:
        return outcome(new_filter(*client_, request));
      case TcVerb::kDelFilter:
        return outcome(delete_filter(*client_, request));
      case TcVerb::kGetFilter:
        return outcome(get_filter(*client_, request));
    }
    return {};
  }

  std::string state() override {
    std::string text;
    for (const QdiscReport& one : list_qdiscs(*client_)) {
      text += qdisc_line(one.dev, one.kind, one.handle, one.parent, one.ingress_block, one.egress_block);
    }
    for (const std::uint32_t device : {names_.v0, names_.v1}) {
      for (const std::uint32_t parent : {kIngressFilters, kEgressFilters}) text += filters(device, parent);
    }
    return text;
  }

 private:
  static bpf::ProgramRef load(std::string_view text, bpf::ProgramType type) {
    auto image = std::make_shared<bpf::ProgramImage>();
    image->name = "tc";
    image->license = "GPL";
    image->gpl_compatible = true;
    image->insns = bpf::assemble(text).value();
    image->functions = {{.name = "tc", .first = 0, .count = static_cast<std::uint32_t>(image->insns.size())}};
    std::unique_ptr<bpf::Program> program = bpf::prepare_interpreted(image).value();
    program->type = type;
    return bpf::ProgramTable::instance().publish(std::move(program));
  }

  std::string filters(std::uint32_t device, std::uint32_t parent) {
    TcRequest request;
    request.header = {.ifindex = static_cast<int>(device), .parent = parent};
    std::string text;
    const Result<std::vector<FilterReport>> found = list_filters(*client_, request);
    for (const FilterReport& one : *found) {
      FilterLine line{.parent = one.parent,
                      .info = static_cast<std::uint32_t>(one.priority) << 16U | one.protocol.raw(),
                      .chain = one.chain,
                      .handle = one.handle};
      if (one.options) {
        line.is_filter = true;
        line.name = one.options->name;
        line.classid = one.options->classid;
        line.flags = one.options->flags;
        line.gen_flags = one.options->gen_flags;
        line.program = ids_[one.options->program.id];
      }
      text += line.text();
    }
    return text;
  }

  device::Network network_;
  System system_{network_};
  device::NamespaceRef netns_;
  std::unique_ptr<Client> client_;
  std::map<std::uint32_t, int> ids_;
};

// ---- requests in few words ----

struct QdiscWords {
  std::string kind = "clsact";
  std::uint16_t flags = kAdd;
  std::uint32_t parent = kIngressParent;
  std::uint32_t handle = kIngressHandle;
  std::optional<std::uint32_t> ingress_block{};
  std::optional<std::uint32_t> egress_block{};
  bool options = false;
  bool second_device = false;
  bool no_device = false;
};

// What the flags say is for requests that make something; the same bits mean dump and bulk in others.
std::uint16_t flags_for(TcVerb verb, std::uint16_t flags) {
  return verb == TcVerb::kNewQdisc || verb == TcVerb::kNewFilter ? flags : std::uint16_t{0};
}

Ask qdisc(TcVerb verb, const QdiscWords& words) {
  return {verb, [verb, words](const Names& names) {
            TcRequest request;
            request.flags = flags_for(verb, words.flags);
            request.header.ifindex = static_cast<int>(words.second_device ? names.v1 : names.v0);
            if (words.no_device) request.header.ifindex = 4711;
            request.header.parent = words.parent;
            request.header.handle = words.handle;
            AttributeWriter& attributes = request.attributes;
            if (!words.kind.empty()) attributes.text(kTcaKind, words.kind);
            if (words.ingress_block) attributes.u32(kTcaIngressBlock, *words.ingress_block);
            if (words.egress_block) attributes.u32(kTcaEgressBlock, *words.egress_block);
            if (words.options) attributes.nest(kTcaOptions, AttributeWriter{});
            return request;
          }};
}

enum class Program : std::uint8_t { kNone, kFirst, kSecond, kOther, kClosed, kBytecode, kBoth };

struct FilterWords {
  std::uint32_t parent = kIngressFilters;
  std::uint32_t priority = 1;
  std::uint16_t protocol = 3;
  std::uint32_t handle = 1;
  std::uint16_t flags = kAdd;
  std::string kind = "bpf";
  std::optional<std::uint32_t> chain{};
  bool options = true;
  Program program = Program::kFirst;
  std::string name = "tc.o:[tc]";
  std::optional<std::uint32_t> bpf_flags = kBpfDirectAction;
  std::optional<std::uint32_t> gen_flags{};
  std::optional<std::uint32_t> classid{};
  bool second_device = false;
  bool by_block = false;
};

void add_program(AttributeWriter& options, Program program, const Names& names) {
  const auto fd = [&](int number) { options.u32(kTcaBpfFd, static_cast<std::uint32_t>(number)); };
  switch (program) {
    case Program::kNone:
      break;
    case Program::kFirst:
      return fd(names.program[0]);
    case Program::kSecond:
      return fd(names.program[1]);
    case Program::kOther:
      return fd(names.other_program);
    case Program::kClosed:
      return fd(kClosedFd);
    case Program::kBoth:
      fd(names.program[0]);
      [[fallthrough]];
    case Program::kBytecode:
      options.u16(kTcaBpfOpsLen, 1).bytes(kTcaBpfOps, Bytes{6, 0, 0, 0, 0, 0, 0, 0});
  }
}

Ask filter(TcVerb verb, const FilterWords& words) {
  return {verb, [verb, words](const Names& names) {
            TcRequest request;
            request.flags = flags_for(verb, words.flags);
            request.header.ifindex = static_cast<int>(words.second_device ? names.v1 : names.v0);
            if (words.by_block) request.header.ifindex = kByBlock;
            request.header.parent = words.parent;
            request.header.handle = words.handle;
            request.header.info = words.priority << 16U | Be16(words.protocol).raw();
            if (!words.kind.empty()) request.attributes.text(kTcaKind, words.kind);
            if (words.chain) request.attributes.u32(kTcaChain, *words.chain);
            if (!words.options) return request;
            AttributeWriter options;
            add_program(options, words.program, names);
            if (!words.name.empty()) options.text(kTcaBpfName, words.name);
            if (words.bpf_flags) options.u32(kTcaBpfFlags, *words.bpf_flags);
            if (words.gen_flags) options.u32(kTcaBpfFlagsGen, *words.gen_flags);
            if (words.classid) options.u32(kTcaBpfClassid, *words.classid);
            request.attributes.nest(kTcaOptions, options);
            return request;
          }};
}

class TcDifferentialTest : public ::testing::Test {
 protected:
  // The same answer and the same state on both sides. What was asked is told by its place among the requests.
  void same(const Ask& ask) {
    ++asked_;
    const std::string expected = kernel_.ask(ask);
    EXPECT_EQ(ours_.ask(ask), expected) << "request " << asked_ << " of kind " << static_cast<int>(ask.verb);
    ASSERT_EQ(ours_.state(), kernel_.state()) << "after request " << asked_;
    ++outcomes_[expected];
  }
  void new_qdisc(const QdiscWords& words) { same(qdisc(TcVerb::kNewQdisc, words)); }
  void delete_qdisc(const QdiscWords& words) { same(qdisc(TcVerb::kDelQdisc, words)); }
  void get_qdisc(const QdiscWords& words) { same(qdisc(TcVerb::kGetQdisc, words)); }
  void new_filter(const FilterWords& words) { same(filter(TcVerb::kNewFilter, words)); }
  void delete_filter(const FilterWords& words) { same(filter(TcVerb::kDelFilter, words)); }
  void get_filter(const FilterWords& words) { same(filter(TcVerb::kGetFilter, words)); }

  KernelSide kernel_;
  OurSide ours_;
  int asked_ = 0;
  std::map<std::string, int> outcomes_;
};

TEST_F(TcDifferentialTest, LifeOfAQdisc) {
  delete_qdisc({});
  get_qdisc({});
  get_qdisc({.kind = "", .handle = 0});
  new_qdisc({.flags = 0});
  new_qdisc({.flags = kReplaceLink});
  new_qdisc({});
  new_qdisc({});
  new_qdisc({.flags = kReplaces});
  new_qdisc({.flags = 0});
  new_qdisc({.kind = "", .flags = 0});
  new_qdisc({.flags = 0, .options = true});
  new_qdisc({.kind = "ingress", .flags = kReplaces});
  new_qdisc({.kind = "ingress", .flags = 0});
  get_qdisc({});
  get_qdisc({.kind = "ingress"});
  get_qdisc({.kind = "", .parent = 0});
  get_qdisc({.parent = 0, .handle = 0x10000});
  get_qdisc({.kind = "", .parent = kRootParent, .handle = 0});
  get_qdisc({.kind = "noqueue", .parent = kRootParent, .handle = 0});
  get_qdisc({.parent = 0x10001, .handle = 0});
  get_qdisc({.no_device = true});
  delete_qdisc({.kind = "ingress"});
  delete_qdisc({.handle = 0x10000});
  delete_qdisc({.parent = 0});
  delete_qdisc({.kind = "", .parent = kRootParent, .handle = 0});
  delete_qdisc({});
  delete_qdisc({});
  delete_qdisc({.kind = "", .handle = 0});
  get_qdisc({.kind = "", .handle = 0});
  new_qdisc({.kind = "ingress"});
  delete_qdisc({.kind = "ingress"});
}

TEST_F(TcDifferentialTest, AnotherKindTakesThePlaceOnlyWithoutHandle) {
  new_qdisc({.kind = "ingress"});
  new_qdisc({.flags = kReplaces, .handle = 0});
  new_qdisc({.kind = "ingress", .flags = kAdd, .handle = 0});
  new_qdisc({.flags = 0, .handle = 0});
  new_qdisc({.kind = "ingress", .flags = kCreate, .handle = 0});
  new_qdisc({.kind = "ingress", .flags = kReplaceLink, .handle = 0});
  new_qdisc({.kind = "ingress", .flags = kCreate, .handle = 0x10000});
  new_qdisc({.kind = "ingress", .flags = kReplaces, .handle = 0x10000});
  new_qdisc({.kind = "ingress", .flags = kReplaces, .handle = 0x10001});
}

TEST_F(TcDifferentialTest, WhatCannotBeAQdisc) {
  new_qdisc({.kind = "nosuch"});
  new_qdisc({.kind = ""});
  new_qdisc({.kind = "pfifo"});
  new_qdisc({.kind = "nosuch", .parent = kRootParent, .handle = 0x10000});
  new_qdisc({.parent = kRootParent, .handle = 0x10000});
  new_qdisc({.parent = kRootParent, .handle = 0x10001});
  new_qdisc({.parent = kRootParent, .handle = 0});
  new_qdisc({.handle = 0xffff0001});
  new_qdisc({.parent = 0, .handle = 0});
  new_qdisc({.parent = 0});
  new_qdisc({.parent = 0x10001});
  new_qdisc({.no_device = true});
  new_qdisc({});
  new_qdisc({.parent = kRootParent});
  new_qdisc({.flags = kAdd, .parent = 0});
  new_qdisc({.flags = 0, .parent = 0});
}

TEST_F(TcDifferentialTest, SharedBlocks) {
  new_qdisc({.kind = "ingress", .ingress_block = 0});
  new_qdisc({.kind = "ingress", .egress_block = 1});
  new_qdisc({.egress_block = 0});
  new_qdisc({.kind = "ingress", .ingress_block = 1});
  new_filter({});
  new_filter({.parent = 2, .by_block = true});
  new_filter({.parent = 1, .by_block = true});
  get_filter({.parent = 1, .by_block = true});
  delete_filter({.parent = 1, .by_block = true});
  new_qdisc({.flags = kReplaces, .handle = 0, .ingress_block = 1, .egress_block = 2});
  new_filter({.parent = 2, .by_block = true});
  new_filter({.parent = kEgressFilters});
  new_qdisc({.flags = kReplaces, .handle = 0, .ingress_block = 3, .egress_block = 3});
  new_qdisc({.flags = kReplaces, .handle = 0, .ingress_block = 3, .egress_block = 4});
  new_filter({.parent = 1, .by_block = true});
  new_filter({.parent = 4, .by_block = true});
  new_filter({.parent = kEgressFilters});
  delete_qdisc({});
  new_filter({.parent = 4, .by_block = true});
}

TEST_F(TcDifferentialTest, LifeOfAFilter) {
  new_filter({});
  new_qdisc({});
  new_filter({});
  new_filter({});
  new_filter({.flags = kReplaces, .program = Program::kSecond});
  new_filter({.flags = 0, .program = Program::kFirst, .name = ""});
  new_filter({.handle = 2, .flags = 0});
  new_filter({.handle = 7, .flags = kCreate});
  new_filter({.handle = 0});
  new_filter({.handle = 0, .flags = kReplaces});
  new_filter({.parent = kEgressFilters, .classid = 0x10002});
  new_filter({.priority = 2, .protocol = 0x800, .bpf_flags = {}});
  get_filter({});
  get_filter({.handle = 99});
  get_filter({.priority = 3});
  get_filter({.priority = 0});
  get_filter({.protocol = 0x800});
  get_filter({.protocol = 0});
  get_filter({.kind = "u32"});
  get_filter({.chain = 1});
  delete_filter({.handle = 99});
  delete_filter({.handle = 2});
  delete_filter({.protocol = 0x800});
  delete_filter({.kind = "u32"});
  delete_filter({.priority = 5});
  delete_filter({.chain = 1});
  delete_filter({.handle = 0});
  delete_filter({.handle = 0});
  delete_filter({.priority = 0});
  delete_filter({.priority = 0, .protocol = 0, .handle = 0, .kind = ""});
  delete_filter({.priority = 0, .protocol = 0, .handle = 0, .kind = "", .chain = 5});
  delete_filter({.parent = kEgressFilters, .priority = 0, .protocol = 0, .handle = 0, .kind = ""});
  delete_qdisc({});
  delete_filter({});
}

TEST_F(TcDifferentialTest, ChosenPriorities) {
  new_qdisc({});
  new_filter({.priority = 0, .handle = 0});
  new_filter({.priority = 0, .handle = 0});
  new_filter({.priority = 0x9000, .handle = 0});
  new_filter({.priority = 0, .handle = 0});
  new_filter({.priority = 0, .handle = 0, .chain = 3});
  new_filter({.priority = 0x8000, .handle = 0});
  new_filter({.priority = 0, .handle = 0});
  new_filter({.priority = 0, .flags = kReplaceLink});
  new_filter({.priority = 0, .protocol = 0});
}

TEST_F(TcDifferentialTest, WhatCannotBeAFilter) {
  new_filter({.parent = 0});
  new_qdisc({});
  for (const std::uint32_t parent : {0U, 0x10000U, 0x10001U, 0xffff0000U, 0xfffffff1U, 0xffff0001U})
    new_filter({.parent = parent});
  new_filter({.protocol = 0});
  new_filter({.kind = ""});
  new_filter({.kind = "nosuch"});
  new_filter({.kind = "averyverylongname"});
  new_filter({.flags = 0});
  new_filter({.chain = 0x0fffffff});
  new_filter({.chain = 0x10000000});
  new_filter({.options = false});
  for (const Program program : {Program::kNone, Program::kOther, Program::kClosed, Program::kBoth})
    new_filter({.program = program});
  new_filter({.bpf_flags = 2});
  for (const std::uint32_t gen_flags : {0U, 1U, 2U, 3U, 4U, 8U, 16U})
    new_filter({.handle = 0, .gen_flags = gen_flags});
  new_filter({.handle = 0, .name = std::string(255, 'n')});
  new_filter({.handle = 0, .name = std::string(256, 'n')});
  new_filter({.handle = 0, .name = std::string(257, 'n')});
  new_filter({.handle = 0x7fffffff});
  new_filter({.handle = 0xffffffff});
  new_filter({.handle = 0});
  new_filter({.handle = 0, .kind = "u32"});
}

TEST_F(TcDifferentialTest, IngressHasOneBlockForAllItsClasses) {
  new_qdisc({.kind = "ingress"});
  for (const std::uint32_t parent : {0xffff0000U, 0xfffffff1U, 0xfffffff2U, 0xfffffff3U, 0xffff0001U})
    new_filter({.parent = parent, .handle = 0});
}

// ---- random requests ----

class RandomRequests {
 public:
  explicit RandomRequests(std::uint32_t seed) : random_(seed) {}

  Ask next() {
    if (chance(4)) return next_qdisc();
    return next_filter();
  }

 private:
  // One of `n` times true.
  bool chance(int n) { return std::uniform_int_distribution<int>(1, n)(random_) == 1; }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[std::uniform_int_distribution<std::size_t>(0, choices.size() - 1)(random_)];
  }

  Ask next_qdisc() {
    QdiscWords words;
    words.kind =
        pick<std::string>({"clsact", "clsact", "clsact", "ingress", "ingress", "", "nosuch", "pfifo"});
    words.flags = pick<std::uint16_t>({0, kAdd, kAdd, kReplaces, kCreate, kExclusive, kReplaceLink});
    words.handle = pick<std::uint32_t>({kIngressHandle, kIngressHandle, 0, 0x10000, 0xffff0001});
    words.options = chance(10);
    words.second_device = chance(2);
    words.no_device = chance(20);
    // Each direction of each device has a block of its own number.
    const std::uint32_t first = words.second_device ? 10 : 20;
    if (chance(10)) words.ingress_block = first;
    if (chance(10)) words.egress_block = first + 1;
    if (chance(10)) words.parent = 0;
    if (words.kind != "pfifo" && chance(10)) words.parent = kRootParent;
    return qdisc(pick({TcVerb::kNewQdisc, TcVerb::kNewQdisc, TcVerb::kGetQdisc, TcVerb::kDelQdisc}), words);
  }

  Ask next_filter() {
    FilterWords words;
    words.parent = pick<std::uint32_t>({kIngressFilters, kIngressFilters, kEgressFilters});
    if (chance(15)) words.parent = pick<std::uint32_t>({0, 0x10000, 0xffff0000, 0xfffffff1, 0xffff0007});
    words.priority = pick<std::uint32_t>({0, 1, 1, 2, 7, 0xbfff, 0xc000});
    words.protocol = pick<std::uint16_t>({3, 3, 3, 0x800, 0x86dd, 0});
    words.handle = pick<std::uint32_t>({0, 0, 1, 1, 2, 3, 0x80000001});
    words.flags = pick<std::uint16_t>({kAdd, kAdd, kAdd, kReplaces, kCreate, 0, kExclusive, kReplaceLink});
    words.kind = pick<std::string>({"bpf", "bpf", "bpf", "bpf", "bpf", "", "nosuch", "averyverylongname"});
    if (chance(5)) words.chain = pick<std::uint32_t>({0, 1, 5, 0x0fffffff, 0x10000000});
    words.options = !chance(10);
    words.program = pick({Program::kFirst, Program::kFirst, Program::kSecond, Program::kSecond});
    if (chance(8)) words.program = pick({Program::kNone, Program::kOther, Program::kClosed, Program::kBoth});
    if (chance(3)) words.name = pick<std::string>({"", "a", "another"});
    if (chance(4)) words.bpf_flags = pick<std::uint32_t>({0, 1, 2, 3});
    if (chance(6)) words.gen_flags = pick<std::uint32_t>({0, 1, 2, 3, 4, 16});
    if (chance(5)) words.classid = pick<std::uint32_t>({0, 0x10001, 0xffffffff});
    words.second_device = chance(4);
    if (chance(12)) {
      words.by_block = true;
      words.parent = pick<std::uint32_t>({10, 11, 20, 21, 22});
    }
    const TcVerb verb = pick(
        {TcVerb::kNewFilter, TcVerb::kNewFilter, TcVerb::kNewFilter, TcVerb::kGetFilter, TcVerb::kDelFilter});
    // Without priority, what deletes or asks is mostly one of the same error: rather the flush.
    if (verb == TcVerb::kDelFilter && words.priority == 0 && chance(2)) {
      words.protocol = 0;
      words.handle = 0;
      words.kind = "";
    }
    return filter(verb, words);
  }

  std::mt19937 random_;
};

class RandomTcTest : public TcDifferentialTest, public ::testing::WithParamInterface<std::uint32_t> {};

TEST_P(RandomTcTest, EveryRequestGetsTheSameAnswer) {
  constexpr int kRequests = 1500;
  RandomRequests requests(GetParam());
  for (int i = 0; i < kRequests && !HasFailure(); ++i) same(requests.next());
  EXPECT_GT(outcomes_["OK"], kRequests / 20);
  EXPECT_GT(outcomes_.size(), 20U);
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomTcTest, ::testing::Range(1U, 9U));

}  // namespace
}  // namespace netkit::differential
