#include "host/keeper_server.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "base/log.h"
#include "host/keeper_handler.h"
#include "host/keeper_protocol.h"

namespace netkit::host {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes encode_error(const Error& error) {
  Encoder encoder;
  encoder.put(error);
  return encoder.bytes();
}

template <class Request>
Bytes answer_to(Decoder& decoder, KeeperHandler& handler, Attachments& attachments) {
  Request request{};
  if (!decoder.get(request)) return encode_error({EBADMSG, "a truncated request", {}});
  const Result<typename Request::Reply> result = handler.handle(request, attachments);
  if (!result) return encode_error(result.error());
  Encoder encoder;
  encoder.put(Error{});
  encoder.put(*result);
  return encoder.bytes();
}

// By the request's place in the list.
template <std::size_t... Index>
constexpr auto answer_table(std::index_sequence<Index...>) {
  return std::array{&answer_to<std::variant_alternative_t<Index, KeeperRequest>>...};
}
constexpr auto kAnswers = answer_table(std::make_index_sequence<std::variant_size_v<KeeperRequest>>());

Bytes answer(const Bytes& request, KeeperHandler& handler, Attachments& attachments) {
  Decoder decoder(request);
  std::uint16_t number = 0;
  if (!decoder.get(number) || number >= kAnswers.size()) {
    return encode_error({EBADMSG, "not a request that the keeper knows", {}});
  }
  return kAnswers[number](decoder, handler, attachments);
}

// One request and its answer; false: the engine has gone.
bool serve_one(int socket, KeeperHandler& handler) {
  auto datagram = receive_datagram(socket);
  if (!datagram || datagram->bytes.empty()) return false;
  Attachments attachments{std::move(datagram->fds), {}};
  const Bytes reply = answer(datagram->bytes, handler, attachments);
  std::vector<int> fds;
  fds.reserve(attachments.replied.size());
  for (const Fd& fd : attachments.replied) fds.push_back(fd.get());
  auto sent = send_datagram(socket, reply, fds);
  if (!sent && sent.error().code == EMSGSIZE) sent = send_datagram(socket, encode_error(sent.error()), {});
  return sent.has_value();
}

Fd child_signals() {
  sigset_t set;
  ::sigemptyset(&set);
  ::sigaddset(&set, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &set, nullptr);
  return Fd(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
}

void serve(int socket, KeeperHandler& handler) {
  const Fd children = child_signals();
  while (!handler.stopped()) {
    std::array<pollfd, 2> wait{{{socket, POLLIN, 0}, {children.get(), POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    if (wait[1].revents != 0) {
      signalfd_siginfo which{};
      if (::read(children.get(), &which, sizeof which) > 0) handler.reap();
    }
    if (wait[0].revents != 0 && !serve_one(socket, handler)) break;
  }
}

// The engine has gone without asking for it.
void undo(KeeperHandler& handler) {
  if (const auto undone = handler.undo(); !undone) {
    log::error("not everything could be removed: " + describe(undone.error()));
  }
}

// The engine's descriptors are none of the keeper's business, and Ctrl-C is for the engine: the keeper goes
// when the engine has gone.
void leave_the_engine_alone(int socket) {
  for (const int number : {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGPIPE}) ::signal(number, SIG_IGN);
  ::prctl(PR_SET_NAME, "netkit-keeper");
  if (socket > 3) ::close_range(3, static_cast<unsigned>(socket) - 1, 0);
  ::close_range(static_cast<unsigned>(socket) + 1, ~0U, 0);
  const Fd nowhere(::open("/dev/null", O_RDWR));
  ::dup2(nowhere.get(), STDIN_FILENO);
  ::dup2(nowhere.get(), STDOUT_FILENO);
}

}  // namespace

void serve_as_keeper(Fd socket, pid_t engine, const KeeperOptions& options) {
  leave_the_engine_alone(socket.get());
  auto handler = KeeperHandler::make(engine, options);
  const auto told = send_datagram(socket.get(), encode_error(handler ? Error{} : handler.error()), {});
  if (!handler) ::_exit(1);
  if (told) serve(socket.get(), *handler);
  if (!handler->stopped()) undo(*handler);
  ::_exit(0);
}

}  // namespace netkit::host
