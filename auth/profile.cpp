#include "auth/profile.hpp"

#include <fmt/format.h>

#include "auth/refused_change.hpp"

namespace drawbridge::auth {
namespace {

Profiles make_built_in() {
    Profiles profiles;
    profiles.add({
        .name = "core",
        .client_ids = {"{device_id}"},
        .usernames = {"{device_id}"},
        .publish = {"devices/{device_id}/telemetry"},
        .subscribe = {"devices/{device_id}/commands"},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    // One device is up to three clients at the same time: its own program, the edge agent, and the
    // export service.
    profiles.add({
        .name = "connhex",
        .client_ids = {"{device_id}", "agent-{device_id}", "export-{device_id}"},
        .usernames = {"{device_id}"},
        .publish = {"channels/{channel}/messages/#"},
        .subscribe = {"channels/{channel}/messages/#"},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    // Custom topics are for the device's own rules.
    profiles.add({
        .name = "losant",
        .client_ids = {"{device_id}"},
        .usernames = {"{device_id}", "{key_id}"},
        .publish = {"losant/{device_id}/state", "losant/{device_id}/fromAgent/#"},
        .subscribe = {"losant/{device_id}/command", "losant/{device_id}/toAgent/#"},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    profiles.add({
        .name = "open",
        .client_ids = {"*"},
        .usernames = {"{device_id}"},
        .publish = {"#"},
        .subscribe = {"#", std::string(all_dollar_topics)},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    profiles.add({
        .name = "service",
        .client_ids = {"{device_id}", "{device_id}/*"},  // several sessions
        .usernames = {"{device_id}"},
        // What NATS libraries ask for: services that answer, and JetStream, which does not.
        .publish = {"#", "$SRV/#", "$JS/API/#"},
        .subscribe = {"#", "$SRV/#"},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    return profiles;
}

const Profiles& the_built_in() {
    static const Profiles profiles = make_built_in();
    return profiles;
}

}  // namespace

Profiles Profiles::built_in(const Limits& limits) {
    Profiles profiles = the_built_in();
    profiles.limits_ = limits;
    return profiles;
}

bool Profiles::is_built_in(std::string_view name) { return the_built_in().find(name) != nullptr; }

void Profiles::add(Profile profile) {
    const std::string name = profile.name;
    if (!profile.own_limits.empty()) profile.limits = override_limits(limits_, profile.own_limits);
    by_name_[name] = std::make_shared<const Profile>(std::move(profile));
}

void Profiles::remove(std::string_view name) {
    const auto found = by_name_.find(name);
    if (found != by_name_.end()) by_name_.erase(found);
}

ProfilePtr Profiles::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

ProfilePtr Profiles::get(std::string_view name) const {
    if (ProfilePtr profile = find(name)) return profile;
    std::string names;
    for (const auto& [known, profile] : by_name_) names += (names.empty() ? "" : ", ") + known;
    throw RefusedChange(fmt::format(
        "there is no profile {}; choose one of {}, or add it with drawbridge profile add {} --file "
        "FILE",
        name, names, name));
}

std::vector<ProfilePtr> Profiles::list() const {
    std::vector<ProfilePtr> profiles;
    for (const auto& [name, profile] : by_name_) profiles.push_back(profile);
    return profiles;
}

}  // namespace drawbridge::auth
