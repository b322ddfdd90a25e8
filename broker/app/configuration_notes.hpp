// ConfigurationNotes: what there is to say about one configuration file, in the order of its lines:
// toml++ walks keys by name.
//
// Owner: who reads the file. Threads: the owner's only.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge::app {

class ConfigurationNotes {
public:
    explicit ConfigurationNotes(const std::filesystem::path& file) : file_(file.string()) {}

    void add(std::size_t line, std::string text) { notes_.emplace_back(line, std::move(text)); }
    bool empty() const { return notes_.empty(); }

    // "FILE:LINE: TEXT" of each.
    std::vector<std::string> lines() const {
        std::vector<std::pair<std::size_t, std::string>> sorted = notes_;
        std::stable_sort(sorted.begin(), sorted.end(),
                         [](const auto& a, const auto& b) { return a.first < b.first; });
        std::vector<std::string> lines;
        for (const auto& [line, text] : sorted)
            lines.push_back(fmt::format("{}:{}: {}", file_, line, text));
        return lines;
    }

private:
    std::string file_;
    std::vector<std::pair<std::size_t, std::string>> notes_;
};

}  // namespace drawbridge::app
