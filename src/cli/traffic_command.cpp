#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.h"
#include "cli/errors.h"
#include "cli/traffic.h"

namespace netkit::cli {

void add_traffic(CLI::App& app, int& status) {
  struct Arguments {
    UdpEndpoint endpoint;
    UdpExchange exchange;
    std::int64_t timeout_ms = 0;
  };
  auto arguments = std::make_shared<Arguments>();
  CLI::App* traffic = app.add_subcommand("traffic", "");  // no help: not for users
  traffic->group("");
  traffic->require_subcommand(1);

  CLI::App* echo = traffic->add_subcommand("udp-echo", "");
  echo->add_option("address", arguments->endpoint.address)->required();
  echo->add_option("port", arguments->endpoint.port)->required();
  echo->callback([arguments, &status] {
    const auto served = serve_udp_echo(arguments->endpoint);
    if (!served) status = report(served.error());
  });

  CLI::App* udp = traffic->add_subcommand("udp", "");
  udp->add_option("address", arguments->endpoint.address)->required();
  udp->add_option("port", arguments->endpoint.port)->required();
  udp->add_option("count", arguments->exchange.count)->required();
  udp->add_option("size", arguments->exchange.size)->required();
  udp->add_option("timeout_ms", arguments->timeout_ms)->required();
  udp->callback([arguments, &status] {
    arguments->exchange.timeout = std::chrono::milliseconds(arguments->timeout_ms);
    const auto exchanged = exchange_udp(arguments->endpoint, arguments->exchange);
    if (!exchanged) status = report(exchanged.error());
  });
}

}  // namespace netkit::cli
