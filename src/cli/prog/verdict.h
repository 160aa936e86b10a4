// What a program's return value means to the hooks of tc, tcx and netkit.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <string_view>

#include "bpf/test_run/runner.h"
#include "bpf/test_run/test_run.h"

namespace netkit::cli {

// "pass", "redirect"; of numbers that no hook knows "unknown".
[[nodiscard]] std::string_view verdict_name(std::uint32_t retval);

// Where a redirect leads: "to ifindex 3 (eth1) by bpf_redirect, ingress"; empty where no helper asked for
// one.
[[nodiscard]] std::string redirect_text(const bpf::RedirectRecord& record,
                                        std::span<const bpf::TestDevice> devices);
[[nodiscard]] nlohmann::ordered_json redirect_json(const bpf::RedirectRecord& record,
                                                   std::span<const bpf::TestDevice> devices);

// "ifindex 3 (eth1)"
[[nodiscard]] std::string device_text(std::uint32_t ifindex, std::span<const bpf::TestDevice> devices);

}  // namespace netkit::cli
