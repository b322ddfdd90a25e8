// Access rules: what a device may publish, and what it may subscribe to.
//
// Two sources: the profile's rules, shared by all its devices, and the device's own. Default deny;
// a deny beats an allow. A subscription is granted if one allowed filter covers it whole; a denied
// topic inside it is not delivered (may_receive). Threads: any; everything here is immutable once
// made. Limit:   limits::rules_per_device_max own rules.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "auth/api_key.hpp"
#include "auth/pattern.hpp"
#include "auth/profile.hpp"
#include "broker/core/identity.hpp"

namespace drawbridge::auth {

enum class Effect : std::uint8_t { allow, deny };
enum class Operation : std::uint8_t { publish, subscribe };

std::string_view to_text(Effect effect);        // "allow"
std::string_view to_text(Operation operation);  // "publish"

struct Rule {
    std::int64_t rule_id = 0;
    Effect effect = Effect::deny;
    Operation operation = Operation::publish;
    std::string filter;           // a pattern (pattern.hpp)
    bool across_tenants = false;  // allow subscribe: messages of other tenants as well

    friend bool operator==(const Rule&, const Rule&) = default;
};

// Can this be a rule's filter: known variables only, and a valid topic filter once they are filled
// in?
bool is_rule_filter(std::string_view filter);

// A device as the database describes it, without its keys. One snapshot is shared by the
// authenticator's memory and all sessions of the device.
struct Device {
    std::string device_id;
    std::string tenant;
    ProfilePtr profile;
    std::vector<Rule> rules;              // its own
    std::vector<std::string> channels{};  // that it is connected to

    friend bool operator==(const Device&, const Device&) = default;
};

using DevicePtr = std::shared_ptr<const Device>;

// How it was proved that a client is this device, and so what must stay for it to stay.
enum class ProvedBy : std::uint8_t {
    nothing,      // it was not: anonymous, or `device can`
    key,          // an API key, or a PSK
    certificate,  // which no command can take back; but the device can be disabled
};

class DeviceIdentity final : public core::Identity {
public:
    // key_id: of the API key or the PSK; "" if it was something else. as_of: the newest change in
    // the database that this knows of.
    DeviceIdentity(DevicePtr device, ProvedBy proved_by, std::string_view key_id = {},
                   std::int64_t as_of = 0);
    // The same client, of which other things are known now.
    DeviceIdentity(const DeviceIdentity& before, DevicePtr device);
    DeviceIdentity(const DeviceIdentity& before, DevicePtr device, std::int64_t as_of);

    std::string_view id() const override { return device_->device_id; }
    std::string_view tenant() const override { return device_->tenant; }
    std::string_view profile() const override { return device_->profile->name; }
    ProvedBy proved_by() const { return proved_by_; }
    std::string_view key_id() const { return {key_id_.data(), key_id_length_}; }
    const DevicePtr& device() const { return device_; }
    std::int64_t as_of() const { return as_of_; }

    bool may_publish(std::string_view topic) const override;
    bool may_publish_by_name(std::string_view topic) const override;
    bool may_subscribe(std::string_view filter) const override;
    bool may_receive(std::string_view topic) const override;
    bool has_denied_subscriptions() const override { return has_denied_subscriptions_; }
    core::TenantId tenant_id() const override { return tenant_id_; }
    bool has_rules_across_tenants() const override;
    bool may_receive_across_tenants(std::string_view topic) const override;
    const Limits* limits() const override {
        return device_->profile->limits ? &*device_->profile->limits : nullptr;
    }
    bool has_rules_of(const core::Identity& other) const override;

    core::Decision decide_publish(std::string_view topic) const override {
        return decide(Operation::publish, topic);
    }
    core::Decision decide_subscribe(std::string_view filter) const override {
        return decide(Operation::subscribe, filter);
    }
    core::Decision decide(Operation operation, std::string_view topic) const;

private:
    // The rule that decides. All empty: none speaks for it.
    struct Verdict {
        const std::string* pattern = nullptr;
        const Rule* own = nullptr;  // null: the profile's
        Effect effect = Effect::deny;
    };

    Verdict judge(Operation operation, std::string_view topic) const;
    template <class Fits>
    Verdict first_that_fits(Effect effect, Operation operation, Fits fits) const;
    template <class Fits>
    bool pattern_fits(std::string_view pattern, Fits fits) const;
    bool denies_subscriptions() const;
    const std::vector<std::string>& profile_patterns(Effect effect, Operation operation) const;
    Variables variables() const;

    DevicePtr device_;
    std::int64_t as_of_;
    std::array<char, key_id_size> key_id_{};
    core::TenantId tenant_id_;
    std::uint8_t key_id_length_ = 0;
    ProvedBy proved_by_;
    bool id_can_be_filled_in_;  // an anonymous client's id may hold anything, a wildcard too
    bool has_denied_subscriptions_;
};

}  // namespace drawbridge::auth
