// Sockets of runs that were killed: nobody listens at them any more.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace netkit::host {

// Removes those of a state directory ("run-NAME.sock"); lines for people about what was removed. Takes the
// lock of the directory, so that one which is just being made is not taken for stale.
std::vector<std::string> remove_stale_sockets(const std::filesystem::path& directory);

}  // namespace netkit::host
