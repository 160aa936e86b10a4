#include "conformance/scenario.h"

#include "base/rcu.h"
#include "device/namespace.h"

namespace netkit::conformance {
namespace {

constexpr std::uint32_t kNoDevice = 99999;  // "@none"

// All MAC addresses that the operations mention, so that others can be told to be random.
void collect_macs(const nlohmann::json& value, std::set<std::string>& macs) {
  if (value.is_structured()) {
    for (const auto& [key, inner] : value.items()) {
      if (key == "mac" && inner.is_string()) macs.insert(inner.get<std::string>());
      collect_macs(inner, macs);
    }
  }
}

}  // namespace

nlohmann::json answer(const Result<>& result) {
  if (result) return {{"err", "OK"}};
  nlohmann::json json{{"err", errno_name(result.error().code)}};
  if (!result.error().text.empty()) json["msg"] = result.error().text;
  return json;
}

Scenario::Scenario(const Json& operations) : execution_(network_, 0, pool_) {
  collect_macs(operations, given_macs_);
  device::NamespaceRef host;
  {
    const device::Rtnl rtnl = network_.lock();
    host = network_.add_namespace(rtnl, "host").value();
  }
  client_ = std::make_unique<control::Client>(system_, host);
  map_fd_ = client_->open(
      bpf::create_map(
          {.name = "map", .type = bpf::MapType::kArray, .key_size = 4, .value_size = 4, .max_entries = 1})
          .value());
  other_fd_ = client_->open(control::OtherFile{});
}

Scenario::~Scenario() {
  settle();
}

const std::map<std::string_view, Scenario::Operation>& Scenario::operations() {
  static const std::map<std::string_view, Operation> kOperations = {
      {"netns_add", &Scenario::netns_add},
      {"netns_del", &Scenario::netns_del},
      {"create", &Scenario::create},
      {"delete", &Scenario::remove},
      {"set", &Scenario::set},
      {"change", &Scenario::change},
      {"show", &Scenario::show},
      {"list", &Scenario::list},
      {"addr", &Scenario::add_address},
      {"prog", &Scenario::load},
      {"attach", &Scenario::attach},
      {"detach", &Scenario::detach},
      {"query", &Scenario::query},
      {"link_create", &Scenario::link_create},
      {"link_update", &Scenario::link_update},
      {"link_detach", &Scenario::link_detach},
      {"link_info", &Scenario::link_info},
      {"close", &Scenario::close},
      {"alive", &Scenario::alive},
      {"reopen", &Scenario::reopen},
      {"progstat", &Scenario::progstat},
      {"inject", &Scenario::inject},
      {"sniff", &Scenario::sniff},
      {"recv", &Scenario::recv},
      {"stats", &Scenario::stats},
      {"udp", &Scenario::udp},
  };
  return kOperations;
}

nlohmann::json Scenario::run(const Json& operation) {
  const auto found = operations().find(operation.at("op").get<std::string>());
  if (found == operations().end()) return answer(fail(ENOSYS, "unknown operation"));
  Json result = (this->*found->second)(operation);
  settle();
  return result;
}

void Scenario::settle() {
  {
    const rcu::Section section;
    execution_.settle();
  }
  rcu::drain();
}

device::NamespaceRef Scenario::find_netns(const std::string& name) {
  const device::Rtnl rtnl = network_.lock();
  return network_.find_namespace(rtnl, name);
}

Scenario::DeviceName Scenario::split(const std::string& name) {
  const std::size_t colon = name.find(':');
  if (colon == std::string::npos) return {"host", name};
  return {name.substr(0, colon), name.substr(colon + 1)};
}

Scenario::Target Scenario::find_target(const std::string& name) {
  Target target;
  const DeviceName parts = split(name);
  target.netns = find_netns(parts.netns);
  if (parts.name == "@none") target.ifindex = kNoDevice;
  if (target.netns == nullptr || parts.name.starts_with('@')) return target;
  const device::Rtnl rtnl = network_.lock();
  target.device = target.netns->find(rtnl, parts.name);
  target.ifindex = target.device != nullptr ? target.device->ifindex() : kNoDevice;
  return target;
}

bool Scenario::is_missing(const Target& target, const std::string& name) {
  return target.netns == nullptr || (target.device == nullptr && !split(name).name.starts_with('@'));
}

Result<std::uint32_t> Scenario::enter_target(const std::string& name) {
  const Target target = find_target(name);
  if (is_missing(target, name)) return fail(ENODEV);
  client_->enter(target.netns);
  return target.ifindex;
}

std::string Scenario::label(const std::string& netns, const std::string& name) {
  return netns == "host" ? name : netns + ":" + name;
}

int Scenario::netns_descriptor(const std::string& name) {
  device::NamespaceRef netns = find_netns(name);
  return netns != nullptr ? client_->open(std::move(netns)) : -1;
}

}  // namespace netkit::conformance
