#include "netkit/result.h"

#include "base/result.h"

namespace netkit::v1 {

std::string describe(const Error& error) {
  return netkit::describe(netkit::Error{error.code, error.text, {}});
}

}  // namespace netkit::v1
