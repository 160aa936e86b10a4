// Loading programs and whole objects, what information says of them, and their instructions as text.
#include "base/clock.h"
#include "bpf/exec/interpreter.h"
#include "control/dump.h"
#include "packet/pool.h"
#include "tests/unit/objects/fixture.h"

namespace netkit::control {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Programs : public ObjectTest {
 protected:
  void run(int fd) {
    const rcu::Section section;
    PacketPool pool;
    bpf::RedirectRecord redirect;
    bpf::Outside outside;
    bpf::RunContext context;
    context.pool = &pool;
    context.redirect = &redirect;
    context.outside = &outside;
    PacketPtr packet = pool.allocate(64);
    const auto program = client_->get<bpf::ProgramRef>(fd).value();
    EXPECT_EQ(bpf::run_program(context, *program, *packet), 0);
  }
  [[nodiscard]] static int fd_of(const std::vector<NamedHandle>& handles, std::string_view name) {
    const auto found = std::ranges::find(handles, name, &NamedHandle::name);
    return found != handles.end() ? found->fd : -1;
  }
};

TEST_F(Programs, InformationTellsWhoLoadedItAndWhen) {
  client_->become({.uid = 4321});
  const Nanoseconds before = clock_ns(CLOCK_BOOTTIME);
  const ProgramInfo info = program_info(*client_, load("r0 = 0; exit", "pass")).value();
  EXPECT_EQ(info.type, kSchedCls);
  EXPECT_EQ(info.created_by_uid, 4321U);
  EXPECT_GE(info.load_time, before);
  EXPECT_LE(info.load_time, clock_ns(CLOCK_BOOTTIME));
  EXPECT_EQ(info.name, "pass");
  EXPECT_TRUE(info.gpl_compatible);
  EXPECT_EQ(info.xlated_prog_len, 16U);
  EXPECT_EQ(info.jited_prog_len, 0U);
  EXPECT_EQ(info.memlock, 4096U);
  EXPECT_THAT(info.map_ids, IsEmpty());
}

TEST_F(Programs, RunsAreTimedOnlyWhileStatisticsAreOn) {
  const int program = load();
  run(program);
  EXPECT_EQ(program_info(*client_, program)->run_cnt, 0U);
  EXPECT_EQ(program_info(*client_, program)->runs, 1U);
  const int stats = enable_stats(*client_, kStatsRunTime).value();
  run(program);
  run(program);
  ASSERT_TRUE(client_->close(stats));
  run(program);
  const ProgramInfo info = program_info(*client_, program).value();
  EXPECT_EQ(info.run_cnt, 2U);
  EXPECT_GT(info.run_time_ns, 0U);
  EXPECT_EQ(info.runs, 4U);
}

TEST_F(Programs, WhatTheChecksRefuseComesWithAText) {
  const std::vector<bpf::Insn> insns = bpf::assemble("r0 = 0; call 9999; exit").value();
  const auto loaded = load_program(*client_, {.prog_type = kSchedCls, .insns = insns, .license = "GPL"});
  EXPECT_EQ(outcome(loaded), "EINVAL");
  EXPECT_THAT(loaded.error().text, HasSubstr("invalid func unknown#9999"));

  const std::vector<bpf::Insn> pass = bpf::assemble("r0 = 0; exit").value();
  const auto other_type = load_program(*client_, {.prog_type = 6, .insns = pass, .license = "GPL"});
  EXPECT_EQ(outcome(other_type), "EINVAL");
  EXPECT_THAT(other_type.error().text, HasSubstr("type 6"));
}

TEST_F(Programs, ARefusedProgramLeavesNothingBehind) {
  const std::size_t before = bpf::ProgramTable::instance().ids().size();
  const int map = create();
  const std::uint32_t id = id_of(map);
  const std::vector<bpf::Insn> insns =
      bpf::assemble("r1 = map[" + std::to_string(map) + "]; r0 = 0; call 9999; exit").value();
  EXPECT_FALSE(load_program(*client_, {.prog_type = kSchedCls, .insns = insns, .license = "GPL"}));
  ASSERT_TRUE(client_->close(map));
  EXPECT_EQ(bpf::MapTable::instance().find(id), nullptr);
  EXPECT_EQ(bpf::ProgramTable::instance().ids().size(), before);
}

TEST_F(Programs, AProgramUsesAtMost64Maps) {
  const auto with_maps = [&](int count) {
    std::vector<bpf::Insn> insns;
    for (int i = 0; i < count; ++i) {
      insns.push_back({.opcode = bpf::kLdImm64, .dst = 1, .src = bpf::kMapFd, .off = 0, .imm = create()});
      insns.push_back({});
    }
    const std::vector<bpf::Insn> end = bpf::assemble("r0 = 0; exit").value();
    insns.insert(insns.end(), end.begin(), end.end());
    return outcome(load_program(*client_, {.prog_type = kSchedCls, .insns = insns, .license = "GPL"}));
  };
  EXPECT_EQ(with_maps(64), "OK");
  EXPECT_EQ(with_maps(65), "E2BIG");
}

TEST_F(Programs, MapsAreBoundWithoutBeingNamed) {
  const int map = create();
  const std::vector<bpf::Insn> insns = bpf::assemble("r0 = 0; exit").value();
  ProgramLoadRequest request{.prog_type = kSchedCls, .insns = insns, .license = "GPL"};
  request.fd_array = {map};
  request.fd_array_cnt = 1;
  const int program = load_program(*client_, request).value();
  EXPECT_THAT(program_info(*client_, program)->map_ids, ElementsAre(id_of(map)));
  request.fd_array = {kBadDescriptor};
  EXPECT_EQ(outcome(load_program(*client_, request)), "EBADF");
  request.fd_array_cnt = 2;
  EXPECT_EQ(outcome(load_program(*client_, request)), "EFAULT");
}

TEST_F(Programs, AnObjectGivesADescriptorForEachProgramAndMap) {
  client_->become({.uid = 77});
  const ObjectHandles handles = load_file(*client_);
  ASSERT_EQ(handles.programs.size(), 2U);
  EXPECT_EQ(handles.programs[0].name, "mark");
  EXPECT_EQ(handles.programs[1].name, "entry");
  const int entry = fd_of(handles.programs, "entry");
  EXPECT_EQ(program_info(*client_, entry)->created_by_uid, 77U);
  EXPECT_EQ(program_info(*client_, entry)->id, handles.programs[1].id);
  EXPECT_EQ(map_info(*client_, fd_of(handles.maps, "flows"))->max_entries, 16U);
  EXPECT_GE(fd_of(handles.maps, "counter.rodata"), 0);
  EXPECT_GE(fd_of(handles.maps, "counter.bss"), 0);

  EXPECT_THAT(program_info(*client_, fd_of(handles.programs, "mark"))->map_ids,
              ElementsAre(id_of(fd_of(handles.maps, "counter.rodata"))))
      << "read-only data is bound to every program";

  const int next = fd_of(handles.maps, "next");
  const Buffer slot = lookup_element(*client_, next, bytes_of(1)).value();
  EXPECT_EQ(load_unaligned<std::uint32_t>(slot.data()), handles.programs[0].id);
}

TEST_F(Programs, AnObjectTakesMapsThatAreThereAlready) {
  const int flows = fd_of(load_file(*client_).maps, "flows");
  ObjectLoadRequest request{.bytes = {}, .name = {}};
  request.reuse = {{"flows", flows}};
  const ObjectHandles again = load_file(*client_, std::move(request));
  EXPECT_EQ(id_of(fd_of(again.maps, "flows")), id_of(flows));
  EXPECT_NE(fd_of(again.maps, "flows"), flows);

  const auto load_with = [&](int fd) {
    ObjectLoadRequest bad{.bytes = {}, .name = "x.o"};
    bad.reuse = {{"flows", fd}};
    return outcome(load_object(*client_, std::move(bad)));
  };
  EXPECT_EQ(load_with(kBadDescriptor), "EBADF");
  EXPECT_EQ(load_with(pod_fd_), "EINVAL");
}

TEST_F(Programs, ABrokenObjectLeavesNothingBehind) {
  const std::size_t maps = bpf::MapTable::instance().ids().size();
  EXPECT_EQ(outcome(load_object(*client_, {.bytes = Buffer(100), .name = "x.o"})), "ENOEXEC");
  ObjectLoadRequest request{.bytes = {}, .name = "x.o"};
  EXPECT_FALSE(load_object(*client_, request));
  EXPECT_EQ(bpf::MapTable::instance().ids().size(), maps);
}

TEST_F(Programs, InstructionsNameMapsByIdAndHelpersByName) {
  const int map = create();
  const std::vector<bpf::Insn> insns = bpf::assemble("r1 = map[" + std::to_string(map) +
                                                     "]\nr0 = 0\nif r0 == 0 goto pc+1\ncall 7\nr0 = 0\nexit")
                                           .value();
  const int program = load_insns(insns, "pass");
  const std::string id = std::to_string(id_of(map));
  EXPECT_EQ(to_text(dump_xlated(*client_, program).value()), "   0: (18) r1 = map[id:" + id +
                                                                 "]\n"
                                                                 "   2: (b7) r0 = 0\n"
                                                                 "   3: (15) if r0 == 0x0 goto pc+1\n"
                                                                 "   4: (85) call bpf_get_prandom_u32#7\n"
                                                                 "   5: (b7) r0 = 0\n"
                                                                 "   6: (95) exit\n");
  EXPECT_EQ(program_info(*client_, program)->xlated_prog_insns[0].imm, static_cast<int>(id_of(map)));
}

TEST_F(Programs, SourceLinesAndBytesAreShownWhenAskedFor) {
  const ObjectHandles handles = load_file(*client_);
  const auto dump = dump_xlated(*client_, fd_of(handles.programs, "mark")).value();
  EXPECT_EQ(dump.front().proto, "int mark(struct __sk_buff * skb)");
  const std::string plain = to_text(dump);
  EXPECT_THAT(plain,
              HasSubstr("int mark(struct __sk_buff * skb):\n; int mark(struct __sk_buff* skb) {\n   0:"));
  EXPECT_THAT(plain, HasSubstr("; skb->mark = 42;\n"));
  EXPECT_THAT(to_text(dump, {.linum = true}), HasSubstr("; skb->mark = 42; [file:"));
  EXPECT_THAT(to_text(dump, {.opcodes = true}), HasSubstr("(95) exit\n       95 00 00 00 00 00 00 00\n"));

  const auto data = dump_xlated(*client_, fd_of(handles.programs, "entry")).value();
  const std::uint32_t bss = id_of(fd_of(handles.maps, "counter.bss"));
  EXPECT_THAT(to_text(data), HasSubstr("\nvoid count(struct flow * flow):\n"));
  EXPECT_THAT(to_text(data), HasSubstr("map[id:" + std::to_string(bss) + "][0]+0\n"));
}

TEST_F(Programs, WithoutCapabilityInformationHasNoInstructions) {
  const int program = load();
  Client plain = plain_client();
  const int there = client_->pass(program, plain).value();
  const ProgramInfo info = program_info(plain, there).value();
  EXPECT_EQ(info.name, "pass");
  EXPECT_EQ(info.xlated_prog_len, 0U);
  EXPECT_THAT(info.xlated_prog_insns, IsEmpty());
  EXPECT_EQ(outcome(dump_xlated(plain, there)), "EPERM");
}

}  // namespace
}  // namespace netkit::control
