// The running kernel as somebody who answers requests about qdiscs and filters: the bytes of a TcRequest go
// over rtnetlink, in a namespace of its own with the veth pair v0, v1.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "control/tc_message.h"
#include "host/namespaces.h"

namespace netkit::differential {

// RTM_*
enum class TcVerb : std::uint16_t {
  kNewQdisc = 36,
  kDelQdisc = 37,
  kGetQdisc = 38,
  kNewFilter = 44,
  kDelFilter = 45,
  kGetFilter = 46,
};

// A message of an answer: its header and its attributes.
struct TcMessage {
  control::TcHeader header;
  control::Bytes attributes;
};

class KernelTc {
 public:
  // Enters the new namespace for the object's life.
  [[nodiscard]] static Result<KernelTc> make();

  [[nodiscard]] std::uint32_t v0() const { return v0_; }
  [[nodiscard]] std::uint32_t v1() const { return v1_; }
  // The answer's messages; none to a request that only changes something.
  [[nodiscard]] Result<std::vector<TcMessage>> ask(TcVerb verb, const control::TcRequest& request,
                                                   bool dump = false);

 private:
  KernelTc(host::NetworkNamespace netns, host::InsideNamespace inside, Fd socket)
      : netns_(std::move(netns)), inside_(std::move(inside)), socket_(std::move(socket)) {}

  host::NetworkNamespace netns_;
  host::InsideNamespace inside_;
  Fd socket_;
  std::uint32_t sequence_ = 0;
  std::uint32_t v0_ = 0, v1_ = 0;
};

}  // namespace netkit::differential
