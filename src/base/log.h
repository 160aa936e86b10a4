// Messages for the person who runs the program, on standard error. Never on the packet path.
// Levels: error = the run can't go on as asked; warning = it goes on, with less; info = what a user may want
// to know; debug = for us (NETKIT_LOG=debug).
#pragma once

#include <string_view>

namespace netkit::log {

void error(std::string_view line);
void warning(std::string_view line);
void info(std::string_view line);
void debug(std::string_view line);

}  // namespace netkit::log
