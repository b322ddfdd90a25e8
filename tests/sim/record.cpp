#include "tests/sim/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "broker/wire/topic.hpp"

namespace drawbridge::test {

void Record::judge() {
    judge_order();
    judge_number_of_copies();
    judge_unsubscribed();
    judge_nothing_lost();
    judge_retained();
    judge_share_group();
}

std::string Record::name(std::uint32_t message) const {
    const SentMessage& sent = messages[message];
    return fmt::format("message {} of client {} on {} at QoS {}", message, sent.publisher,
                       sent.topic, sent.qos);
}

// MQTT5-4.6.0-5: for each publisher, topic and QoS, in the order sent. What comes again does not
// count.
void Record::judge_order() {
    std::map<std::tuple<unsigned, unsigned, unsigned, std::string, std::uint8_t>, std::uint32_t>
        newest;
    std::set<std::tuple<unsigned, unsigned, std::uint32_t>> known;
    for (const SeenMessage& got : seen) {
        const SentMessage& sent = messages[got.message];
        if (got.retain || sent.topic[0] == 's') continue;
        if (sent.sent_again && sent.qos == 1) continue;  // counts as another one, and may be late
        if (!known.emplace(got.client, got.life, got.message).second) continue;
        auto& last = newest[{got.client, got.life, sent.publisher, sent.topic, got.qos}];
        if (got.message < last)
            complain(fmt::format("client {} got {} after message {}", got.client, name(got.message),
                                 last));
        last = std::max(last, got.message);
    }
}

// QoS 0 at most once, QoS 2 exactly once at most: for each session, or for the whole share group. A
// retained message once for each subscription, live or kept.
void Record::judge_number_of_copies() {
    std::map<std::tuple<unsigned, unsigned, std::uint32_t, std::uint32_t>, int> copies;
    for (const SeenMessage& got : seen) {
        const SentMessage& sent = messages[got.message];
        if (sent.qos == 1 || got.qos == 1) continue;
        const bool shared = sent.topic[0] == 's';
        const bool retained = sent.topic[0] == 'r';
        // What a new subscription brings begins again where it was last known to be. What is
        // delivered at QoS 0 waits for no disk; and one member may have begun what another one has
        // from the disk.
        if (dies && (retained || shared || got.qos == 0)) continue;
        const unsigned client = shared ? 0 : got.client;
        const unsigned life = shared ? 0 : got.life;
        const std::uint32_t subscription = retained ? got.subscription_ids.at(0) : 0;
        if (++copies[{client, life, subscription, got.message}] == 2)
            complain(fmt::format("client {} got {} twice", got.client, name(got.message)));
    }
}

// MQTT5-3.10.4-2: nothing new for a subscription that has ended.
void Record::judge_unsubscribed() {
    for (const SeenMessage& got : seen) {
        for (const std::uint32_t id : got.subscription_ids) {
            const SentSubscription& subscription = subscriptions.at(id - 1);
            const bool too_late = got.qos == 0
                                      ? got.at > subscription.released_at
                                      : messages[got.message].sent_at > subscription.released_at;
            if (too_late)
                complain(fmt::format("client {} got {} for {} after UNSUBACK", got.client,
                                     name(got.message), subscription.filter));
        }
    }
}

// MQTT5-4.5.0-1: what was acknowledged to the publisher comes to each session that had subscribed
// before it was sent and that is still subscribed.
void Record::judge_nothing_lost() {
    std::set<std::pair<unsigned, std::uint32_t>> got_by;
    for (const SeenMessage& got : seen) got_by.emplace(got.client, got.message);
    for (const SentSubscription& subscription : subscriptions) {
        if (subscription.release_asked_at != never || subscription.qos == 0) continue;
        if (subscription.filter[0] == '$') continue;
        for (std::uint32_t message = 0; message < messages.size(); ++message) {
            const SentMessage& sent = messages[message];
            if (sent.qos == 0 || sent.acknowledged_at == never) continue;
            if (sent.sent_at < subscription.granted_at) continue;
            if (!wire::matches(subscription.filter, sent.topic)) continue;
            if (!got_by.contains({subscription.client, message}))
                complain(fmt::format("client {} never got {}", subscription.client, name(message)));
        }
    }
}

// MQTT5-3.3.1-9: a retained message that was acknowledged before SUBSCRIBE was sent comes, or a
// newer one does. (One at QoS 0 may have replaced it, and been lost with the connection.)
void Record::judge_retained() {
    for (const SentSubscription& subscription : subscriptions) {
        if (subscription.release_asked_at != never || subscription.granted_at == never) continue;
        std::map<std::string, std::uint32_t> oldest;
        std::set<std::string> came;
        for (std::uint32_t message = 0; message < messages.size(); ++message) {
            const SentMessage& sent = messages[message];
            if (sent.topic[0] != 'r' || !wire::matches(subscription.filter, sent.topic)) continue;
            if (sent.acknowledged_at <= subscription.sent_at) oldest[sent.topic] = message;
            if (sent.qos == 0 && oldest.contains(sent.topic)) came.insert(sent.topic);
            if (sent.acknowledged_at <= subscription.sent_at) came.erase(sent.topic);
        }
        for (const SeenMessage& got : seen) {
            const auto kept = oldest.find(messages[got.message].topic);
            if (got.client != subscription.client || got.at < subscription.sent_at) continue;
            if (kept != oldest.end() && got.message >= kept->second) came.insert(kept->first);
        }
        for (const auto& [topic, message] : oldest)
            if (!came.contains(topic))
                complain(fmt::format("client {} never got the retained {}", subscription.client,
                                     name(message)));
    }
}

// MQTT5-4.8.2: what a group that never was empty was sent comes to one of its members, if it may be
// offered again.
void Record::judge_share_group() {
    std::uint64_t begun_at = never;
    for (const SentSubscription& subscription : subscriptions)
        if (subscription.filter[0] == '$' && subscription.release_asked_at == never)
            begun_at = std::min(begun_at, subscription.granted_at);
    std::set<std::uint32_t> got_by_some;
    for (const SeenMessage& got : seen) got_by_some.insert(got.message);
    for (std::uint32_t message = 0; message < messages.size(); ++message) {
        const SentMessage& sent = messages[message];
        if (sent.topic[0] != 's' || sent.qos != 1 || sent.acknowledged_at == never) continue;
        if (sent.sent_at < begun_at || got_by_some.contains(message)) continue;
        complain(fmt::format("no member of the share group got {}", name(message)));
    }
}

}  // namespace drawbridge::test
