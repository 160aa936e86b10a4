#include "control/filter.h"

#include <algorithm>

#include "device/namespace.h"

namespace netkit::control {
namespace {

using bpf::ProgramRef;
using device::Classifier;
using device::DeviceRef;
using device::Direction;
using device::Filter;
using device::FilterBlock;
using device::QdiscKind;
using device::Rtnl;

constexpr std::string_view kKind = "bpf";
// What the kernel has besides.
constexpr std::string_view kOtherKinds[] = {"basic", "cgroup",   "flow",  "flower",
                                            "fw",    "matchall", "route", "u32"};
constexpr std::size_t kMaxKind = 15;              // IFNAMSIZ - 1
constexpr std::uint32_t kMaxChain = 0x0fff'ffff;  // TC_ACT_EXT_VAL_MASK
constexpr std::uint32_t kFirstChosenPriority = 0xc000;
constexpr std::uint32_t kChosenPriorities = 0x8000;  // priorities from here on are those that we choose
constexpr std::size_t kMaxProgramName = 15;          // BPF_OBJ_NAME_LEN - 1
constexpr std::size_t kMaxFilterName = 256;          // CLS_BPF_NAME_LEN

// cls_bpf's policy
constexpr Rule kBpfPolicy[] = {
    {.type = kTcaBpfAct, .form = Form::kNested},
    {.type = kTcaBpfPolice, .form = Form::kNested},
    {.type = kTcaBpfClassid, .form = Form::kU32},
    {.type = kTcaBpfOpsLen, .form = Form::kU16},
    {.type = kTcaBpfOps, .form = Form::kBinary, .max = 4096 * 8},
    {.type = kTcaBpfFd, .form = Form::kU32},
    {.type = kTcaBpfName, .form = Form::kZeroText, .max = kMaxFilterName},
    {.type = kTcaBpfFlags, .form = Form::kU32},
    {.type = kTcaBpfFlagsGen, .form = Form::kU32},
};

// A request, parsed; the kernel's protocol, prio and so on.
struct Order {
  TcHeader header;
  std::uint16_t flags = 0;
  AttributeTable attributes{};
  std::uint32_t priority = 0;
  Be16 protocol{};
  std::uint32_t chain = 0;

