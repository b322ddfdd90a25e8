// RecentRefusals: which refusals of a PUBLISH or SUBSCRIBE have been told lately, so that each is
// told once a minute and a flood of them costs neither a lock nor an allocation each.
//
// By who is refused and what: names are kept as hashes, keyed with the broker's secret number.
// Owner:  the shard. Threads: its own.
// Limits: topics_per_identity told of one identity in a minute, the others are left out;
//         identities_max remembered, and if that is not enough, some are told again too soon.
#pragma once

#include <array>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "broker/base/clock.hpp"

namespace drawbridge::core {

class RecentRefusals {
public:
    static constexpr seconds told_for{60};
    static constexpr std::size_t topics_per_identity = 16;
    static constexpr std::size_t identities_max = 2'048;  // 270 bytes each

    enum class Operation : std::uint8_t { publish, subscribe };

    // True if this has not been told within told_for; then it counts as told now.
    bool is_news(std::string_view identity, Operation operation, std::string_view topic,
                 TimePoint now);

    std::size_t size() const { return by_identity_.size(); }

private:
    struct Told {
        std::uint64_t topic = 0;
        TimePoint at{};
    };
    // Oldest first, in a circle.
    struct Identity {
        std::array<Told, topics_per_identity> told{};
        std::uint8_t next = 0;
    };

    void make_room(TimePoint now);

    boost::unordered_flat_map<std::uint64_t, Identity> by_identity_;
};

}  // namespace drawbridge::core
