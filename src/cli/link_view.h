// A link of an engine's answer, with what `ip` works out of it.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace netkit::cli {

using Json = nlohmann::json;

class LinkView {
 public:
  // The answer must outlive the view.
  explicit LinkView(const Json& link);

  [[nodiscard]] std::uint64_t number(const char* key) const;
  [[nodiscard]] std::string text(const char* key) const;
  [[nodiscard]] bool is_up() const;
  [[nodiscard]] bool allmulti() const;
  [[nodiscard]] std::string operstate() const;
  [[nodiscard]] std::string qdisc() const { return is_up() ? "noqueue" : "noop"; }
  [[nodiscard]] std::string group() const;
  [[nodiscard]] std::string type() const;  // "loopback", "ether"
  // As print_link_flags writes them.
  [[nodiscard]] std::vector<std::string> flags() const;
  [[nodiscard]] std::uint64_t stat(const char* key) const;

  // The other end. Its number is 0 when it has gone.
  [[nodiscard]] bool has_end() const;
  [[nodiscard]] std::uint64_t end_index() const { return number("link"); }
  // It is in the same namespace: it is known by name.
  [[nodiscard]] bool end_is_here() const;
  [[nodiscard]] std::string end_name() const;
  [[nodiscard]] std::string end_netns() const;  // empty: not to be known
  // Null: there is no other end.
  [[nodiscard]] const Json* end_netnsid() const;

  [[nodiscard]] std::string kind() const;
  // Netkit's data, in iproute2's order and words.
  [[nodiscard]] std::vector<std::pair<std::string, std::string>> words_of_netkit() const;
  [[nodiscard]] std::uint64_t netkit_number(const char* key) const;

 private:
  // A member that is an object; an empty one where it is absent.
  [[nodiscard]] const Json& member(const char* key) const;

  const Json& link_;
  std::uint32_t flags_;
};

// Queues and limits of super-packets, in ip's order.
struct LinkLimit {
  const char* key;   // of the answer and of ip's JSON
  const char* word;  // in text
};
[[nodiscard]] std::span<const LinkLimit> link_limits();
[[nodiscard]] std::uint64_t limit_of(const LinkView& link, const LinkLimit& limit);

}  // namespace netkit::cli
