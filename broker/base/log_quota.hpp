// Quota: keeps strangers from filling the log: so many lines a second, and a count of what was left
// out.
//
// Threads: one.
#pragma once

#include "broker/base/clock.hpp"

namespace drawbridge::log {

class Quota {
public:
    // May one more line be written now?
    bool allows(TimePoint now);

private:
    static constexpr int lines_per_second = 20;

    TimePoint second_began_;
    int lines_ = 0;
    unsigned long left_out_ = 0;
};

}  // namespace drawbridge::log
