// Cuts a stream of bytes into messages, a line each, with the descriptors that came along.
//
// The kernel hands descriptors over at the end of the bytes with which they were sent: they belong to the
// message that the last of these bytes is part of.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace netkit::rpc {

struct Message {
  std::string text;  // without the newline
  std::vector<Fd> passed;
};

class Framer {
 public:
  // What one recvmsg(2) gave.
  void add(std::string_view bytes, std::vector<Fd> passed);
  // The next whole message; nothing: more bytes are needed. kInvalidRequest: it is longer than kMaxMessage,
  // or carries more than kMaxDescriptors; the stream is of no use afterwards.
  [[nodiscard]] Result<std::optional<Message>> next();

 private:
  // Descriptors, and the place in `buffer_` of the last byte that they came with.
  struct Passed {
    std::size_t at;
    std::vector<Fd> descriptors;
  };
  std::string buffer_;
  std::size_t begin_ = 0;    // of the present message
  std::size_t scanned_ = 0;  // no newline before this
  std::vector<Passed> passed_;
};

}  // namespace netkit::rpc
