#include "tests/conformance/isa/case_file.h"

#include <yaml-cpp/yaml.h>

#include <sstream>
#include <stdexcept>

namespace netkit::bpf::conformance {
namespace {

std::uint64_t number(const std::string& text) {
  std::size_t used = 0;
  const bool negative = text.starts_with('-');
  const std::uint64_t value = std::stoull(negative ? text.substr(1) : text, &used, 0);
  if (used + (negative ? 1 : 0) != text.size()) throw std::runtime_error("not a number: " + text);
  return negative ? 0 - value : value;
}

State state(const std::string& text) {
  State result;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const std::size_t sign = word.find('=');
    if (sign == std::string::npos) throw std::runtime_error("expected name=value: " + word);
    const std::string name = word.substr(0, sign);
    const std::uint64_t value = number(word.substr(sign + 1));
    if (name == "m") {
      result.m = value;
    } else if (name.size() == 2 && name[0] == 'r' && name[1] >= '0' && name[1] <= '9') {
      result.r[static_cast<std::size_t>(name[1] - '0')] = value;
    } else {
      throw std::runtime_error("neither a register nor m: " + word);
    }
  }
  return result;
}

Row row(const std::string& text) {
  const std::size_t arrow = text.find("->");
  if (arrow == std::string::npos) throw std::runtime_error("a row without '->': " + text);
  return {text, state(text.substr(0, arrow)), state(text.substr(arrow + 2))};
}

}  // namespace

CaseFile read_case_file(const std::filesystem::path& path) {
  const YAML::Node file = YAML::LoadFile(path.string());
  CaseFile result{file["group"].as<std::string>(), {}};
  for (const YAML::Node& node : file["cases"]) {
    Case one;
    one.name = node["name"].as<std::string>();
    one.code = node["code"].as<std::string>();
    one.functions = node["functions"].as<std::string>("");
    one.fault = node["fault"].as<std::string>("");
    for (const YAML::Node& text : node["rows"]) one.rows.push_back(row(text.as<std::string>()));
    result.cases.push_back(std::move(one));
  }
  return result;
}

}  // namespace netkit::bpf::conformance
