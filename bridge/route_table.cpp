#include "bridge/route_table.hpp"

#include <algorithm>
#include <boost/container/small_vector.hpp>
#include <utility>

#include "broker/base/assert.hpp"
#include "broker/base/log.hpp"
#include "broker/base/printable.hpp"

namespace drawbridge::bridge {

// The way of one message. Allocates nothing as long as no rule takes it.
class RouteTable::Walk {
public:
    // What comes of topic is appended to out.
    Walk(const RouteTable& table, std::string_view topic, std::vector<core::Rewritten>& out)
        : table_(table), own_(topic), out_(out), first_(out.size()) {}

    void begin_at(Side side) {
        expand(own_, side, 0);
        for (std::size_t i = 0; i < steps_.size(); ++i)
            expand(out_[first_ + i].topic, steps_[i].side, i + 1);
    }

    // For each topic that was appended.
    struct Step {
        Side side;            // where it is
        std::uint32_t route;  // that led to it
        std::size_t after;    // see RouteTable::Step
    };
    const auto& steps() const { return steps_; }

    bool is_trial = false;  // what is dropped is neither counted nor logged

private:
    void expand(std::string_view topic, Side side, std::size_t after) {
        table_.for_each_candidate(topic, side, [&](const Entry& entry) {
            Captures captures;
            if (!entry.rule->takes(topic, captures) || has_passed(entry.route)) return;
            passed_.push_back(entry.route);
            if (entry.rule->make_topic(captures, table_.levels_max_, made_))
                add(side, entry.route, after);
            else
                drop(entry.route, "no topic that a message could have");
        });
    }

    bool has_passed(std::uint32_t route) const {
        return std::find(passed_.begin(), passed_.end(), route) != passed_.end();
    }

    bool has_been_on_made() const {
        return made_ == own_ ||
               std::any_of(out_.begin() + static_cast<std::ptrdiff_t>(first_), out_.end(),
                           [&](const core::Rewritten& one) { return one.topic == made_; });
    }

    void add(Side from, std::uint32_t route, std::size_t after) {
        if (has_been_on_made()) return;
        if (steps_.size() == route_results_max)
            return drop(route, "more topics than one message may go out on");
        // From now on `out` does not move, so its topics can be read while it grows.
        if (steps_.empty()) out_.reserve(first_ + route_results_max);
        const bool kept_before = after == 0 || out_[first_ + after - 1].keeps_retain;
        out_.push_back({made_, kept_before && from == Side::nats});
        steps_.push_back({other(from), route, after});
    }

    void drop(std::uint32_t route, const char* why) {
        if (!is_trial) table_.note_dropped(route, made_, why);
    }

    const RouteTable& table_;
    const std::string_view own_;
    std::vector<core::Rewritten>& out_;
    const std::size_t first_;
    boost::container::small_vector<Step, 8> steps_;
    boost::container::small_vector<std::uint32_t, 16> passed_;  // routes
    std::string made_;
};

RouteTable::RouteTable(std::vector<Route> routes, std::size_t levels_max)
    : routes_(std::move(routes)),
      levels_max_(levels_max),
      was_logged_(std::make_unique<std::atomic<bool>[]>(routes_.size())) {
    for (std::uint32_t route = 0; route < routes_.size(); ++route)
        for (const Rule& rule : routes_[route].rules) {
            SideRules& side = sides_[static_cast<std::size_t>(rule.from())];
            const std::size_t levels = rule.prefix_levels();
            if (levels == 0) {
                side.open.push_back({&rule, route});
                continue;
            }
            side.by_prefix[rule.prefix()].push_back({&rule, route});
            const auto place =
                std::lower_bound(side.prefix_levels.begin(), side.prefix_levels.end(), levels);
            if (place == side.prefix_levels.end() || *place != levels)
                side.prefix_levels.insert(place, levels);
        }
}

// The rules whose prefix the topic has: one look into the table for each length of prefix that
// there is, however many rules.
template <class Visit>
void RouteTable::for_each_candidate(std::string_view topic, Side side, const Visit& visit) const {
    const SideRules& rules = sides_[static_cast<std::size_t>(side)];
    std::size_t levels = 0;
    std::size_t end = std::string_view::npos;  // of the first `levels` levels
    for (const std::size_t wanted : rules.prefix_levels) {
        while (levels < wanted && (levels == 0 || end < topic.size())) {
            end = std::min(topic.find('/', levels == 0 ? 0 : end + 1), topic.size());
            ++levels;
        }
        if (levels < wanted) break;  // a shorter topic
        const auto found = rules.by_prefix.find(topic.substr(0, end));
        if (found == rules.by_prefix.end()) continue;
        for (const Entry& entry : found->second) visit(entry);
    }
    for (const Entry& entry : rules.open) visit(entry);
}

void RouteTable::rewrite(const core::MessageView& message,
                         std::vector<core::Rewritten>& out) const {
    Walk(*this, message.topic, out).begin_at(message.bridged ? Side::nats : Side::mqtt);
}

std::vector<RouteTable::Step> RouteTable::trace(std::string_view topic, Side from) const {
    std::vector<core::Rewritten> out;
    Walk walk(*this, topic, out);
    walk.is_trial = true;
    walk.begin_at(from);
    std::vector<Step> steps;
    for (std::size_t i = 0; i < out.size(); ++i)
        steps.push_back({out[i].topic, walk.steps()[i].route, walk.steps()[i].after});
    return steps;
}

// A line for the first message of each route; the number tells of the others.
void RouteTable::note_dropped(std::uint32_t route, std::string_view topic, const char* why) const {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    if (was_logged_[route].exchange(true, std::memory_order_relaxed)) return;
    const RouteDefinition& definition = routes_[route].definition;
    log::warn(
        "{}: the route between {} and {} led to {}: {}; it is not sent there (further ones "
        "are not logged)",
        definition.source.empty() ? "built in" : definition.source, definition.nats_topic,
        definition.mqtt_topic, why, printable(std::string(topic.substr(0, 200))));
}

}  // namespace drawbridge::bridge
