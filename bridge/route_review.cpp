#include "bridge/route_review.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <boost/unordered/unordered_flat_set.hpp>
#include <utility>

namespace drawbridge::bridge {
namespace {

struct Way {
    std::size_t route;
    const Rule* rule;
    std::string source;  // the filter of what it takes
    std::size_t search;  // the last one that came here
};

std::string name_of(const Route& route) {
    return route.definition.source.empty() ? "the built-in route for commands"
                                           : "the route at " + route.definition.source;
}

class Review {
public:
    explicit Review(const std::vector<Route>& routes) : routes_(routes) {
        for (std::size_t route = 0; route < routes.size(); ++route)
            for (const Rule& rule : routes[route].rules)
                ways_.push_back({route, &rule, rule.source_filter(), 0});
        for (std::size_t way = 0; way < ways_.size(); ++way)
            by_first_level_[first_level(ways_[way].source)].push_back(way);
    }

    std::vector<RouteMistake> take() {
        find_duplicates();
        for (std::size_t way = 0; way < ways_.size(); ++way) follow(way);
        std::stable_sort(mistakes_.begin(), mistakes_.end(),
                         [](const auto& a, const auto& b) { return a.route < b.route; });
        return std::move(mistakes_);
    }

private:
    bool is_built_in(std::size_t route) const { return routes_[route].definition.source.empty(); }

    static std::string first_level(const std::string& filter) {
        const std::string level = filter.substr(0, filter.find('/'));
        return level == "#" ? "+" : level;
    }

    void add(std::size_t route, std::string text) {
        if (named_.insert(route).second) mistakes_.push_back({route, std::move(text)});
    }

    void find_duplicates() {
        boost::unordered_flat_map<std::string, std::size_t> first;
        for (const Way& way : ways_) {
            const std::string key = fmt::format("{}\n{}\n{}", static_cast<int>(way.rule->from()),
                                                way.source, way.rule->target_text());
            const auto [earlier, is_new] = first.emplace(key, way.route);
            if (!is_new)
                add(way.route, fmt::format("does the same as {}: leave one of them out",
                                           name_of(routes_[earlier->second])));
        }
    }

    // Where a search has come, and what has become there of all that left its first way.
    struct Place {
        std::size_t way;
        std::size_t before;  // index of the place before this one
        std::string filter;
    };

    // Follows everything that leaves a way, through whatever takes all of it, each way once.
    void follow(std::size_t begin) {
        std::vector<Place> places{{begin, 0, ways_[begin].rule->target_filter()}};
        for (std::size_t here = 0; here < places.size(); ++here) {
            if (places[here].filter.empty()) continue;  // no filter can say it
            const std::string level = first_level(places[here].filter);
            visit(level, begin, here, places);
            if (level != "+") visit("+", begin, here, places);
        }
    }

    void visit(const std::string& level, std::size_t begin, std::size_t here,
               std::vector<Place>& places) {
        const auto found = by_first_level_.find(level);
        if (found == by_first_level_.end()) return;
        for (const std::size_t next : found->second) {
            const Way& from = ways_[places[here].way];
            const Way& to = ways_[next];
            const bool is_pair =
                from.route == to.route && routes_[to.route].definition.direction == Direction::both;
            std::string made;
            if (from.rule->from() == to.rule->from() || is_pair || to.search == begin + 1 ||
                !to.rule->make_filter(places[here].filter, made))
                continue;
            ways_[next].search = begin + 1;
            if (next == begin)
                add_circle(places, here);
            else
                places.push_back({next, here, std::move(made)});
        }
    }

    void add_circle(const std::vector<Place>& places, std::size_t last_place) {
        std::vector<std::size_t> circle{ways_[places[0].way].route};
        for (std::size_t at = last_place; at != 0; at = places[at].before)
            circle.push_back(ways_[places[at].way].route);
        tell_circle(std::move(circle));
    }

    void tell_circle(std::vector<std::size_t> circle) {
        // The built-in route is nobody's mistake, so the other one is told.
        std::sort(circle.begin(), circle.end(), [&](std::size_t a, std::size_t b) {
            return std::pair(!is_built_in(a), a) < std::pair(!is_built_in(b), b);
        });
        circle.erase(std::unique(circle.begin(), circle.end()), circle.end());
        const std::size_t last = circle.back();
        circle.pop_back();
        if (circle.empty())
            return add(last,
                       "is circular: what it sends out comes back to it; one of its two ways "
                       "must lead elsewhere");
        std::string others;
        for (std::size_t i = 0; i < std::min<std::size_t>(circle.size(), 3); ++i)
            others += (i == 0 ? "" : ", ") + name_of(routes_[circle[i]]);
        if (circle.size() > 3) others += fmt::format(" and {} more", circle.size() - 3);
        add(last, fmt::format("is circular: what it sends out comes back to it by {}; if both ways "
                              "are wanted, write one route with direction = \"both\"",
                              others));
    }

    const std::vector<Route>& routes_;
    std::vector<Way> ways_;
    boost::unordered_flat_map<std::string, std::vector<std::size_t>> by_first_level_;
    boost::unordered_flat_set<std::size_t> named_;  // routes
    std::vector<RouteMistake> mistakes_;
};

}  // namespace

std::vector<RouteMistake> review_routes(const std::vector<Route>& routes) {
    return Review(routes).take();
}

}  // namespace drawbridge::bridge
