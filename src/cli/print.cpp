#include "cli/print.h"

#include <cstdio>
#include <nlohmann/json.hpp>

namespace netkit::cli {

void print(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print(const OrderedJson& json, const Options& options) {
  constexpr int kIndent = 4;
  print(json.dump(options.pretty ? kIndent : -1, ' ', false, OrderedJson::error_handler_t::replace) + "\n");
}

}  // namespace netkit::cli
