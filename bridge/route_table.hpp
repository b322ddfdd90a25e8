// RouteTable: all routes of the broker, and where a message goes by them.
//
// As though there were a broker on each side, and the routes between them: a message of a NATS
// client takes `out` routes, what comes of that is on the MQTT side and takes `in` routes, and so
// on. It ends: a message passes each route at most once, and is on each topic at most once.
//
// Limits: routes_max, route_results_max. Immutable. Threads: any.
#pragma once

#include <atomic>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bridge/route.hpp"
#include "broker/core/rewriter.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::bridge {

// Of a configuration, which people write. Comparing 1,000 with each other takes 3 ms, and grows
// with the square.
constexpr std::size_t routes_max = 10'000;

// Topics that one message goes out on besides its own: more is a mistake in the configuration, and
// each costs as much as another message.
constexpr std::size_t route_results_max = 64;

class RouteTable final : public core::Rewriter {
public:
    // One topic that a message goes out on besides its own, and how it came there.
    struct Step {
        std::string topic;
        std::size_t route = 0;  // index in routes()
        std::size_t after = 0;  // steps before this one that led to it: its number from 1; 0: none
    };

    RouteTable(std::vector<Route> routes, std::size_t levels_max);

    // `out` keeps the retain flag, `in` does not: a retained command would be carried out again
    // by every service that starts.
    void rewrite(const core::MessageView& message,
                 std::vector<core::Rewritten>& out) const override;

    // The same for people. Counts and logs nothing.
    std::vector<Step> trace(std::string_view topic, Side from) const;

    const std::vector<Route>& routes() const { return routes_; }

    // Results that were dropped: no valid topic, or too many.
    std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

private:
    struct Entry {
        const Rule* rule;
        std::uint32_t route;
    };
    // The rules that take messages of one side.
    struct SideRules {
        std::vector<std::size_t> prefix_levels;  // of those that have a prefix; rising, each once
        boost::unordered_flat_map<std::string, std::vector<Entry>, core::TextHash, std::equal_to<>>
            by_prefix;
        std::vector<Entry> open;  // begin with a wildcard
    };
    class Walk;

    template <class Visit>
    void for_each_candidate(std::string_view topic, Side side, const Visit& visit) const;
    void note_dropped(std::uint32_t route, std::string_view topic, const char* why) const;

    const std::vector<Route> routes_;
    const std::size_t levels_max_;
    SideRules sides_[2];  // by Side
    mutable std::atomic<std::uint64_t> dropped_{0};
    std::unique_ptr<std::atomic<bool>[]> was_logged_;  // by route: a result was dropped
};

}  // namespace drawbridge::bridge
