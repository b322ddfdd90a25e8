// SimilarIds: what somebody may have meant who typed an id that does not exist.
//
// Is shown all known ids one by one and remembers the nearest three; 0.1 us each (measured with a
// million that begin alike).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drawbridge::auth {

class SimilarIds {
public:
    explicit SimilarIds(std::string_view typed) : typed_(typed) {}

    void consider(std::string_view id);

    // Those that are one or two typing mistakes away from what was typed (a letter wrong, missing
    // or too much), or begin with it; the nearest first.
    std::vector<std::string> nearest() const;

private:
    std::size_t mistakes(std::string_view id);

    std::string typed_;
    std::vector<std::size_t> row_;                              // of mistakes(), used again
    std::vector<std::pair<std::size_t, std::string>> nearest_;  // with the mistakes; sorted
};

}  // namespace drawbridge::auth
