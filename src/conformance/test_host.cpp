#include "conformance/test_host.h"

#include "base/rcu.h"

namespace netkit::conformance {
namespace {

EndHostOptions options_for(const device::Device& device, const IpPrefix& address) {
  EndHostOptions options;
  options.mac = device.mac();
  options.addresses = {address};
  options.mtu = device.mtu();
  return options;
}

}  // namespace

TestHost::TestHost(device::DeviceRef device, const IpPrefix& address, PacketPool& pool)
    : device_(std::move(device)),
      ports_(make_in_process_ports()),
      stack_(options_for(*device_, address), *ports_.second, pool) {
  const device::Rtnl rtnl = device_->network().lock();
  device_->set_upper_port(rtnl, ports_.first.get());
}

TestHost::~TestHost() {
  {
    const device::Rtnl rtnl = device_->network().lock();
    device_->set_upper_port(rtnl, nullptr);
  }
  rcu::drain();
}

bool TestHost::run(device::Execution& execution) {
  PacketBatch batch;
  ports_.first->receive(execution.pool(), batch);
  const bool sent = !batch.empty();
  if (sent) {
    const rcu::Section section;
    execution.transmit(*device_, batch);
    execution.settle();
  }
  return stack_.poll() > 0 || sent;
}

}  // namespace netkit::conformance
