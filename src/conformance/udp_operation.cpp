// The `udp` operation: a datagram between two hosts that stand above devices with addresses.
#include "conformance/scenario.h"

namespace netkit::conformance {

nlohmann::json Scenario::add_address(const Json&) {
  return answer({});
}
nlohmann::json Scenario::udp(const Json&) {
  return answer(fail(ENOSYS));
}

}  // namespace netkit::conformance
