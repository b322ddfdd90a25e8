// Topic matching as section 4.7 tells it, slow and by recursion over lists of levels: the reference
// that matches() and covers() are compared with.
#pragma once

#include <algorithm>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge::test {

using LevelList = std::vector<std::string>;

inline LevelList levels_of(std::string_view text) {
    LevelList levels(1);
    for (const char c : text) {
        if (c == '/')
            levels.emplace_back();
        else
            levels.back() += c;
    }
    return levels;
}

inline std::string joined(const LevelList& levels) {
    std::string text = levels.empty() ? "" : levels[0];
    for (std::size_t i = 1; i < levels.size(); ++i) text += "/" + levels[i];
    return text;
}

inline bool naive_levels_match(std::span<const std::string> filter,
                               std::span<const std::string> topic) {
    if (filter.empty()) return topic.empty();
    if (filter[0] == "#") return true;
    if (topic.empty()) return false;
    if (filter[0] != "+" && filter[0] != topic[0]) return false;
    return naive_levels_match(filter.subspan(1), topic.subspan(1));
}

inline bool naive_matches(std::string_view filter, std::string_view topic) {
    const bool wild = filter.substr(0, 1) == "+" || filter.substr(0, 1) == "#";
    if (wild && topic.substr(0, 1) == "$") return false;
    return naive_levels_match(levels_of(filter), levels_of(topic));
}

// Decided by witnesses: of all topics that narrow matches, those that wide is least likely to. A
// level name that occurs in no filter stands for every '+', and for '#' none, one, and more levels
// than wide has.
inline bool naive_covers(std::string_view wide, std::string_view narrow) {
    const std::string fresh = "~";
    LevelList topic = levels_of(narrow);
    std::replace(topic.begin(), topic.end(), std::string("+"), fresh);
    if (topic.back() != "#") return naive_matches(wide, joined(topic));

    topic.pop_back();
    const std::size_t depth = topic.size() + levels_of(wide).size() + 1;
    for (; topic.size() <= depth; topic.push_back(fresh))
        if (!joined(topic).empty() && !naive_matches(wide, joined(topic))) return false;
    return true;
}

}  // namespace drawbridge::test
