#include "broker/core/journal.hpp"

#include <algorithm>

namespace drawbridge::core {

std::size_t bytes_of(const Bundle& bundle) {
    std::size_t bytes = sizeof(Bundle) + bundle.sessions.size() * sizeof(KeptSession) +
                        bundle.subscriptions.size() * sizeof(KeptSubscription) +
                        bundle.received.size() * sizeof(KeptReceived) +
                        bundle.progress.size() * sizeof(KeptProgress) +
                        bundle.removed.size() * sizeof(KeptRange) +
                        bundle.ended.size() * sizeof(SessionId);
    for (const KeptMessage& message : bundle.messages)
        bytes += sizeof message + (message.message ? message.message->bytes() : 0);
    for (const std::string& topic : bundle.retained) bytes += sizeof topic + topic.size();
    for (const KeptPublish& kept : bundle.published) bytes += sizeof kept + kept.message->bytes();
    return bytes;
}

std::uint64_t Journal::Loaded::up_to() const {
    if (is_empty()) return asked.last;
    return std::max(messages.empty() ? 0 : messages.back().seq,
                    damaged.empty() ? 0 : damaged.back());
}

const char* to_text(Journal::State state) {
    switch (state) {
        case Journal::State::good:
            return "good";
        case Journal::State::no_space:
            return "no_space";
        case Journal::State::failing:
            return "failing";
    }
    return "";
}

}  // namespace drawbridge::core
