#include "host/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstring>

namespace netkit::host {
namespace {

constexpr const char* kCloneDevice = "/dev/net/tun";

Failure cannot_open() {
  const int code = errno;
  if (code == ENOENT || code == ENODEV || code == ENXIO) {
    return fail(ENODEV,
                "/dev/net/tun is absent; load the module (modprobe tun), or give the container the device");
  }
  struct stat status{};
  if ((code == EACCES || code == EPERM) && ::stat(kCloneDevice, &status) == 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", status.st_mode & 07777U);
    return fail(EACCES, std::string("/dev/net/tun is closed to this user (mode ") + mode + ")");
  }
  return fail_errno("opening /dev/net/tun");
}

Result<Fd> open_queue(const std::string& name, bool several) {
  Fd queue(::open(kCloneDevice, O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (!queue) return cannot_open();
  ifreq request{};
  if (name.size() >= sizeof request.ifr_name)
    return fail(EINVAL, "interface name '" + name + "' is too long");
  std::memcpy(request.ifr_name, name.data(), name.size());
  const int flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0);
  request.ifr_flags = static_cast<short>(flags);
  if (::ioctl(queue.get(), TUNSETIFF, &request) != 0) return fail_errno("making TAP " + name);
  return queue;
}

}  // namespace

Result<std::vector<Fd>> open_tap(const std::string& name, std::uint32_t queues) {
  if (queues == 0 || queues > kMaxTapQueues) {
    return fail(EINVAL,
                "a TAP has 1 to " + std::to_string(kMaxTapQueues) + " queues, not " + std::to_string(queues));
  }
  std::vector<Fd> opened;
  opened.reserve(queues);
  for (std::uint32_t i = 0; i < queues; ++i) opened.push_back(TRY(open_queue(name, queues > 1)));
  // Attaching a queue switches the carrier on; ours follows the pair's rules.
  int carrier = 0;
  if (::ioctl(opened.front().get(), TUNSETCARRIER, &carrier) != 0)
    return fail_errno("setting the carrier of " + name);
  return opened;
}

Result<TapPlace> find_tap(int queue) {
  ifreq request{};
  if (::ioctl(queue, TUNGETIFF, &request) != 0) return fail_errno("asking a TAP for its name");
  Fd space(::ioctl(queue, TUNGETDEVNETNS));
  // get_net_ns: the last reference has gone already.
  if (!space && errno == EINVAL) return fail(EBADFD, "the network namespace of the interface is going");
  if (!space) return fail_errno("asking a TAP for its network namespace");
  return TapPlace{TRY(NetworkNamespace::from_fd(std::move(space))), request.ifr_name};
}

}  // namespace netkit::host
