#include "broker/app/text_table.hpp"

#include <algorithm>

namespace drawbridge::app {

std::string TextTable::text() {
    for (const auto& row : rows_) {
        widths_.resize(std::max(widths_.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i)
            widths_[i] = std::max(widths_[i], row[i].size());
    }

    std::string text;
    for (const auto& row : rows_) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i)
            line += row[i] + std::string(widths_[i] - row[i].size() + 2, ' ');
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + '\n';
    }
    return text;
}

std::string TextTable::take() {
    std::string part = text();
    rows_.clear();
    return part;
}

}  // namespace drawbridge::app
