#include "tests/unit/mprog/fixture.h"

#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "control/uapi.h"

namespace netkit::control {
namespace {

constexpr std::uint32_t kStateKey = 0;

auto key_bytes() {
  return std::as_bytes(std::span(&kStateKey, 1));
}

}  // namespace

AttachTest::AttachTest() {
  const bpf::LoadedObject object =
      bpf::load_object(std::filesystem::path(NETKIT_TEST_OBJECTS "/test_tc_link.o")).value();
  for (int number = 1; number <= TC_LINK_PROGRAMS; ++number) {
    const bpf::ProgramRef program = object.find_program("tc" + std::to_string(number));
    programs_[number] = {.fd = client_->open(program), .id = program->id};
  }
  state_ = object.find_map(".bss");
  map_fd_ = client_->open(state_);
  set_up("lo");
}

AttachTest::~AttachTest() {
  if (execution_ == nullptr) return;
  const rcu::Section section;
  execution_->settle();
}

int AttachTest::load_text(int number, std::string_view text, bpf::ProgramType type) {
  auto image = std::make_shared<bpf::ProgramImage>();
  image->name = "test";
  image->license = "GPL";
  image->insns = bpf::assemble(text).value();
  image->functions = {{.name = "test", .first = 0, .count = static_cast<std::uint32_t>(image->insns.size())}};
  std::unique_ptr<bpf::Program> program = bpf::prepare_interpreted(image).value();
  program->type = type;
  const bpf::ProgramRef published = bpf::ProgramTable::instance().publish(std::move(program));
  programs_[number] = {.fd = client_->open(published), .id = published->id};
  return tc(number);
}

AttachRequest AttachTest::request(const Ask& ask) const {
  return {.target_ifindex = point_.ifindex,
          .prog_fd = ask.prog,
          .attach_type = static_cast<std::uint32_t>(point_.type),
          .flags = ask.flags,
          .replace_fd = ask.replace,
          .relative = static_cast<std::uint32_t>(ask.relative),
          .expected_revision = ask.revision};
}

std::string AttachTest::link(int number, const Ask& ask) {
  const Result<int> fd = create_link_at(*client_, request(ask));
  if (fd) links_[number] = {.fd = *fd, .id = link_info(*client_, *fd)->id};
  return outcome(fd);
}

std::string AttachTest::query(QueryRequest request, QueryAnswer& answer) {
  request.target_ifindex = point_.ifindex;
  request.attach_type = static_cast<std::uint32_t>(point_.type);
  return outcome(query_programs(*client_, request, answer));
}

std::string AttachTest::list(Point point) {
  const Point before = std::exchange(point_, point);
  std::string text = list();
  point_ = before;
  return text;
}

std::string AttachTest::list() {
  QueryAnswer answer;
  const std::string result = query({.room = 64}, answer);
  if (result != "OK") return result;
  std::string text = "rev " + std::to_string(answer.revision) + ":";
  for (std::size_t i = 0; i < answer.prog_ids.size(); ++i) {
    text += " tc" + name_of(programs_, 'p', answer.prog_ids[i]);
    if (answer.link_ids[i] != 0) text += "/l" + name_of(links_, 'l', answer.link_ids[i]);
  }
  return text;
}

std::string AttachTest::name_of(const std::map<int, Named>& objects, char letter, std::uint32_t id) {
  for (const auto& [number, object] : objects) {
    if (object.id == id) return std::to_string(number);
  }
  return std::string("?") + letter + std::to_string(id);
}

std::uint32_t AttachTest::veth() {
  if (number_of("v0") == 0) {
    Order order;
    order.kind = "veth";
    order.generic.text(kIflaIfname, "v0");
    order.data.nest(kVethInfoPeer, IfInfo{},
                    name("v1").u32(kIflaNetNsFd, static_cast<std::uint32_t>(pod_fd_)));
    EXPECT_EQ(outcome(create(order)), "OK");
  }
  return number_of("v0");
}

tc_link_state AttachTest::state() const {
  tc_link_state state{};
  EXPECT_TRUE(state_->read(key_bytes(), std::as_writable_bytes(std::span(&state, 1))));
  return state;
}

void AttachTest::set_state(const tc_link_state& state) {
  EXPECT_TRUE(state_->write(key_bytes(), std::as_bytes(std::span(&state, 1)), bpf::kAny));
}

std::string AttachTest::seen(const tc_link_state& state) {
  std::string text;
  for (int number = 1; number <= TC_LINK_PROGRAMS; ++number) {
    if (state.ran[number] != 0) text += (text.empty() ? "tc" : " tc") + std::to_string(number);
  }
  return text;
}

std::string AttachTest::seen_by_ping() {
  set_state({});
  PacketPtr echo = PacketBuilder()
                       .ethernet({}, {})
                       .ip("127.0.0.1", "127.0.0.1")
                       .icmp({.type = 8})
                       .payload("ping")
                       .build(pool_);
  const device::DeviceRef lo = [this] {
    const device::Rtnl rtnl = network_.lock();
    return host_->find(rtnl, kLoopbackNumber);
  }();
  const rcu::Section section;
  PacketBatch batch;
  batch.push(std::move(echo));
  (void)execution().transmit(*lo, batch);
  execution().settle();
  return seen(state());
}

device::Execution& AttachTest::execution() {
  if (execution_ == nullptr) execution_ = std::make_unique<device::Execution>(network_, 0, pool_);
  return *execution_;
}

void AttachTest::set_up(std::string_view device, bool up) {
  const device::Rtnl rtnl = network_.lock();
  ASSERT_TRUE(client_->netns()->find(rtnl, device)->set_up(rtnl, up));
}

std::string AttachTest::remove(std::string_view device) {
  LinkRequest request;
  request.attributes.text(kIflaIfname, device);
  return outcome(delete_link(*client_, request));
}

}  // namespace netkit::control
