// TextTable: rows of text in aligned columns, for people.
#pragma once

#include <string>
#include <vector>

namespace drawbridge::app {

class TextTable {
public:
    // Each row has as many cells as the first.
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

    // Every row on a line of its own, columns two spaces apart, nothing behind the last.
    std::string text() const;

private:
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace drawbridge::app
