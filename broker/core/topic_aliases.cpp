#include "broker/core/topic_aliases.hpp"

namespace drawbridge::core {
namespace {

// The property takes three bytes, so a topic of less is shorter without an alias.
constexpr std::size_t property_bytes = 3;

}  // namespace

Result<std::string_view> ReceivedAliases::resolve(std::string_view topic, std::uint32_t alias,
                                                  std::uint16_t maximum) {
    if (alias > maximum) return Violation{Reason::topic_alias_invalid, "MQTT-3.3.2-9"};
    if (topics_.size() < alias) topics_.resize(alias);
    std::string& known = topics_[alias - 1];
    if (!topic.empty()) known = topic;
    if (known.empty()) return Violation{Reason::protocol_error, "MQTT-3.3.2.3.4"};
    return std::string_view(known);
}

SentAliases::Alias SentAliases::find(std::string_view topic) const {
    if (topic.size() <= property_bytes) return {};
    const auto found = numbers_.find(topic);
    if (found != numbers_.end()) return {found->second, true};
    if (numbers_.size() >= maximum_) return {};
    return {static_cast<std::uint16_t>(numbers_.size() + 1), false};
}

void SentAliases::remember(std::string_view topic) {
    numbers_.emplace(topic, static_cast<std::uint16_t>(numbers_.size() + 1));
}

}  // namespace drawbridge::core
