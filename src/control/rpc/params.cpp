#include "control/rpc/params.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/text.h"
#include "control/rpc/error.h"

namespace netkit::rpc {
namespace {

std::string name_key(std::string_view key) {
  return "parameter '" + std::string(key) + "' ";
}

Failure out_of_range(std::string_view key, std::int64_t least, std::int64_t most) {
  return refuse(kInvalidParams,
                name_key(key) + "must be between " + std::to_string(least) + " and " + std::to_string(most));
}

Result<std::int64_t> word_value(const std::string& word, std::string_view key, Words words) {
  if (const auto value = value_of(words, word)) return *value;
  std::vector<std::string_view> known;
  for (const Word& one : words) known.push_back(one.name);
  const std::string what = words.empty() ? "must be a number" : "has no word " + quote(word);
  return refuse(kInvalidParams, name_key(key) + what + did_you_mean(word, known));
}

}  // namespace

Result<std::int64_t> to_number(const Json& value, std::string_view key, std::int64_t least, std::int64_t most,
                               Words words) {
  if (value.is_string()) return word_value(value.get_ref<const std::string&>(), key, words);
  if (value.is_array() && !words.empty()) {
    std::int64_t sum = 0;
    for (const Json& part : value) {
      if (part.is_array())
        return refuse(kInvalidParams, name_key(key) + "must be a list of words or numbers");
      sum |= TRY(to_number(part, key, least, most, words));
    }
    return sum;
  }
  if (!value.is_number_integer()) {
    return refuse(kInvalidParams,
                  name_key(key) + "must be a whole number" + (words.empty() ? "" : " or a word"));
  }
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > INT64_MAX;
  if (too_large || value.get<std::int64_t>() < least || value.get<std::int64_t>() > most) {
    return out_of_range(key, least, most);
  }
  return value.get<std::int64_t>();
}

Result<> check_keys(const Json& object, std::span<const std::string_view> known) {
  if (object.is_null()) return {};
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) == known.end()) {
      return refuse(kInvalidParams, "unknown parameter " + quote(key) + did_you_mean(key, known));
    }
  }
  return {};
}

const Json* Params::find(std::string_view key) const {
  if (!object_->is_object()) return nullptr;
  const auto found = object_->find(key);
  return found != object_->end() ? &*found : nullptr;
}

Result<const Json*> Params::required(std::string_view key) const {
  const Json* const value = find(key);
  if (value == nullptr) return refuse(kInvalidParams, name_key(key) + "is missing");
  return value;
}

Result<std::string> Params::text(std::string_view key) const {
  const Json* const value = TRY(required(key));
  if (!value->is_string()) return refuse(kInvalidParams, name_key(key) + "must be a text");
  return value->get<std::string>();
}

Result<std::string> Params::text_or(std::string_view key, std::string_view absent) const {
  if (find(key) == nullptr) return std::string(absent);
  return text(key);
}

Result<bool> Params::flag(std::string_view key) const {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  if (!value->is_boolean()) return refuse(kInvalidParams, name_key(key) + "must be true or false");
  return value->get<bool>();
}

}  // namespace netkit::rpc
