// Profile: what devices of one kind are called and may do. Profiles: all that this broker knows, by
// name.
//
// Immutable once made, and shared by every device that has it (hence shared_ptr). Threads: any.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "auth/limit_overrides.hpp"
#include "broker/base/limits.hpp"

namespace drawbridge::auth {

struct Profile {
    std::string name;
    std::vector<std::string> client_ids;  // patterns (pattern.hpp); one must fit
    std::vector<std::string> usernames;   // likewise

    // Patterns of topic filters. In `subscribe` and `deny_subscribe`, all_dollar_topics stands for
    // every topic that begins with '$', which no filter of MQTT can say. {channel} stands for any
    // one of the device's channels.
    std::vector<std::string> publish;
    std::vector<std::string> subscribe;
    std::vector<std::string> deny_publish;
    std::vector<std::string> deny_subscribe;
    // Subscriptions that are allowed, and that messages of other tenants reach.
    std::vector<std::string> subscribe_across_tenants{};

    LimitOverrides own_limits{};
    std::optional<Limits> limits{};  // all of them, in the broker; nothing if none is its own
};

constexpr std::string_view all_dollar_topics = "$#";

using ProfilePtr = std::shared_ptr<const Profile>;

class Profiles {
public:
    // core, connhex, losant, open and service. limits: what the limits of a profile differ from.
    static Profiles built_in(const Limits& limits = {});
    static bool is_built_in(std::string_view name);

    // Takes the place of one of the same name.
    void add(Profile profile);
    void remove(std::string_view name);

    ProfilePtr find(std::string_view name) const;  // null if there is none
    // Throws RefusedChange, which names those that there are.
    ProfilePtr get(std::string_view name) const;
    std::vector<ProfilePtr> list() const;  // by name

private:
    std::map<std::string, ProfilePtr, std::less<>> by_name_;
    Limits limits_;
};

}  // namespace drawbridge::auth
