#include "tests/support/engine_attach_world.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/rcu.h"
#include "bpf/exec/interpreter.h"
#include "bpf/isa/assembler.h"
#include "bpf/map/tables.h"
#include "control/link.h"
#include "control/uapi.h"
#include "device/namespace.h"

namespace netkit::testing {
namespace {

using Op = Action::Op;
using Kind = Reference::Kind;

constexpr int kClosedDescriptor = 999'999;
constexpr int kForeignDescriptor = 1;
constexpr std::uint32_t kUnknownId = 0x7fff'ffff;
constexpr std::uint32_t kUnknownDevice = 99'999;
constexpr std::uint32_t kUnknownType = 9'999;

std::string word(const Result<>& result) {
  return result ? "OK" : errno_name(result.error().code);
}

std::string device_name(int number) {
  return fmt::format("dev{}", number);
}

bpf::ProgramRef publish(bpf::ProgramType type) {
  auto image = std::make_shared<bpf::ProgramImage>();
  image->name = "random";
  image->license = "GPL";
  image->insns = bpf::assemble("w0 = -1; exit").value();
  image->functions = {
      {.name = "random", .first = 0, .count = static_cast<std::uint32_t>(image->insns.size())}};
  std::unique_ptr<bpf::Program> program = bpf::prepare_interpreted(image).value();
  program->type = type;
  return bpf::ProgramTable::instance().publish(std::move(program));
}

int number_of(const std::map<std::uint32_t, int>& numbers, std::uint32_t id) {
  const auto found = numbers.find(id);
  return found != numbers.end() ? found->second : -1;
}

}  // namespace

EngineAttachWorld::EngineAttachWorld(std::vector<Hook> hooks, std::vector<DeviceForm> devices)
    : hooks_(std::move(hooks)), devices_(std::move(devices)) {
  {
    const device::Rtnl rtnl = network_.lock();
    host_ = network_.add_namespace(rtnl, "host").value();
    pod_ = network_.add_namespace(rtnl, "pod").value();
  }
  client_ = std::make_unique<control::Client>(system_, host_);
  for (std::size_t i = 0; i < devices_.size(); ++i) make_device(static_cast<int>(i));
}

EngineAttachWorld::~EngineAttachWorld() {
  client_.reset();
  rcu::drain();
}

std::string EngineAttachWorld::play(const Action& action) {
  switch (action.op) {
    case Op::kLoad:
      return word(load(action));
    case Op::kCloseProgram:
      return word(close(programs_[action.number]));
    case Op::kAttach:
      return word(attach_program(*client_, request(action)));
    case Op::kDetach:
      return word(detach_program(*client_, request(action)));
    case Op::kQuery:
      return query(action);
    case Op::kCreateLink:
      return word(create_link(action));
    case Op::kUpdateLink:
      return word(update_link(*client_, {.link_fd = descriptor(action.link),
                                         .new_prog_fd = descriptor(action.program),
                                         .flags = action.flags,
                                         .old_prog_fd = descriptor(action.replaced)}));
    case Op::kDetachLink:
      return word(detach_link(*client_, descriptor(action.link)));
    case Op::kLinkInfo:
      return info(descriptor(action.link));
    case Op::kCloseLink:
      return word(close(links_[action.number]));
    case Op::kDeleteDevice:
      return word(delete_device(action.device));
    case Op::kRestoreDevice:
      if (find_device(action.device) != nullptr) return "EEXIST";
      make_device(action.device);
      return "OK";
    case Op::kMoveDevice:
      return word(move_device(action.device));
  }
  return {};
}

std::string EngineAttachWorld::state() {
  rcu::drain();  // what nobody holds any more has gone
  std::string text;
  for (int hook = 0; hook < static_cast<int>(hooks_.size()); ++hook) {
    Action action;
    action.hook = hook;
    text += fmt::format("  h{}: {}\n", hook, query(action));
  }
  text += "  links:";
  for (const auto& [number, link] : links_) {
    if (link.fd < 0) continue;
    const control::LinkInfo told = link_info(*client_, link.fd).value();
    text += fmt::format(" l{}=p{}{}", number, number_of(program_numbers_, told.prog_id),
                        told.ifindex != 0 ? "" : "-");
  }
  text += "\n  alive:";
  for (const auto& [number, program] : programs_) {
    if (bpf::ProgramTable::instance().find(program.id) != nullptr) text += fmt::format(" p{}", number);
  }
  return text + "\n";
}

void EngineAttachWorld::make_device(int number) {
  client_->enter(host_);
  control::LinkRequest request;
  request.flags = control::kCreate | control::kExclusive;
  request.attributes.text(control::kIflaIfname, device_name(number));
  control::AttributeWriter info;
  switch (devices_[static_cast<std::size_t>(number)]) {
    case DeviceForm::kNetkit:
      info.text(control::kInfoKind, "netkit");
      break;
    case DeviceForm::kVeth:
      info.text(control::kInfoKind, "veth");
      break;
    case DeviceForm::kDummy:
      info.text(control::kInfoKind, "dummy");
      break;
  }
  request.attributes.nest(control::kIflaLinkinfo, info);
  new_link(*client_, request).value();
}

device::DeviceRef EngineAttachWorld::find_device(int number) {
  const device::Rtnl rtnl = network_.lock();
  device::DeviceRef found = host_->find(rtnl, device_name(number));
  return found != nullptr ? found : pod_->find(rtnl, device_name(number));
}

Result<> EngineAttachWorld::delete_device(int number) {
  const device::DeviceRef device = find_device(number);
  if (device == nullptr) return fail(ENODEV);
  client_->enter(device->netns()->shared_from_this());
  control::LinkRequest request;
  request.header.index = static_cast<std::int32_t>(device->ifindex());
  return delete_link(*client_, request);
}

Result<> EngineAttachWorld::move_device(int number) {
  const device::DeviceRef device = find_device(number);
  if (device == nullptr) return fail(ENODEV);
  const bool in_host = device->netns() == host_.get();
  client_->enter(in_host ? host_ : pod_);
  const int target = client_->open(in_host ? pod_ : host_);
  control::LinkRequest request;
  request.header.index = static_cast<std::int32_t>(device->ifindex());
  request.attributes.u32(control::kIflaNetNsFd, static_cast<std::uint32_t>(target));
  Result<> moved = set_link(*client_, request);
  (void)client_->close(target);
  return moved;
}

Result<> EngineAttachWorld::load(const Action& action) {
  if (programs_.contains(action.number)) return {};
  const bpf::ProgramRef program = publish(action.type);
  programs_[action.number] = {.fd = client_->open(program), .id = program->id};
  program_numbers_[program->id] = action.number;
  return {};
}

Result<> EngineAttachWorld::create_link(const Action& action) {
  const int fd = TRY(create_link_at(*client_, request(action)));
  const std::uint32_t id = link_info(*client_, fd)->id;
  links_[action.number] = {.fd = fd, .id = id};
  link_numbers_[id] = action.number;
  return {};
}

control::AttachRequest EngineAttachWorld::request_at(int hook) {
  control::AttachRequest made{.target_ifindex = kUnknownDevice,
                              .attach_type = static_cast<std::uint32_t>(hooks_.front().type)};
  if (hook == kNoSuchType) made.attach_type = kUnknownType;
  if (hook < 0) return made;
  const Hook& named = hooks_[static_cast<std::size_t>(hook)];
  made.attach_type = static_cast<std::uint32_t>(named.type);
  const device::DeviceRef device = find_device(named.device);
  if (device == nullptr) return made;
  client_->enter(device->netns()->shared_from_this());
  made.target_ifindex = device->ifindex();
  return made;
}

control::AttachRequest EngineAttachWorld::request(const Action& action) {
  control::AttachRequest made = request_at(action.hook);
  made.prog_fd = descriptor(action.program);
  made.flags = action.flags;
  made.replace_fd = descriptor(action.replaced);
  made.relative = relative(action.relative, action.flags);
  control::QueryAnswer present;
  const control::QueryRequest asked{.target_ifindex = made.target_ifindex, .attach_type = made.attach_type};
  const bool known = query_programs(*client_, asked, present).has_value();
  switch (action.revision) {
    case Action::Revision::kAny:
      break;
    case Action::Revision::kReported:
      made.expected_revision = known ? present.revision : 1;
      break;
    case Action::Revision::kReportedLess:
      made.expected_revision = known ? present.revision - 1 : 1;
      break;
    case Action::Revision::kReportedMore:
      made.expected_revision = known ? present.revision + 1 : 1;
      break;
    case Action::Revision::kHuge:
      made.expected_revision = std::uint64_t{1} << 63U;
      break;
  }
  return made;
}

std::string EngineAttachWorld::query(const Action& action) {
  const control::AttachRequest at = request_at(action.hook);
  control::QueryAnswer answer;
  const Result<> result = query_programs(*client_,
                                         {.target_ifindex = at.target_ifindex,
                                          .attach_type = at.attach_type,
                                          .query_flags = action.query_flags,
                                          .attach_flags = action.attach_flags,
                                          .room = action.room,
                                          .wants_ids = action.wants_ids},
                                         answer);
  if (!result && result.error().code != ENOSPC) return word(result);
  std::string text = fmt::format("{} count {} rev {}", word(result), answer.count, answer.revision);
  for (std::size_t i = 0; i < answer.prog_ids.size(); ++i) {
    text += fmt::format(" p{}", number_of(program_numbers_, answer.prog_ids[i]));
    if (answer.link_ids[i] != 0) text += fmt::format("/l{}", number_of(link_numbers_, answer.link_ids[i]));
  }
  return text;
}

std::string EngineAttachWorld::info(int link_fd) {
  const auto told = link_info(*client_, link_fd);
  if (!told) return errno_name(told.error().code);
  std::string text = fmt::format("OK p{}", number_of(program_numbers_, told->prog_id));
  if (told->ifindex == 0) return text + " defunct";
  for (std::size_t hook = 0; hook < hooks_.size(); ++hook) {
    if (static_cast<std::uint32_t>(hooks_[hook].type) != told->attach_type) continue;
    control::QueryAnswer there;
    const control::AttachRequest at = request_at(static_cast<int>(hook));
    (void)query_programs(
        *client_, {.target_ifindex = at.target_ifindex, .attach_type = at.attach_type, .room = 64}, there);
    if (std::ranges::count(there.link_ids, told->id) > 0) text += fmt::format(" h{}", hook);
  }
  return text;
}

int EngineAttachWorld::descriptor(const Reference& reference) const {
  const auto open_fd = [](const std::map<int, Object>& objects, int number) {
    const auto found = objects.find(number);
    return found != objects.end() && found->second.fd >= 0 ? found->second.fd : kClosedDescriptor;
  };
  switch (reference.kind) {
    case Kind::kZero:
      return 0;
    case Kind::kClosed:
      return kClosedDescriptor;
    case Kind::kForeign:
      return kForeignDescriptor;
    case Kind::kProgram:
      return open_fd(programs_, reference.number);
    case Kind::kLink:
      return open_fd(links_, reference.number);
  }
  return kClosedDescriptor;
}

std::uint32_t EngineAttachWorld::relative(const Reference& reference, std::uint32_t flags) const {
  if ((flags & device::kId) == 0 || reference.kind == Kind::kZero) {
    return static_cast<std::uint32_t>(descriptor(reference));
  }
  const bool wants_link = (flags & device::kLink) != 0;
  if (reference.kind != (wants_link ? Kind::kLink : Kind::kProgram)) return kUnknownId;
  const std::map<int, Object>& objects = wants_link ? links_ : programs_;
  const auto found = objects.find(reference.number);
  return found != objects.end() ? found->second.id : kUnknownId;
}

Result<> EngineAttachWorld::close(Object& object) {
  if (object.fd < 0) return fail(EBADF);
  return client_->close(std::exchange(object.fd, -1));
}

}  // namespace netkit::testing
