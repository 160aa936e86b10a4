// The words of `ip link add` and `ip link set` as parameters of a request, netkit's own included.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "cli/client.h"
#include "cli/words.h"

namespace netkit::cli {

enum class Naming : std::uint8_t {
  kNew,      // `dev` and `name` are the same: what the new device is called
  kPresent,  // `dev` is the device meant, `name` what it is to be called
};

struct LinkWords {
  std::string device;  // kPresent: the device meant; kNew: empty
};

// Reads the words to their end into the parameters.
[[nodiscard]] Result<LinkWords> read_link_words(const Client& client, Arguments& arguments, Words words,
                                                Naming naming);

// A group by number or name.
[[nodiscard]] Result<std::uint32_t> read_group(std::string_view word);

}  // namespace netkit::cli
