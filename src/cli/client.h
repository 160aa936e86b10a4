// The command line's connection to an engine: netkitd, or a `netkit run`.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "cli/command.h"

namespace netkit::cli {

using Json = nlohmann::json;

class Client;

// The parameters of a call, with the descriptors that it passes along.
class Arguments {
 public:
  explicit Arguments(Json params);
  ~Arguments();
  Arguments(Arguments&&) noexcept;
  Arguments& operator=(Arguments&&) noexcept;

  [[nodiscard]] Json& params() { return *params_; }
  [[nodiscard]] const Json& params() const { return *params_; }
  [[nodiscard]] const std::vector<Fd>& passed() const { return passed_; }
  // Passes a descriptor along; what a parameter says to mean it: {"passed": 0}.
  [[nodiscard]] Json pass(Fd descriptor);

 private:
  std::unique_ptr<Json> params_;
  std::vector<Fd> passed_;
};

class Client {
 public:
  // To the socket of the options, of NETKIT_SOCKET, the daemon's, or the only running `netkit run`'s.
  [[nodiscard]] static Result<Client> connect(const Options& options);
  ~Client();
  Client(Client&&) noexcept;
  Client& operator=(Client&&) noexcept;

  // Parameters for a call in the namespace of the options (-n).
  [[nodiscard]] Result<Arguments> arguments() const;
  // A namespace as a parameter: its descriptor where the kernel has one of that name or process number and
  // the engine is live, else the name.
  [[nodiscard]] Result<Json> name_netns(Arguments& arguments, std::string_view name) const;

  // Waits for the answer. The kernel's errors with their errno; EPROTO: the engine did not understand.
  [[nodiscard]] Result<Json> call(std::string_view method, const Arguments& arguments);
  [[nodiscard]] Result<Json> call(std::string_view method, Json params);

  // The descriptors that came with the last answer, as its {"passed": N} count them.
  [[nodiscard]] std::vector<Fd> take_passed() { return std::exchange(passed_, {}); }
  // Waits for the next notification, after a `subscribe`. ENOLINK: the engine has ended.
  [[nodiscard]] Result<Json> next_notification();

  // What the engine said of itself.
  [[nodiscard]] const Json& engine() const { return *engine_; }

 private:
  Client(Fd socket, const Options& options);
  [[nodiscard]] Result<> greet();
  [[nodiscard]] Result<> send(const std::string& line, const std::vector<Fd>& passed);
  [[nodiscard]] Result<std::string> receive();

  Fd socket_;
  std::string netns_;
  std::string received_;  // behind the last whole line
  std::vector<Fd> passed_;
  std::unique_ptr<Json> engine_;
};

}  // namespace netkit::cli
