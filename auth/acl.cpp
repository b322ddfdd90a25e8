#include "auth/acl.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "auth/device_id.hpp"
#include "broker/base/assert.hpp"
#include "broker/base/limits.hpp"
#include "broker/core/topic_names.hpp"
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
    const auto filled = fill_in(
        filter, {.device_id = "device", .tenant = "tenant", .key_id = {}, .channel = "channel"});
    return filled && wire::is_topic_filter(*filled, Limits().max_topic_levels);
}

DeviceIdentity::DeviceIdentity(DevicePtr device, ProvedBy proved_by, std::string_view key_id,
                               std::int64_t as_of)
    : device_(std::move(device)),
      as_of_(as_of),
      tenant_id_(core::tenant_id(device_->tenant)),
      proved_by_(proved_by),
      id_can_be_filled_in_(is_device_id(device_->device_id)),
      has_denied_subscriptions_(denies_subscriptions()) {
    ASSERT(key_id.size() <= key_id_.size());
    std::copy(key_id.begin(), key_id.end(), key_id_.begin());
    key_id_length_ = static_cast<std::uint8_t>(key_id.size());
}

DeviceIdentity::DeviceIdentity(const DeviceIdentity& before, DevicePtr device)
    : DeviceIdentity(before, std::move(device), before.as_of_) {}

DeviceIdentity::DeviceIdentity(const DeviceIdentity& before, DevicePtr device, std::int64_t as_of)
    : DeviceIdentity(before) {
    device_ = std::move(device);
    as_of_ = as_of;
    tenant_id_ = core::tenant_id(device_->tenant);
    has_denied_subscriptions_ = denies_subscriptions();
}

bool DeviceIdentity::denies_subscriptions() const {
    return !device_->profile->deny_subscribe.empty() ||
           std::any_of(device_->rules.begin(), device_->rules.end(), [](const Rule& rule) {
               return rule.effect == Effect::deny && rule.operation == Operation::subscribe;
           });
}

bool DeviceIdentity::may_publish(std::string_view topic) const {
    return judge(Operation::publish, topic).effect == Effect::allow;
}

bool DeviceIdentity::may_publish_by_name(std::string_view topic) const {
    if (!may_publish(topic)) return false;
    const auto names = [&](std::string_view filter) {
        return !core::has_leading_wildcard(filter) && rule_matches(filter, topic);
    };
    return first_that_fits(Effect::allow, Operation::publish, names).pattern != nullptr;
}

bool DeviceIdentity::may_subscribe(std::string_view filter) const {
    return judge(Operation::subscribe, filter).effect == Effect::allow;
}

bool DeviceIdentity::may_receive(std::string_view topic) const {
    if (!has_denied_subscriptions_) return true;
    const auto matches = [&](std::string_view filter) { return rule_matches(filter, topic); };
    return first_that_fits(Effect::deny, Operation::subscribe, matches).pattern == nullptr;
}

bool DeviceIdentity::has_rules_across_tenants() const {
    return !device_->profile->subscribe_across_tenants.empty() ||
           std::any_of(device_->rules.begin(), device_->rules.end(),
                       [](const Rule& rule) { return rule.across_tenants; });
}

bool DeviceIdentity::may_receive_across_tenants(std::string_view topic) const {
    const auto matches = [&](std::string_view filter) { return rule_matches(filter, topic); };
    for (const std::string& pattern : device_->profile->subscribe_across_tenants)
        if (pattern_fits(pattern, matches)) return true;
    return std::any_of(device_->rules.begin(), device_->rules.end(), [&](const Rule& rule) {
        return rule.across_tenants && rule.effect == Effect::allow &&
               rule.operation == Operation::subscribe && pattern_fits(rule.filter, matches);
    });
}

bool DeviceIdentity::has_rules_of(const core::Identity& other) const {
    const auto* identity = dynamic_cast<const DeviceIdentity*>(&other);
    return identity != nullptr && (identity->device_ == device_ || *identity->device_ == *device_);
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
    for (const std::string& pattern : profile_patterns(effect, operation))
        if (pattern_fits(pattern, fits)) return {&pattern, nullptr, effect};
    if (effect == Effect::allow && operation == Operation::subscribe)
        for (const std::string& pattern : device_->profile->subscribe_across_tenants)
            if (pattern_fits(pattern, fits)) return {&pattern, nullptr, effect};
    for (const Rule& rule : device_->rules)
        if (rule.effect == effect && rule.operation == operation && pattern_fits(rule.filter, fits))
            return {&rule.filter, &rule, effect};
    return {};
}

template <class Fits>
bool DeviceIdentity::pattern_fits(std::string_view pattern, Fits fits) const {
    if (pattern.find('{') == std::string_view::npos) return fits(pattern);
    // Asked for every message of a client that changes between topics; it keeps its memory, no
    // longer than the longest filter.
    thread_local std::string filled;
    Variables known = variables();
    if (pattern.find(channel_variable) == std::string_view::npos)
        return fill_in(pattern, known, filled) && fits(filled);
    return std::any_of(device_->channels.begin(), device_->channels.end(),
                       [&](const std::string& channel) {
                           known.channel = channel;
                           return fill_in(pattern, known, filled) && fits(filled);
                       });
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
