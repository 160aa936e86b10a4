#include "tests/support/markdown.h"

#include <fstream>

namespace netkit::testing {
namespace {

std::string plain(std::string_view cell) {
  std::string text;
  while (!cell.empty()) {
    if (cell.starts_with("[^")) {
      const std::size_t end = cell.find(']');
      cell.remove_prefix(end == std::string_view::npos ? cell.size() : end + 1);
      continue;
    }
    if (cell.front() != '`') text += cell.front();
    cell.remove_prefix(1);
  }
  const std::size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

// `line` begins and ends with a bar.
std::vector<std::string> cells_of(std::string_view line) {
  std::vector<std::string> cells;
  line.remove_prefix(1);
  for (std::size_t bar = 0; (bar = line.find('|')) != std::string_view::npos; line.remove_prefix(bar + 1))
    cells.push_back(plain(line.substr(0, bar)));
  return cells;
}

}  // namespace

MarkdownTable read_markdown_table(std::string_view document, std::string_view heading) {
  std::ifstream file(std::string(NETKIT_SOURCE_DIR) + "/" + std::string(document));
  MarkdownTable table;
  bool under_heading = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) {
      if (under_heading) break;
      under_heading = line.substr(line.find_first_not_of("# ")) == heading;
    } else if (under_heading && line.starts_with('|')) {
      if (!line.starts_with("|-")) table.push_back(cells_of(line));
    } else if (!table.empty()) {
      break;
    }
  }
  return table;
}

}  // namespace netkit::testing
