// Topic aliases of one connection, one class for each direction. MQTT 5.0, section 3.3.2.3.4.
//
// Limit: max_topic_alias, both ways; towards the client its Topic Alias Maximum as well.
#pragma once

#include <boost/unordered/unordered_flat_map.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "broker/base/result.hpp"
#include "broker/core/text_hash.hpp"

namespace drawbridge::core {

// What the client's aliases stand for.
class ReceivedAliases {
public:
    // The topic that a PUBLISH means; topic: what it says, "" for the one its alias stands for.
    // maximum: the Topic Alias Maximum that the broker announced.
    Result<std::string_view> resolve(std::string_view topic, std::uint32_t alias,
                                     std::uint16_t maximum);
    bool is_empty() const { return topics_.empty(); }

private:
    std::vector<std::string> topics_;  // by alias - 1
};

// The aliases that the broker uses towards the client. The first topics get them and keep them: one
// that was replaced would have to be sent in full again.
class SentAliases {
public:
    explicit SentAliases(std::uint16_t maximum) : maximum_(maximum) {}

    struct Alias {
        std::uint16_t number = 0;  // 0: none
        bool known = false;        // to the client, so that the topic need not be sent
    };
    Alias find(std::string_view topic) const;
    // The client has been sent this topic with the new alias that find() gave.
    void remember(std::string_view topic);

private:
    const std::uint16_t maximum_;
    boost::unordered_flat_map<std::string, std::uint16_t, TextHash, std::equal_to<>> numbers_;
};

}  // namespace drawbridge::core
