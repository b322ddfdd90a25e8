#include "auth/similar_ids.hpp"

#include <algorithm>

namespace drawbridge::auth {
namespace {

constexpr std::size_t mistakes_max = 2;
constexpr std::size_t far = mistakes_max + 1;  // whatever is more
constexpr std::size_t answers_max = 3;

}  // namespace

void SimilarIds::consider(std::string_view id) {
    const bool longer = !typed_.empty() && id.starts_with(typed_);
    const std::size_t distance = longer ? mistakes_max : mistakes(id);
    if (distance >= far) return;
    std::pair<std::size_t, std::string> found(distance, id);
    nearest_.insert(std::upper_bound(nearest_.begin(), nearest_.end(), found), std::move(found));
    if (nearest_.size() > answers_max) nearest_.pop_back();
}

std::vector<std::string> SimilarIds::nearest() const {
    std::vector<std::string> ids;
    for (const auto& [distance, id] : nearest_) ids.push_back(id);
    return ids;
}

// Levenshtein distance, cut off at far: one row of the table at a time, and of each row only the
// cells that can be nearer, which are those around the diagonal.
std::size_t SimilarIds::mistakes(std::string_view id) {
    const std::string_view typed = typed_;
    if (std::max(typed.size(), id.size()) - std::min(typed.size(), id.size()) >= far) return far;
    row_.resize(id.size() + 1);
    for (std::size_t j = 0; j < row_.size(); ++j) row_[j] = std::min(j, far);
    for (std::size_t i = 1; i <= typed.size(); ++i) {
        const std::size_t first = i > mistakes_max ? i - mistakes_max : 1;
        const std::size_t last = std::min(id.size(), i + mistakes_max);
        std::size_t diagonal = row_[first - 1];
        row_[first - 1] = first == 1 ? std::min(i, far) : far;
        std::size_t least = row_[first - 1];
        for (std::size_t j = first; j <= last; ++j) {
            const std::size_t replaced = diagonal + (typed[i - 1] == id[j - 1] ? 0 : 1);
            diagonal = row_[j];
            row_[j] = std::min({row_[j] + 1, row_[j - 1] + 1, replaced, far});
            least = std::min(least, row_[j]);
        }
        if (least >= far) return far;
    }
    return row_[id.size()];
}

}  // namespace drawbridge::auth
