// Text for messages to people.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace netkit {

// Foreign text in a message: in quotes, on one line, of bounded length.
[[nodiscard]] std::string quote(std::string_view text);

// "; did you mean 'ping'?" for the candidate nearest to a misspelt word, else "".
[[nodiscard]] std::string did_you_mean(std::string_view word, std::span<const std::string_view> candidates);

// The words of a text, apart by single spaces: a list that can be written as one literal.
[[nodiscard]] std::vector<std::string_view> split_words(std::string_view text);

}  // namespace netkit
