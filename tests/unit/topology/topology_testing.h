// Helpers of the topology tests.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "topology/topology.h"

namespace netkit::topology {

// The topology of a text that must be right.
inline Topology parsed(std::string_view text) {
  auto result = parse(text, "t.yaml");
  if (result) return *std::move(result);
  ADD_FAILURE() << result.error().text << '\n' << result.error().details;
  return {};
}

// The first line of what is wrong with a text.
inline std::string problem_of(std::string_view text) {
  const auto result = parse(text, "t.yaml");
  return result ? "no problem" : result.error().text;
}

// Two pods, joined to the host by L3 pairs: what most tests start from.
inline constexpr std::string_view kTwoPods = R"(
namespaces: {pod1: , pod2: }
pairs:
  nk1:
    addresses: [10.0.1.1/24, fd00:1::1/64]
    peer: {name: eth0, netns: pod1, addresses: [10.0.1.2/24, "fd00:1::2/64"]}
  nk2:
    addresses: [10.0.2.1/24]
    peer: {name: eth0, netns: pod2, addresses: [10.0.2.2/24]}
objects: {policy: policy.o}
)";

inline std::string two_pods(std::string_view more) {
  return std::string(kTwoPods) + std::string(more);
}

}  // namespace netkit::topology
