// A client's connection: bytes in, messages to the session, answers out. Never blocks.
//
// Theory of operation. A client that does not read its answers is not read any more until it does, and its
// notifications stay in their bounded queue. After the end of its input, or a message that breaks the rules
// of the stream, what is still to be sent is sent, and the connection is finished.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "control/rpc/framer.h"
#include "control/rpc/session.h"

namespace netkit::daemon {

class Connection {
 public:
  // `news`: as for Session.
  Connection(Fd socket, const rpc::Service& service, rpc::Caller caller, std::function<void()> news)
      : socket_(std::move(socket)), session_(service, std::move(caller), std::move(news)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }
  // Something is ready: reads what there is, once, and serves it; writes what can be written.
  void proceed(std::uint32_t events);
  // Takes over notifications that wait.
  void forward_notifications();

  [[nodiscard]] std::uint32_t wanted_events() const;  // EPOLLIN, EPOLLOUT
  [[nodiscard]] bool has_output() const { return sent_ < output_.size(); }
  [[nodiscard]] bool finished() const { return broken_ || (ended_ && !has_output()); }

 private:
  // Above it no more input is taken.
  static constexpr std::size_t kMaxOutput = std::size_t{1} << 20;

  [[nodiscard]] bool is_full() const { return output_.size() - sent_ > kMaxOutput; }
  void read();
  void serve_messages();
  void write();

  // Descriptors that go with an answer, which begins at `at` in output_.
  struct Passed {
    std::size_t at;
    std::vector<Fd> descriptors;
  };

  Fd socket_;
  rpc::Session session_;
  rpc::Framer framer_;
  std::string output_;
  std::size_t sent_ = 0;       // of output_
  std::deque<Passed> passed_;  // in the order of output_
  bool ended_ = false;         // no more input
  bool broken_ = false;        // nobody is there
};

}  // namespace netkit::daemon
