#include "topology/scope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace netkit::topology {
namespace {

std::vector<std::string_view> keys_of(const std::map<std::string, std::size_t, std::less<>>& names) {
  std::vector<std::string_view> keys;
  for (const auto& [name, index] : names) keys.push_back(name);
  return keys;
}

}  // namespace

bool is_label(std::string_view text) {
  constexpr std::size_t kMaxLabel = 64;
  const auto plain = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !text.empty() && text.size() <= kMaxLabel && plain(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return plain(c) || c == '-' || c == '_'; });
}

bool check_label(std::string_view text, Where where, Problems& problems) {
  if (is_label(text)) return true;
  problems.report(where, fmt::format("{} is no name; use letters, digits, '-' and '_'", quote(text)));
  return false;
}

std::optional<NamespaceIndex> Scope::add_namespace(Namespace added) {
  if (!check_label(added.name, added.where, *problems_)) return std::nullopt;
  const NamespaceIndex index = topology_->namespaces.size();
  if (!namespaces_.emplace(added.name, index).second) {
    problems_->report(added.where,
                      fmt::format("{} is the name of the host namespace; choose another", quote(added.name)));
    return std::nullopt;
  }
  topology_->namespaces.push_back(std::move(added));
  return index;
}

std::optional<EndIndex> Scope::add_end(End added) {
  const EndIndex index = topology_->ends.size();
  if (namespaces_.contains(added.label) || !ends_.emplace(added.label, index).second) {
    problems_->report(added.where,
                      fmt::format("{} is the name of {} already; choose another", quote(added.label),
                                  namespaces_.contains(added.label) ? "a namespace" : "a device"));
    return std::nullopt;
  }
  topology_->ends.push_back(std::move(added));
  return index;
}

bool Scope::add_object(Object added) {
  if (!check_label(added.name, added.where, *problems_)) return false;
  objects_.emplace(added.name, topology_->objects.size());
  topology_->objects.push_back(std::move(added));
  return true;
}

bool Scope::add_step_name(const std::string& name, std::size_t step, Where where) {
  if (!check_label(name, where, *problems_)) return false;
  const auto [known, fresh] = steps_.emplace(name, step);
  if (fresh && name != "start") return true;
  problems_->report(where,
                    fresh ? "'start' means the beginning of the run; choose another name"
                          : fmt::format("a step is called {} already; choose another name", quote(name)));
  return false;
}

void Scope::report_unknown(const Names& names, const Value& value, std::string_view written,
                           std::string_view kind) const {
  const std::string hint = did_you_mean(written, keys_of(names));
  value.report(fmt::format("no {} is called {}{}", kind, quote(written),
                           hint.empty() ? "; declare it or correct the name" : hint));
}

void Scope::report_unknown_device(const Value& value) const {
  report_unknown(ends_, value, value.name(), "device");
}

std::optional<std::size_t> Scope::resolve(const Names& names, const Value& value,
                                          std::string_view kind) const {
  const auto written = value.text();
  if (!written) return std::nullopt;
  if (const auto found = names.find(*written); found != names.end()) return found->second;
  report_unknown(names, value, *written, kind);
  return std::nullopt;
}

std::optional<NamespaceIndex> Scope::netns(const Value& value) const {
  return resolve(namespaces_, value, "namespace");
}
std::optional<EndIndex> Scope::end(const Value& value) const {
  return resolve(ends_, value, "device");
}
std::optional<std::size_t> Scope::step(const Value& value) const {
  return resolve(steps_, value, "earlier step");
}

std::optional<ObjectMember> Scope::member(const Value& value) const {
  const auto written = value.text();
  return written ? member(*written, value) : std::nullopt;
}

std::optional<ObjectMember> Scope::member(const std::string& text, const Value& at) const {
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos || dot + 1 == text.size()) {
    at.report(fmt::format("{} names no object; write OBJECT.NAME", quote(text)));
    return std::nullopt;
  }
  const std::string_view object = std::string_view(text).substr(0, dot);
  const auto found = objects_.find(object);
  if (found == objects_.end()) {
    report_unknown(objects_, at, object, "object");
    return std::nullopt;
  }
  return ObjectMember{found->second, text.substr(dot + 1), at.where()};
}

std::optional<NamespaceIndex> Scope::find_namespace(std::string_view name) const {
  const auto found = namespaces_.find(name);
  return found == namespaces_.end() ? std::nullopt : std::optional(found->second);
}

std::optional<EndIndex> Scope::find_end(std::string_view label) const {
  const auto found = ends_.find(label);
  return found == ends_.end() ? std::nullopt : std::optional(found->second);
}

void Scope::report_unknown_target(const Value& value, std::string_view written) const {
  std::vector<std::string_view> known = keys_of(namespaces_);
  std::ranges::copy(keys_of(ends_), std::back_inserter(known));
  const std::string hint = did_you_mean(written, known);
  value.report(fmt::format("'{}' is {}; it must be an address, a device or a namespace{}", value.name(),
                           quote(written), hint));
}

}  // namespace netkit::topology
