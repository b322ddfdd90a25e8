// TextTable: rows of text in aligned columns, for people.
//
// A long table is printed part by part with take(): each part is aligned with those before it, as
// far as these were as wide.
#pragma once

#include <string>
#include <vector>

namespace drawbridge::app {

class TextTable {
public:
    // Each row has as many cells as the first.
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

    // Every row on a line of its own, columns two spaces apart, nothing behind the last.
    std::string text();
    // The same, and forgets the rows; their widths stay.
    std::string take();
    std::size_t rows() const { return rows_.size(); }

private:
    std::vector<std::vector<std::string>> rows_;
    std::vector<std::size_t> widths_;
};

}  // namespace drawbridge::app
