// The table of struct __sk_buff: every field and size, what may be read and written, and what it means
// (spec tc-bpf-context.md section 2).
#include "bpf/run/skb.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>

#include "bpf/run/program.h"

namespace netkit::bpf {
namespace {

class Skb : public testing::Test {
 protected:
  Skb() : packet_(pool_.allocate(100)) {
    run_->packet = packet_.get();
    run_->program = &program_;
  }
  std::uint64_t read(std::uint32_t offset, std::uint32_t size) const {
    const SkbFieldInfo* field = skb_readable(offset, size);
    EXPECT_NE(field, nullptr) << "offset " << offset << " size " << size;
    return field == nullptr ? 0xbad : skb_read(*run_, *field, offset, size);
  }
  void write(std::uint32_t offset, std::uint32_t size, std::uint64_t value) {
    const SkbFieldInfo* field = skb_writable(offset, size);
    ASSERT_NE(field, nullptr) << "offset " << offset << " size " << size;
    skb_write(*run_, *field, offset, size, value);
  }
  // Something else in every field.
  void fill() {
    std::uint64_t value = 0x0102030405060708;
    for (const SkbFieldInfo& field : skb_fields()) {
      if (const SkbWriter writer = skb_writer(field.offset, field.size)) writer(*run_, value += 0x1111);
    }
    for (std::uint32_t word = 0; word < meta().cb.size(); ++word) meta().cb[word] = 0xcb000000 + word;
  }
  PacketMeta& meta() { return packet_->meta; }

