// TestIdentity: who a test's client is, with rules as plain lists of filters.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "broker/core/identity.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::test {

// Default: everything is allowed.
struct Rules {
    std::vector<std::string> publish{"#"};
    std::vector<std::string> subscribe{"#"};
    std::vector<std::string> deny_publish{};
    std::vector<std::string> deny_subscribe{};
};

class TestIdentity final : public core::Identity {
public:
    explicit TestIdentity(std::string id, Rules rules = {})
        : id_(std::move(id)), rules_(std::move(rules)) {}

    std::string_view id() const override { return id_; }
    std::string_view tenant() const override { return ""; }
    std::string_view profile() const override { return "test"; }

    bool may_publish(std::string_view topic) const override {
        return some_matches(rules_.publish, topic) && !some_matches(rules_.deny_publish, topic);
    }
    bool may_subscribe(std::string_view filter) const override {
        return some_covers(rules_.subscribe, filter) && !some_covers(rules_.deny_subscribe, filter);
    }
    bool may_receive(std::string_view topic) const override {
        return !some_matches(rules_.deny_subscribe, topic);
    }
    bool has_denied_subscriptions() const override { return !rules_.deny_subscribe.empty(); }
    core::Decision decide_publish(std::string_view topic) const override {
        return {may_publish(topic), "the test's rule for publish"};
    }
    core::Decision decide_subscribe(std::string_view filter) const override {
        return {may_subscribe(filter), "the test's rule for subscribe"};
    }

private:
    using Filters = std::vector<std::string>;
    static bool some_matches(const Filters& filters, std::string_view topic) {
        return std::ranges::any_of(filters, [&](auto& f) { return wire::matches(f, topic); });
    }
    static bool some_covers(const Filters& filters, std::string_view filter) {
        return std::ranges::any_of(filters, [&](auto& f) { return wire::covers(f, filter); });
    }

    const std::string id_;
    const Rules rules_;
};

inline core::IdentityPtr identity(std::string id, Rules rules = {}) {
    return std::make_shared<TestIdentity>(std::move(id), std::move(rules));
}

}  // namespace drawbridge::test
