// Where a program is to be attached, in words: ATTACH_TYPE [ PROG ] dev NAME [ POSITION ]
// [ expected-revision N ], as `net attach`, `net detach` and `bpf-link create` take them.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/client.h"
#include "cli/words.h"

namespace netkit::cli {

struct Attachment {
  Arguments arguments;  // of bpf.prog_attach, bpf.prog_detach and bpf.link_create
  std::string_view hook;
  std::string device;

  [[nodiscard]] bool names_program() const;
};

[[nodiscard]] Result<Attachment> read_attachment(Client& client, Words words);

}  // namespace netkit::cli
