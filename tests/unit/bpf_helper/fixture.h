// Calls helpers by name on a packet, as a program would.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bpf/helper/helper.h"
#include "packet/builder.h"
#include "packet/pool.h"

namespace netkit::bpf {

class HelperTest : public ::testing::Test {
 protected:
  HelperTest() {
    run.pool = &pool;
    run.redirect = &redirect;
    run.outside = &outside;
    run.regions.begin({});
  }

  // The packet of the following calls, its data at the MAC header.
  Packet& use(PacketPtr p) {
    packet_ = std::move(p);
    run.packet = packet_.get();
    run.packet_moved();
    return *packet_;
  }
  Packet& use_udp(std::uint32_t payload = 20) {
    return use(PacketBuilder()
                   .ethernet({{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}})
                   .ip("10.0.0.1", "10.0.0.2")
                   .udp(1000, 53)
                   .pattern(payload)
                   .build(pool));
  }
  Packet& packet() { return *packet_; }
  [[nodiscard]] std::vector<std::uint8_t> bytes() const {
    return {packet_->data(), packet_->data() + packet_->len()};
  }
  // What the program can reach, and whether the run knows where it is.
  [[nodiscard]] bool region_is_current() const {
    return run.regions.packet.base ==
               reinterpret_cast<std::uint64_t>(packet_->data()) - packet_->meta.meta_len &&
           run.regions.packet.size == packet_->linear_len() + packet_->meta.meta_len;
  }

  template <class... Arguments>
  std::int64_t call(std::string_view name, Arguments... arguments) {
    const auto helpers = all_helpers();
    const auto found = std::ranges::find(helpers, name, &Helper::name);
    if (found == helpers.end()) throw std::invalid_argument(std::string(name));
    std::uint64_t registers[5] = {};
    std::size_t i = 0;
    ((registers[i++] = to_register(arguments)), ...);
    return static_cast<std::int64_t>(
        (*found)->function(run, registers[0], registers[1], registers[2], registers[3], registers[4]));
  }
  // A helper whose first argument is the context.
  template <class... Arguments>
  std::int64_t call_skb(std::string_view name, Arguments... arguments) {
    return call(name, run.context_address(), arguments...);
  }

  PacketPool pool;
  Outside outside;
  RedirectRecord redirect;
  RunContext run;

 private:
  template <class T>
  static std::uint64_t to_register(T value) {
    if constexpr (std::is_pointer_v<T>) {
      return reinterpret_cast<std::uint64_t>(value);
    } else {
      return static_cast<std::uint64_t>(value);
    }
  }

  PacketPtr packet_;
};

}  // namespace netkit::bpf
