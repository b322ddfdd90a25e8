// Failures: what has failed of one address, of one name, or of one name at one address, and what
// follows: a wait that grows, then a lockout, and a longer one the next time.
//
// A leaky bucket: of `most` failures one is forgotten in each `most`-th part of an hour, so that a
// mistake now and then never adds up.
// Threads: the owner's only. Time is an argument.
#pragma once

#include <algorithm>
#include <cstdint>

#include "broker/base/clock.hpp"

namespace drawbridge::auth {

struct LockoutRules {
    std::uint32_t most = 0;  // failures until the lockout; 0: there is none
    bool waits = false;      // from half of them on, before the next try: 1 s, 2 s, 4 s ...
    milliseconds lockout{};  // the first; each further one is twice as long
    milliseconds lockout_max{};
};

class Failures {
public:
    // One more. locks: it is one too many, whatever the number. True if a lockout begins with it.
    bool add(const LockoutRules& rules, TimePoint now, bool locks = false);

    bool is_locked(TimePoint now) const { return now < locked_until_; }
    bool must_wait(TimePoint now) const { return now < wait_until_; }
    TimePoint locked_until() const { return locked_until_; }
    TimePoint wait_until() const { return wait_until_; }
    // That are not forgotten yet.
    std::uint32_t count(const LockoutRules& rules, TimePoint now) const;

private:
    void forget(const LockoutRules& rules, TimePoint now);

    static constexpr std::chrono::hours memory{1};

    std::uint32_t count_ = 0;
    std::uint32_t lockouts_ = 0;
    TimePoint forgotten_until_{};
    TimePoint wait_until_{};
    TimePoint locked_until_{};
};

}  // namespace drawbridge::auth
