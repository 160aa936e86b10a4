#include "runner/with_capture.h"

#include <fcntl.h>

#include "port/wrappers.h"

namespace netkit::runner {

Result<std::unique_ptr<Port>> with_capture(std::unique_ptr<Port> port, const topology::Topology& topology,
                                           topology::EndIndex end) {
  const topology::End& wanted = topology.ends[end];
  if (!wanted.capture) return port;
  const std::string path = wanted.capture->string();
  const auto open_file = [&]() -> Result<std::unique_ptr<CaptureFile>> {
    Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (!file) return fail_errno("capture " + path);
    return CaptureFile::create(std::move(file), capture_format_of(path), wanted.ifname);
  };
  auto file = open_file();
  if (!file) return std::unexpected(topology::locate(topology, wanted.where, file.error()));
  return capture(std::move(port), std::move(*file));
}

}  // namespace netkit::runner
