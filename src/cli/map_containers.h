// Verbs of `netkit map` for maps without keys and for what programs send to user space.
#pragma once

#include "base/result.h"
#include "cli/command.h"
#include "cli/words.h"

namespace netkit::cli {

Result<> peek_map(const Options& options, Words words);
Result<> push_to_map(const Options& options, Words words);
Result<> pop_from_map(const Options& options, Words words);
// Prints what comes through a RINGBUF or a PERF_EVENT_ARRAY until it is interrupted.
Result<> pipe_events(const Options& options, Words words);

}  // namespace netkit::cli
