// Tables of the documents, for tests that hold them against the code.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace netkit::testing {

// Cells by row, the heading first, without the line of dashes. Code marks and footnotes (`[^name]`) are taken
// off.
using MarkdownTable = std::vector<std::vector<std::string>>;

// The table under the first heading with that text, in a document of the source tree ("docs/helpers.md").
// Empty: there is none.
[[nodiscard]] MarkdownTable read_markdown_table(std::string_view document, std::string_view heading);

}  // namespace netkit::testing
