// Random topics and filters from so small an alphabet that many of them match, '$' and empty levels
// included.
#pragma once

#include <random>
#include <string>

#include "tests/support/naive_topic.hpp"

namespace drawbridge::test {

inline std::string random_levels(std::mt19937& random, const LevelList& names) {
    LevelList levels;
    for (auto left = 1 + random() % 4; left > 0; --left)
        levels.push_back(names[random() % names.size()]);
    return joined(levels);
}

inline std::string random_topic(std::mt19937& random) {
    static const LevelList names = {"a", "b", "c", "", "$s", "in no filter"};
    for (;;) {
        std::string topic = random_levels(random, names);
        if (!topic.empty()) return topic;
    }
}

inline std::string random_filter(std::mt19937& random) {
    static const LevelList names = {"a", "b", "c", "", "$s", "+", "+"};
    if (random() % 30 == 0) return "#";
    for (;;) {
        std::string filter = random_levels(random, names);
        if (random() % 4 == 0) filter += "/#";
        if (!filter.empty()) return filter;
    }
}

}  // namespace drawbridge::test
