#include "auth/failures.hpp"

namespace drawbridge::auth {
namespace {

constexpr std::uint32_t doublings_max = 16;

Duration doubled(Duration first, std::uint32_t times, Duration most) {
    Duration length = first;
    for (; times > 0 && length < most; --times) length *= 2;
    return std::min(length, most);
}

}  // namespace

bool Failures::add(const LockoutRules& rules, TimePoint now, bool locks) {
    if (rules.most == 0) return false;
    forget(rules, now);
    ++count_;
    if (locks || count_ >= rules.most) {
        locked_until_ = now + doubled(rules.lockout, lockouts_, rules.lockout_max);
        lockouts_ = std::min(lockouts_ + 1, doublings_max);
        count_ = rules.most / 2;  // half of the way to the next one
        forgotten_until_ = locked_until_;
        return true;
    }
    const std::uint32_t patience = rules.most / 2;
    if (rules.waits && count_ >= patience)
        wait_until_ = now + doubled(seconds(1), count_ - patience, rules.lockout_max);
    return false;
}

void Failures::forget(const LockoutRules& rules, TimePoint now) {
    if (lockouts_ > 0 && now >= locked_until_ + std::max<Duration>(memory, rules.lockout_max))
        lockouts_ = 0;
    if (count_ == 0) {
        forgotten_until_ = now;
        return;
    }
    const Duration each = Duration(memory) / rules.most;
    if (now <= forgotten_until_) return;
    const auto gone = (now - forgotten_until_) / each;
    count_ -= static_cast<std::uint32_t>(std::min<std::int64_t>(gone, count_));
    forgotten_until_ += each * gone;
}

std::uint32_t Failures::count(const LockoutRules& rules, TimePoint now) const {
    if (rules.most == 0) return 0;
    Failures then = *this;
    then.forget(rules, now);
    return then.count_;
}

}  // namespace drawbridge::auth