  PacketPool pool_;
  PacketPtr packet_;
  Program program_;
  std::unique_ptr<RunContext> run_ = std::make_unique<RunContext>();
};

TEST_F(Skb, reads_every_field) {
  meta().ifindex = 7;
  meta().skb_iif = 9;
  meta().protocol = Be16(0x86dd);
  meta().pkt_type = PacketType::kOtherhost;
  meta().tstamp_type = TimestampType::kTai;
  meta().mark = 0xa1b2c3d4;
  meta().priority = 6;
  meta().queue_mapping = 3;
  meta().tc_index = 0x1234;
  meta().tc_classid = 0x4321;
  meta().hash = 0xdeadbeef;
  meta().napi_id = 77;
  meta().wire_len = 5000;
  meta().tstamp = 0x1122334455667788;
  meta().hwtstamp = 0x8877665544332211;
  meta().vlan = {true, Be16(0x8100), 0x0123};
  meta().gso = {kGsoTcp4, 1448, 3};
  EXPECT_EQ(read(0, 4), 100U);
  EXPECT_EQ(read(4, 4), 3U);
  EXPECT_EQ(read(8, 4), 0xa1b2c3d4U);
  EXPECT_EQ(read(12, 4), 3U);
  EXPECT_EQ(read(16, 4), 0xdd86U);  // network order in the low half
  EXPECT_EQ(read(20, 4), 1U);
  EXPECT_EQ(read(24, 4), 0x0123U);
  EXPECT_EQ(read(28, 4), 0x0081U);
  EXPECT_EQ(read(32, 4), 6U);
  EXPECT_EQ(read(36, 4), 9U);
  EXPECT_EQ(read(40, 4), 7U);
  EXPECT_EQ(read(44, 4), 0x1234U);
  EXPECT_EQ(read(68, 4), 0xdeadbeefU);
  EXPECT_EQ(read(72, 4), 0x4321U);
  EXPECT_EQ(read(84, 4), 77U);
  EXPECT_EQ(read(152, 8), 0x1122334455667788U);
  EXPECT_EQ(read(160, 4), 5000U);
  EXPECT_EQ(read(164, 4), 3U);
  EXPECT_EQ(read(168, 8), 0U);  // sk
  EXPECT_EQ(read(176, 4), 1448U);
  EXPECT_EQ(read(180, 1), 2U);
  EXPECT_EQ(read(184, 8), 0x8877665544332211U);
}

TEST_F(Skb, data_pointers_are_native_and_64_bits_wide) {
  packet_->set_linear_len(40);
  meta().meta_len = 8;
  const auto data = reinterpret_cast<std::uint64_t>(packet_->data());
  EXPECT_EQ(read(76, 4), data);
  EXPECT_EQ(read(80, 4), data + 40);
  EXPECT_EQ(read(140, 4), data - 8);
}

TEST_F(Skb, parts_of_a_field_are_read_where_they_lie) {
  meta().mark = 0xa1b2c3d4;
  EXPECT_EQ(read(8, 1), 0xd4U);
  EXPECT_EQ(read(9, 1), 0xc3U);
  EXPECT_EQ(read(10, 2), 0xa1b2U);
  EXPECT_EQ(read(11, 1), 0xa1U);
}

TEST_F(Skb, a_wire_length_that_nobody_computed_is_the_length) {
  EXPECT_EQ(read(160, 4), 100U);
}

TEST_F(Skb, writes_what_may_be_written) {
  write(8, 4, 0xffff'ffff'0000'0001);
  EXPECT_EQ(meta().mark, 1U);
  write(32, 4, 5);
  EXPECT_EQ(meta().priority, 5U);
  write(44, 4, 0x54321);
  EXPECT_EQ(meta().tc_index, 0x4321U);
  write(72, 4, 0x98765);
  EXPECT_EQ(meta().tc_classid, 0x8765U);
  write(152, 8, 12345);
  EXPECT_EQ(meta().tstamp, 12345U);
}

TEST_F(Skb, a_queue_number_that_does_not_fit_is_ignored) {
  write(12, 4, 5);
  EXPECT_EQ(meta().queue_mapping, 5U);
  write(12, 4, 0xffff);
  EXPECT_EQ(meta().queue_mapping, 5U);
  write(12, 4, 0x1'0000'0007);  // the whole register counts
  EXPECT_EQ(meta().queue_mapping, 5U);
  write(12, 4, 0xfffe);
  EXPECT_EQ(meta().queue_mapping, 0xfffeU);
}

TEST_F(Skb, cb_is_memory) {
  write(48, 8, 0x1122334455667788);
  write(56, 4, 0x99aabbcc);
  write(60, 2, 0xddee);
  write(67, 1, 0xff);
  EXPECT_EQ(read(48, 4), 0x55667788U);
  EXPECT_EQ(read(52, 4), 0x11223344U);
  EXPECT_EQ(read(56, 8), 0x0000ddee99aabbccU);
  EXPECT_EQ(meta().cb[4], 0xff000000U);
}

// tstamp, by hook, kind of time and what the program asks for (section 2.2).
TEST_F(Skb, decoded_accesses_are_those_of_the_table) {
  fill();
  std::size_t readers = 0;
  std::size_t writers = 0;
  for (std::uint32_t offset = 0; offset < kSkbSize + 8; ++offset) {
    for (const std::uint32_t size : {1U, 2U, 4U, 8U}) {
      if (const SkbReader reader = skb_reader(offset, size)) {
        ++readers;
        EXPECT_EQ(reader(*run_), read(offset, size)) << "offset " << offset << " size " << size;
      }
      if (const SkbWriter writer = skb_writer(offset, size)) {
        ++writers;
        writer(*run_, 0x123);
        EXPECT_EQ(read(offset, size), 0x123U) << "offset " << offset << " size " << size;
      }
    }
  }
  EXPECT_EQ(readers, skb_fields().size() - 2 + meta().cb.size());
  EXPECT_EQ(writers, 6 + meta().cb.size());
  EXPECT_EQ(skb_reader(~std::uint64_t{0}, 4), nullptr);
  EXPECT_EQ(skb_reader(0, 2), nullptr) << "a part of a field is searched for";
}

TEST_F(Skb, at_a_receive_hook_a_delivery_time_is_hidden_from_programs_that_do_not_ask) {
  meta().tstamp = 1000;
  meta().tstamp_type = TimestampType::kMonotonic;
  EXPECT_EQ(read(152, 8), 1000U);  // not a receive hook
  meta().at_ingress = true;
  EXPECT_EQ(read(152, 8), 0U);
  write(152, 8, 2000);
  EXPECT_EQ(meta().tstamp, 2000U);
  EXPECT_EQ(meta().tstamp_type, TimestampType::kRealtime);
  EXPECT_EQ(read(152, 8), 2000U);
}

TEST_F(Skb, a_program_that_reads_tstamp_type_sees_the_time_as_it_is) {
  program_.reads_tstamp_type = true;
  meta().tstamp = 1000;
  meta().tstamp_type = TimestampType::kMonotonic;
  meta().at_ingress = true;
  EXPECT_EQ(read(152, 8), 1000U);
  write(152, 8, 2000);
  EXPECT_EQ(meta().tstamp_type, TimestampType::kMonotonic);
}

// The whole table of accesses, stated once more by other means.
std::set<std::pair<std::uint32_t, std::uint32_t>> expected_reads() {
  std::set<std::pair<std::uint32_t, std::uint32_t>> all;
  const auto narrow = [&](std::uint32_t field) {
    for (const std::uint32_t size : {1U, 2U, 4U}) {
      for (std::uint32_t at = field; at < field + 4; at += size) all.insert({at, size});
    }
  };
  for (const std::uint32_t field :
       {0U, 4U, 8U, 12U, 16U, 20U, 24U, 28U, 32U, 36U, 40U, 44U, 68U, 72U, 84U, 160U, 164U, 176U})
    narrow(field);
  for (std::uint32_t field = 48; field < 68; field += 4) narrow(field);
  for (const std::uint32_t field : {48U, 56U}) all.insert({field, 8});
  for (const std::uint32_t field : {76U, 80U, 140U}) all.insert({field, 4});
  for (const std::uint32_t field : {152U, 168U, 184U}) all.insert({field, 8});
  all.insert({180, 1});
  return all;
}

std::set<std::pair<std::uint32_t, std::uint32_t>> expected_writes() {
  std::set<std::pair<std::uint32_t, std::uint32_t>> all = {{8, 4},  {12, 4},  {32, 4}, {44, 4},
                                                           {72, 4}, {152, 8}, {48, 8}, {56, 8}};
  for (const std::uint32_t size : {1U, 2U, 4U}) {
    for (std::uint32_t at = 48; at < 68; at += size) all.insert({at, size});
  }
  return all;
}

TEST(SkbTable, is_the_specification) {
  for (std::uint32_t offset = 0; offset < 200; ++offset) {
    for (const std::uint32_t size : {1U, 2U, 4U, 8U}) {
      EXPECT_EQ(skb_readable(offset, size) != nullptr, expected_reads().contains({offset, size}))
          << "read " << size << " at " << offset;
      EXPECT_EQ(skb_writable(offset, size) != nullptr, expected_writes().contains({offset, size}))
          << "write " << size << " at " << offset;
    }
  }
  EXPECT_EQ(skb_readable(~std::uint64_t{0} - 3, 4), nullptr);
}

TEST(SkbTable, is_sorted_and_without_overlaps) {
  std::uint32_t end = 0;
  for (const SkbFieldInfo& field : skb_fields()) {
    EXPECT_GE(field.offset, end) << field.name;
    end = std::uint32_t{field.offset} + field.size;
  }
  EXPECT_EQ(end, kSkbSize);
}

}  // namespace
}  // namespace netkit::bpf