  // The kind it names is another one.
  [[nodiscard]] bool names_other_kind() const {
    const auto named = attributes.text(kTcaKind);
    return named && *named != kKind;
  }
};

Result<Order> parse(const TcRequest& request) {
  Order order{.header = request.header, .flags = request.flags};
  order.attributes = TRY(AttributeTable::parse(request.attributes.all(), tc_policy()));
  order.priority = request.header.info >> 16U;
  order.protocol = Be16::from_raw(static_cast<std::uint16_t>(request.header.info));
  order.chain = order.attributes.number(kTcaChain).value_or(0);
  return order;
}

// Where filters are: a block, and the device and parent by which it was found.
struct Place {
  DeviceRef device;  // null: by the block's number
  std::uint32_t parent = 0;
  FilterBlock* block = nullptr;
};

FilterBlock* find_shared_block(const Client& client, const Rtnl& rtnl, std::uint32_t index) {
  for (const DeviceRef& device : client.netns()->devices(rtnl)) {
    for (const Direction direction : {Direction::kIngress, Direction::kEgress}) {
      FilterBlock* const block = device->clsact.block(rtnl, direction);
      if (block != nullptr && block->index() != 0 && block->index() == index) return block;
    }
  }
  return nullptr;
}

// ingress_find, clsact_find: every class of ingress is its one block, clsact has two. Null: no block has this
// number; the answer is an error where no class has it.
Result<FilterBlock*> find_block(const Rtnl& rtnl, device::Clsact& clsact, std::uint32_t parent) {
  if (clsact.kind(rtnl) == QdiscKind::kIngress) return clsact.block(rtnl, Direction::kIngress);
  switch (parent) {
    case kIngressFilters:
      return clsact.block(rtnl, Direction::kIngress);
    case kEgressFilters:
      return clsact.block(rtnl, Direction::kEgress);
    case kIngressHandle:
      return nullptr;
    default:
      return fail(ENOENT, "Specified class doesn't exist");
  }
}

// __tcf_qdisc_find, __tcf_qdisc_cl_find and __tcf_block_find
Result<Place> find_place(const Client& client, const Rtnl& rtnl, const Order& order) {
  const std::uint32_t parent = order.header.parent;
  Place place{.device = nullptr, .parent = parent};
  const bool by_block = order.header.ifindex == kByBlock;
  if (!by_block) {
    place.device = TRY(find_tc_device(client, rtnl, order.header));
    if (parent == 0) return fail(EINVAL, "Qdisc not classful");
    if (major_of(parent) != kIngressHandle || !place.device->clsact.kind(rtnl))
      return fail(EINVAL, "Parent Qdisc doesn't exists");
  }
  if (order.attributes.text(kTcaKind).value_or("").size() > kMaxKind)
    return fail(EINVAL, "Specified TC filter name too long");
  if (by_block) {
    place.block = find_shared_block(client, rtnl, parent);
    if (place.block == nullptr) return fail(EINVAL, "Block of given index was not found");
    return place;
  }
  place.block = TRY(find_block(rtnl, place.device->clsact, parent));
  if (place.block == nullptr) return fail(EINVAL);
  if (place.block->index() != 0)
    return fail(EOPNOTSUPP,
                "This filter block is shared. Please use the block index to manipulate the filters");
  return place;
}

Result<> check_chain(std::uint32_t chain) {
  if (chain > kMaxChain) return fail(EINVAL, "Specified chain index exceeds upper limit");
  return {};
}

// tcf_chain_tp_find: the classifier of the order's priority; null: there is none.
Result<const Classifier*> find_classifier(const FilterBlock& block, const Order& order) {
  const Classifier* const found = block.at_or_behind(order.chain, order.priority);
  if (found == nullptr || found->priority != order.priority) return nullptr;
  if (order.protocol != Be16{} && found->protocol != order.protocol)
    return fail(EINVAL, "Protocol mismatch for filter with specified priority");
  return found;
}

// The priority in front of those that were chosen before (tcf_auto_prio).
Result<std::uint16_t> choose_priority(const FilterBlock& block, std::uint32_t chain) {
  const Classifier* const next = block.at_or_behind(chain, kChosenPriorities);
  if (next != nullptr && next->priority == kChosenPriorities)
    return fail(ENOSPC, "Lowest ID from auto-alloc range already in use");
  return static_cast<std::uint16_t>(next != nullptr ? next->priority - 1 : kFirstChosenPriority);
}

std::uint32_t lowest_free_handle(const Classifier* classifier) {
  std::uint32_t handle = 1;
  while (classifier != nullptr && device::find_filter(*classifier, handle) != nullptr) ++handle;
  return handle;
}

// The program that the options name (cls_bpf_prog_from_efd).
Result<ProgramRef> find_program(const Client& client, std::uint32_t fd) {
  ProgramRef program = TRY(client.get<ProgramRef>(static_cast<int>(fd)));
  if (program->type != bpf::ProgramType::kSchedCls) return fail(EINVAL);
  return program;
}

// cls_bpf_change, but for the handle. `present`: the filter whose place it takes, or null. No hardware takes
// a filter, which is an error to who wants no other.
Result<Filter> parse_filter(const Client& client, const AttributeTable& attributes, const Filter* present) {
  const auto nest = attributes.find(kTcaOptions);
  if (!nest) return fail(EINVAL);
  const Result<AttributeTable> parsed = AttributeTable::parse(*nest, kBpfPolicy);
  if (!parsed) return fail(parsed.error().code);
  const AttributeTable& options = *parsed;

  const bool bytecode = options.has(kTcaBpfOpsLen) && options.has(kTcaBpfOps);
  const auto fd = options.number(kTcaBpfFd);
  if (bytecode == fd.has_value()) return fail(EINVAL);
  if (options.has(kTcaBpfAct) || options.has(kTcaBpfPolice))
    return fail(EOPNOTSUPP, "filters with actions are not supported; use direct-action");
  const std::uint32_t flags = options.number(kTcaBpfFlags).value_or(0);
  if ((flags & ~kBpfDirectAction) != 0) return fail(EINVAL);
  const std::uint32_t gen_flags = options.number(kTcaBpfFlagsGen).value_or(0);
  if ((gen_flags & ~std::uint32_t{kSkipHw | kSkipSw}) != 0 || gen_flags == (kSkipHw | kSkipSw))
    return fail(EINVAL);
  if (bytecode) return fail(EOPNOTSUPP, "bytecode of classic BPF is not supported; use an object file");
  ProgramRef program = TRY(find_program(client, *fd));
  if (present != nullptr && gen_flags != (present->skip_hw ? kSkipHw : 0U)) return fail(EINVAL);
  if ((gen_flags & kSkipSw) != 0) return fail(EOPNOTSUPP);
  return Filter{.program = std::move(program),
                .name = std::string(options.text(kTcaBpfName).value_or("")),
                .classid = options.number(kTcaBpfClassid).value_or(0),
                .direct_action = (flags & kBpfDirectAction) != 0,
                .skip_hw = (gen_flags & kSkipHw) != 0};
}

// What stands in for tcf_proto_create: whether a classifier of that kind can be made.
Result<> check_new_classifier(const Order& order) {
  const auto kind = order.attributes.text(kTcaKind);
  if (!kind || order.protocol == Be16{}) return fail(EINVAL, "Filter kind and protocol must be specified");
  if ((order.flags & kCreate) == 0)
    return fail(ENOENT, "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter");
  if (*kind == kKind) return {};
  if (std::ranges::find(kOtherKinds, *kind) != std::end(kOtherKinds))
    return fail(EOPNOTSUPP, "filters of kind " + std::string(*kind) + " are not supported; use bpf");
  return fail(ENOENT, "TC classifier not found");
}

// The filter that the order's handle names, in a classifier that may be null; null: there is none.
const Filter* named_filter(const Classifier* classifier, const Order& order) {
  return classifier != nullptr ? device::find_filter(*classifier, order.header.handle) : nullptr;
}

FilterReport report_classifier(const Place& place, std::uint32_t chain, const Classifier& classifier) {
  return {.ifindex = place.device != nullptr ? place.device->ifindex() : 0,
          .dev = place.device != nullptr ? place.device->name() : std::string(),
          .parent = place.parent,
          .priority = classifier.priority,
          .protocol = classifier.protocol,
          .chain = chain};
}

FilterReport report_filter(const Place& place, std::uint32_t chain, const Classifier& classifier,
                           const Filter& filter) {
  FilterReport report = report_classifier(place, chain, classifier);
  const bpf::Program& program = *filter.program;
  report.handle = filter.handle;
  report.options = FilterOptions{.name = filter.name,
                                 .classid = filter.classid,
                                 .flags = filter.direct_action ? kBpfDirectAction : 0,
                                 .gen_flags = kNotInHw | (filter.skip_hw ? kSkipHw : 0U),
                                 .program = {.id = program.id,
                                             .name = program.name.substr(0, kMaxProgramName),
                                             .tag = program.tag,
                                             .load_time = program.load_time,
                                             .uid = program.uid}};
  return report;
}

// Where a dump looks; without a block: nowhere, which is no error (tc_dump_tfilter).
Place place_of_dump(const Client& client, const Rtnl& rtnl, const Order& order) {
  if (order.header.ifindex == kByBlock) {
    return {.device = nullptr,
            .parent = order.header.parent,
            .block = find_shared_block(client, rtnl, order.header.parent)};
  }
  Place place{.device = client.netns()->find(rtnl, static_cast<device::IfIndex>(order.header.ifindex)),
              .parent = order.header.parent};
  if (place.device == nullptr || major_of(place.parent) != kIngressHandle) return place;
  if (!place.device->clsact.kind(rtnl)) return place;
  place.block = find_block(rtnl, place.device->clsact, place.parent).value_or(nullptr);
  if (place.block == nullptr) return place;
  const bool shared = place.block->index() != 0;
  if (shared) place.device = nullptr;
  place.parent = shared ? place.block->index() : place.block->last_parent();
  return place;
}

}  // namespace

Result<> new_filter(Client& client, const TcRequest& request) {
  if (!client.privileged()) return fail(EPERM);
  Order order = TRY(parse(request));
  const bool chooses_priority = order.priority == 0;
  if (chooses_priority && (order.flags & kCreate) == 0)
    return fail(ENOENT, "Invalid filter command with priority of zero");
  const Rtnl rtnl = client.network().lock();
  const Place place = TRY(find_place(client, rtnl, order));
  place.block->set_last_parent(rtnl, place.parent);
  TRY(check_chain(order.chain));

  const Classifier* classifier = nullptr;
  if (chooses_priority) {
    order.priority = TRY(choose_priority(*place.block, order.chain));
  } else {
    classifier = TRY(find_classifier(*place.block, order));
  }
  if (classifier == nullptr) TRY(check_new_classifier(order));
  if (order.names_other_kind()) return fail(EINVAL, "Specified filter kind does not match existing one");

  const Filter* const present = named_filter(classifier, order);
  if (present == nullptr && (order.flags & kCreate) == 0)
    return fail(ENOENT, "Need both RTM_NEWTFILTER and NLM_F_CREATE to create a new filter");
  if (present != nullptr && (order.flags & kExclusive) != 0) return fail(EEXIST, "Filter already exists");

  Filter filter = TRY(parse_filter(client, order.attributes, present));
  filter.handle = order.header.handle != 0 ? order.header.handle : lowest_free_handle(classifier);
  const Be16 protocol = classifier != nullptr ? classifier->protocol : order.protocol;
  place.block->put(rtnl, order.chain, static_cast<std::uint16_t>(order.priority), protocol,
                   std::move(filter));
  return {};
}

Result<> delete_filter(Client& client, const TcRequest& request) {
  if (!client.privileged()) return fail(EPERM);
  const Order order = TRY(parse(request));
  const bool flushes = order.priority == 0;
  if (flushes && (order.protocol != Be16{} || order.header.handle != 0 || order.attributes.has(kTcaKind)))
    return fail(ENOENT, "Cannot flush filters with protocol, handle or kind set");
  const Rtnl rtnl = client.network().lock();
  const Place place = TRY(find_place(client, rtnl, order));
  TRY(check_chain(order.chain));
  if (flushes) {
    place.block->flush(rtnl, order.chain);
    return {};
  }
  if (place.block->chain(order.chain) == nullptr) return fail(ENOENT, "Cannot find specified filter chain");

  const Classifier* const classifier = TRY(find_classifier(*place.block, order));
  if (classifier == nullptr) return fail(ENOENT, "Filter with specified priority/protocol not found");
  if (order.names_other_kind()) return fail(EINVAL, "Specified filter kind does not match existing one");
  const std::uint16_t priority = classifier->priority;
  if (order.header.handle == 0) {
    place.block->remove(rtnl, order.chain, priority);
    return {};
  }
  if (named_filter(classifier, order) == nullptr) return fail(ENOENT, "Specified filter handle not found");
  place.block->remove(rtnl, order.chain, priority, order.header.handle);
  return {};
}

Result<FilterReport> get_filter(Client& client, const TcRequest& request) {
  const Order order = TRY(parse(request));
  if (order.priority == 0) return fail(ENOENT, "Invalid filter command with priority of zero");
  const Rtnl rtnl = client.network().lock();
  const Place place = TRY(find_place(client, rtnl, order));
  TRY(check_chain(order.chain));
  if (place.block->chain(order.chain) == nullptr) return fail(EINVAL, "Cannot find specified filter chain");
  const Classifier* const classifier = TRY(find_classifier(*place.block, order));
  if (classifier == nullptr) return fail(ENOENT, "Filter with specified priority/protocol not found");
  if (order.names_other_kind()) return fail(EINVAL, "Specified filter kind does not match existing one");
  const Filter* const filter = named_filter(classifier, order);
  if (filter == nullptr) return fail(ENOENT, "Specified filter handle not found");
  return report_filter(place, order.chain, *classifier, *filter);
}

Result<std::vector<FilterReport>> list_filters(Client& client, const TcRequest& request) {
  const Order order = TRY(parse(request));
  const Rtnl rtnl = client.network().lock();
  const Place place = place_of_dump(client, rtnl, order);
  std::vector<FilterReport> reports;
  if (place.block == nullptr) return reports;
  for (const auto& [index, chain] : place.block->chains()) {
    if (order.attributes.has(kTcaChain) && index != order.chain) continue;
    for (const Classifier& classifier : chain) {
      if (order.priority != 0 && classifier.priority != order.priority) continue;
      if (order.protocol != Be16{} && classifier.protocol != order.protocol) continue;
      reports.push_back(report_classifier(place, index, classifier));
      for (const Filter& filter : classifier.filters)
        reports.push_back(report_filter(place, index, classifier, filter));
    }
  }
  return reports;
}

}  // namespace netkit::control
