#include "cli/client.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>

#include "base/passing.h"
#include "base/text.h"
#include "cli/errors.h"
#include "cli/find_engine.h"
#include "host/namespaces.h"

namespace netkit::cli {
namespace {

constexpr int kProtocol = 1;

// The engine's error as one of ours.
Error error_from(const Json& error) {
  const std::string message = error.value("message", "");
  const auto data = error.find("data");
  if (data == error.end()) return {EPROTO, "the engine says: " + message, {}};
  return {data->value("errno", EPROTO), data->value("text", ""), data->value("details", "")};
}

// A file of nsfs: by name under /run/netns, or of a process. Nothing: there is none.
Fd open_netns(std::string_view name) {
  const bool is_number =
      !name.empty() && std::ranges::all_of(name, [](char c) { return c >= '0' && c <= '9'; });
  const std::string path = is_number ? "/proc/" + std::string(name) + "/ns/net"
                                     : std::string(host::kNetnsDirectory) + "/" + std::string(name);
  return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

}  // namespace

Arguments::Arguments(Json params) : params_(std::make_unique<Json>(std::move(params))) {}
Arguments::~Arguments() = default;
Arguments::Arguments(Arguments&&) noexcept = default;
Arguments& Arguments::operator=(Arguments&&) noexcept = default;

Json Arguments::pass(Fd descriptor) {
  passed_.push_back(std::move(descriptor));
  return {{"passed", passed_.size() - 1}};
}

Client::Client(Fd socket, const Options& options) : socket_(std::move(socket)), netns_(options.netns) {}
Client::~Client() = default;
Client::Client(Client&&) noexcept = default;
Client& Client::operator=(Client&&) noexcept = default;

Result<Client> Client::connect(const Options& options) {
  Client client(TRY(connect_to_engine(options)), options);
  TRY(client.greet());
  return client;
}

// Shows the engine our namespace: it need not be allowed to look it up.
Result<> Client::greet() {
  Arguments hello(Json{{"protocol", kProtocol}});
  if (Fd own(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC)); own) {
    Json passed = hello.pass(std::move(own));
    hello.params()["netns"] = std::move(passed);
  }
  engine_ = std::make_unique<Json>(TRY(call("hello", hello)));
  return {};
}

Result<Arguments> Client::arguments() const {
  Arguments arguments(Json::object());
  if (!netns_.empty()) {
    Json netns = TRY(name_netns(arguments, netns_));
    arguments.params()["netns"] = std::move(netns);
  }
  return arguments;
}

Result<Json> Client::name_netns(Arguments& arguments, std::string_view name) const {
  if (name.empty() || name.find('/') != std::string_view::npos) {
    return usage_error(quote(name) + " is no name of a namespace");
  }
  if (engine_->value("live", false)) {
    if (Fd netns = open_netns(name)) return arguments.pass(std::move(netns));
  }
  return Json{{"name", name}};
}

Result<Json> Client::call(std::string_view method, Json params) {
  return call(method, Arguments(std::move(params)));
}

Result<Json> Client::call(std::string_view method, const Arguments& arguments) {
  const Json request{{"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", arguments.params()}};
  passed_.clear();
  TRY(send(request.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n', arguments.passed()));
  Json answer = Json::parse(TRY(receive()), nullptr, false);
  if (!answer.is_object()) return fail(EPROTO, "the engine's answer is no JSON");
  if (const auto error = answer.find("error"); error != answer.end())
    return std::unexpected(error_from(*error));
  return std::move(answer["result"]);
}

Result<Json> Client::next_notification() {
  auto line = receive();
  if (!line && line.error().code == -kNoEngine) return fail(ENOLINK, "the engine has ended");
  Json notification = Json::parse(TRY(std::move(line)), nullptr, false);
  if (!notification.is_object()) return fail(EPROTO, "the engine's notification is no JSON");
  return notification;
}

Result<> Client::send(const std::string& line, const std::vector<Fd>& passed) {
  constexpr std::size_t kMost = 16;
  if (passed.size() > kMost) return fail(E2BIG, "too many descriptors in one request");
  std::size_t sent = 0;
  while (sent < line.size()) {
    const ssize_t count =
        send_with(socket_.get(), std::string_view(line).substr(sent),
                  sent == 0 ? std::span<const Fd>(passed) : std::span<const Fd>(), MSG_NOSIGNAL);
    if (count < 0) return fail_errno("asking the engine");
    sent += static_cast<std::size_t>(count);
  }
  return {};
}

Result<std::string> Client::receive() {
  std::size_t scanned = 0;
  while (true) {
    const std::size_t end = received_.find('\n', scanned);
    if (end != std::string::npos) {
      std::string line = received_.substr(0, end);
      received_.erase(0, end + 1);
      return line;
    }
    scanned = received_.size();
    std::array<char, 65536> bytes;
    Received received = receive_with(socket_.get(), bytes, 0);
    if (received.count < 0) return fail_errno("the engine's answer");
    if (received.count == 0) return no_engine("the engine ended before it answered");
    received_.append(bytes.data(), static_cast<std::size_t>(received.count));
    std::ranges::move(received.passed, std::back_inserter(passed_));
  }
}

}  // namespace netkit::cli
