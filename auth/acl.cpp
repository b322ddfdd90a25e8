#include "auth/acl.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/device_id.hpp"
#include "broker/base/assert.hpp"
#include "broker/base/limits.hpp"
#include "broker/wire/topic.hpp"

namespace drawbridge::auth {
namespace {

bool rule_matches(std::string_view filter, std::string_view topic) {
    if (filter == all_dollar_topics) return topic.starts_with('$');
    return wire::matches(filter, topic);
}

bool rule_covers(std::string_view wide, std::string_view narrow) {
    if (wide == all_dollar_topics) return narrow.starts_with('$');
    return wire::covers(wide, narrow);
}

}  // namespace

std::string_view to_text(Effect effect) { return effect == Effect::allow ? "allow" : "deny"; }

std::string_view to_text(Operation operation) {
    return operation == Operation::publish ? "publish" : "subscribe";
}

bool is_rule_filter(std::string_view filter) {
    const auto filled = fill_in(filter, {.device_id = "device", .tenant = "tenant", .key_id = {}});
    return filled && wire::is_topic_filter(*filled, Limits().max_topic_levels);
}

DeviceIdentity::DeviceIdentity(DevicePtr device, ProvedBy proved_by, std::string_view key_id)
    : device_(std::move(device)),
      proved_by_(proved_by),
      id_can_be_filled_in_(is_device_id(device_->device_id)) {
    ASSERT(key_id.size() <= key_id_.size());
    std::copy(key_id.begin(), key_id.end(), key_id_.begin());
    key_id_length_ = static_cast<std::uint8_t>(key_id.size());
    has_denied_subscriptions_ =
        !device_->profile->deny_subscribe.empty() ||
        std::any_of(device_->rules.begin(), device_->rules.end(), [](const Rule& rule) {
            return rule.effect == Effect::deny && rule.operation == Operation::subscribe;
        });
}

bool DeviceIdentity::may_publish(std::string_view topic) const {
    return judge(Operation::publish, topic).effect == Effect::allow;
}

bool DeviceIdentity::may_subscribe(std::string_view filter) const {
    return judge(Operation::subscribe, filter).effect == Effect::allow;
}

bool DeviceIdentity::may_receive(std::string_view topic) const {
    if (!has_denied_subscriptions_) return true;
    const auto matches = [&](std::string_view filter) { return rule_matches(filter, topic); };
    return first_that_fits(Effect::deny, Operation::subscribe, matches).pattern == nullptr;
}

core::Decision DeviceIdentity::decide(Operation operation, std::string_view topic) const {
    const Verdict verdict = judge(operation, topic);
    const bool allowed = verdict.effect == Effect::allow;
    if (verdict.pattern == nullptr)
        return {false,
                fmt::format("denied: no rule of profile {} or of the device allows it", profile())};
    const std::string source = verdict.own != nullptr
                                   ? fmt::format("the device's rule {}", verdict.own->rule_id)
                                   : fmt::format("profile {}", profile());
    return {allowed, fmt::format("{} by {}: {} {}", allowed ? "allowed" : "denied", source,
                                 to_text(operation), *verdict.pattern)};
}

DeviceIdentity::Verdict DeviceIdentity::judge(Operation operation, std::string_view topic) const {
    const auto fits = [&](std::string_view filter) {
        return operation == Operation::publish ? rule_matches(filter, topic)
                                               : rule_covers(filter, topic);
    };
    const Verdict denied = first_that_fits(Effect::deny, operation, fits);
    if (denied.pattern != nullptr) return denied;
    return first_that_fits(Effect::allow, operation, fits);
}

// Fits takes a filter with its variables filled in.
template <class Fits>
DeviceIdentity::Verdict DeviceIdentity::first_that_fits(Effect effect, Operation operation,
                                                        Fits fits) const {
    const auto pattern_fits = [&](const std::string& pattern) {
        if (pattern.find('{') == std::string::npos) return fits(pattern);
        const std::optional<std::string> filter = fill_in(pattern, variables());
        return filter && fits(*filter);
    };
    for (const std::string& pattern : profile_patterns(effect, operation))
        if (pattern_fits(pattern)) return {&pattern, nullptr, effect};
    for (const Rule& rule : device_->rules)
        if (rule.effect == effect && rule.operation == operation && pattern_fits(rule.filter))
            return {&rule.filter, &rule, effect};
    return {};
}

const std::vector<std::string>& DeviceIdentity::profile_patterns(Effect effect,
                                                                 Operation operation) const {
    const Profile& rules = *device_->profile;
    if (effect == Effect::allow)
        return operation == Operation::publish ? rules.publish : rules.subscribe;
    return operation == Operation::publish ? rules.deny_publish : rules.deny_subscribe;
}

Variables DeviceIdentity::variables() const {
    return {.device_id = id_can_be_filled_in_ ? id() : std::string_view(),
            .tenant = tenant(),
            .key_id = {}};
}

}  // namespace drawbridge::auth
