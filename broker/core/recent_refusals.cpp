#include "broker/core/recent_refusals.hpp"

#include "broker/core/text_hash.hpp"

namespace drawbridge::core {

bool RecentRefusals::is_news(std::string_view identity, Operation operation, std::string_view topic,
                             TimePoint now) {
    const std::uint64_t who = hash_text(identity);
    if (by_identity_.size() >= identities_max && !by_identity_.contains(who)) make_room(now);
    Identity& known = by_identity_[who];
    const std::uint64_t what = hash_text(topic) + static_cast<std::uint64_t>(operation);
    const auto is_recent = [&](const Told& told) {
        return told.at != TimePoint() && now - told.at < told_for;
    };
    for (const Told& told : known.told)
        if (told.topic == what && is_recent(told)) return false;
    Told& oldest = known.told[known.next];
    if (is_recent(oldest)) return false;
    oldest = {what, now};
    known.next = static_cast<std::uint8_t>((known.next + 1) % topics_per_identity);
    return true;
}

// Those who have been silent for long go. If nobody has, all go: that so many identities are
// refused within a minute is rare, and what is told again is bounded elsewhere, too.
void RecentRefusals::make_room(TimePoint now) {
    boost::unordered::erase_if(by_identity_, [&](const auto& entry) {
        const Identity& known = entry.second;
        const Told& newest =
            known.told[(known.next + topics_per_identity - 1) % topics_per_identity];
        return now - newest.at >= told_for;
    });
    if (by_identity_.size() >= identities_max) by_identity_.clear();
}

}  // namespace drawbridge::core
