#include "auth/profile.hpp"

#include <fmt/format.h>

#include "auth/refused_change.hpp"

namespace drawbridge::auth {

Profiles Profiles::built_in() {
    Profiles profiles;
    profiles.add({
        .name = "core",
        .client_ids = {"{device_id}"},
        .username = "{device_id}",
        .publish = {"devices/{device_id}/telemetry"},
        .subscribe = {"devices/{device_id}/commands"},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    profiles.add({
        .name = "open",
        .client_ids = {"*"},
        .username = "{device_id}",
        .publish = {"#"},
        .subscribe = {"#", std::string(all_dollar_topics)},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    profiles.add({
        .name = "service",
        .client_ids = {"*"},  // several sessions, so several client ids
        .username = "{device_id}",
        .publish = {"#"},
        .subscribe = {"#"},
        .deny_publish = {},
        .deny_subscribe = {},
    });
    return profiles;
}

void Profiles::add(Profile profile) {
    const std::string name = profile.name;
    by_name_[name] = std::make_shared<const Profile>(std::move(profile));
}

ProfilePtr Profiles::find(std::string_view name) const {
    const auto found = by_name_.find(name);
    return found == by_name_.end() ? nullptr : found->second;
}

ProfilePtr Profiles::get(std::string_view name) const {
    if (ProfilePtr profile = find(name)) return profile;
    std::string names;
    for (const auto& [known, profile] : by_name_) names += (names.empty() ? "" : ", ") + known;
    throw RefusedChange(fmt::format("there is no profile {}; choose one of {}", name, names));
}

}  // namespace drawbridge::auth
