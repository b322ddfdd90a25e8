#include "broker/base/log_quota.hpp"

#include "broker/base/log.hpp"

namespace drawbridge::log {

bool Quota::allows(TimePoint now) {
    if (now - second_began_ >= seconds(1)) {
        if (left_out_ > 0) info("{} more lines of this kind were left out", left_out_);
        second_began_ = now;
        lines_ = 0;
        left_out_ = 0;
    }
    if (lines_ >= lines_per_second) {
        ++left_out_;
        return false;
    }
    ++lines_;
    return true;
}

}  // namespace drawbridge::log
