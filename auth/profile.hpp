// Profile: what devices of one kind are called and may do. Profiles: all that this broker knows, by
// name.
//
// Immutable once made, and shared by every device that has it (hence shared_ptr). Threads: any.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

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

    friend bool operator==(const Profile&, const Profile&) = default;
};

constexpr std::string_view all_dollar_topics = "$#";

using ProfilePtr = std::shared_ptr<const Profile>;

class Profiles {
public:
    // core, connhex, losant, open and service.
    static Profiles built_in();
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
};

}  // namespace drawbridge::auth
