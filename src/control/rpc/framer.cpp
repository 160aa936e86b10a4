#include "control/rpc/framer.h"

#include <algorithm>
#include <iterator>

#include "control/rpc/error.h"
#include "control/rpc/protocol.h"

namespace netkit::rpc {

void Framer::add(std::string_view bytes, std::vector<Fd> passed) {
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  for (Passed& one : passed_) one.at -= begin_;
  begin_ = 0;
  buffer_ += bytes;
  if (!passed.empty() && !buffer_.empty()) passed_.push_back({buffer_.size() - 1, std::move(passed)});
}

Result<std::optional<Message>> Framer::next() {
  const std::size_t end = buffer_.find('\n', scanned_);
  const bool whole = end != std::string::npos;
  scanned_ = whole ? end + 1 : buffer_.size();
  const std::size_t last = whole ? end : buffer_.size();
  if (last - begin_ > kMaxMessage) {
    return refuse(kInvalidRequest, "a message has at most " + std::to_string(kMaxMessage) + " bytes");
  }
  std::vector<Fd> passed;
  while (!passed_.empty() && passed_.front().at <= last && whole) {
    std::ranges::move(passed_.front().descriptors, std::back_inserter(passed));
    passed_.erase(passed_.begin());
  }
  std::size_t held = passed.size();
  for (const Passed& one : passed_) held += one.descriptors.size();
  if (held > kMaxDescriptors) {
    return refuse(kInvalidRequest,
                  "a message carries at most " + std::to_string(kMaxDescriptors) + " descriptors");
  }
  if (!whole) return std::nullopt;
  Message message{buffer_.substr(begin_, end - begin_), std::move(passed)};
  begin_ = end + 1;
  return message;
}

}  // namespace netkit::rpc
