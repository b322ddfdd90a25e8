#include "auth/similar_ids.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace drawbridge::auth {
namespace {

constexpr std::size_t mistakes_max = 2;
constexpr std::size_t answers_max = 3;

// Levenshtein distance, one row of the table at a time.
std::size_t mistakes(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i);
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, replaced}));
        }
    }
    return row[b.size()];
}

bool near_in_size(std::size_t a, std::size_t b) {
    return std::max(a, b) - std::min(a, b) <= mistakes_max;
}

}  // namespace

std::vector<std::string> similar_ids(std::string_view typed,
                                     const std::vector<std::string>& known) {
    std::vector<std::pair<std::size_t, std::string_view>> candidates;
    for (const std::string& id : known) {
        const bool longer = !typed.empty() && id.starts_with(typed);
        if (!longer && !near_in_size(typed.size(), id.size())) continue;
        const std::size_t distance = longer ? mistakes_max : mistakes(typed, id);
        if (distance <= mistakes_max) candidates.emplace_back(distance, id);
    }
    std::sort(candidates.begin(), candidates.end());
    if (candidates.size() > answers_max) candidates.resize(answers_max);

    std::vector<std::string> answer;
    for (const auto& [distance, id] : candidates) answer.emplace_back(id);
    return answer;
}

}  // namespace drawbridge::auth
