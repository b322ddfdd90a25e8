#include "tests/crash/record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>

#include "broker/wire/topic.hpp"

namespace drawbridge::crash {
namespace {

constexpr std::size_t stories_per_promise_max = 3;
constexpr std::size_t events_max = 12;

// A message's payload has a length of its own, so that rows and pages in files have as well.
std::size_t filler_bytes(std::uint32_t number) {
    const std::uint32_t chance = number * 2'654'435'761u >> 16;
    return chance % 16 == 0 ? chance % 3'000 : chance % 90;
}

double in_ms(Moment moment) { return static_cast<double>(moment) / millisecond; }

}  // namespace

Moment Record::now() {
    static const auto start = std::chrono::steady_clock::now();
    const Moment clock = std::chrono::duration_cast<std::chrono::nanoseconds>(
                             std::chrono::steady_clock::now() - start)
                             .count();
    last_ = std::max(last_ + 1, clock);
    return last_;
}

std::uint32_t Record::add(std::string topic, std::uint8_t qos) {
    const auto number = static_cast<std::uint32_t>(messages.size());
    if (topic[0] == 'r') retained_[topic].push_back(number);
    messages.push_back({.topic = std::move(topic), .qos = qos, .sent = now()});
    return number;
}

std::string Record::payload(std::uint32_t number) const {
    if (messages[number].removal) return "";
    std::string text = std::to_string(number) + ":";
    for (std::size_t i = filler_bytes(number); i > 0; --i)
        text += static_cast<char>('a' + (number + i) % 26);
    return text;
}

void Record::acknowledge(std::uint32_t number) {
    Message& message = messages[number];
    message.acknowledged = now();
    ++counts.acknowledged;
    if (message.topic[0] != 'r') return;
    std::uint32_t& newest = retained_acknowledged_.try_emplace(message.topic, number).first->second;
    newest = std::max(newest, number);
}

Subscription& Record::add_subscription(unsigned client, unsigned life, std::string filter,
                                       std::uint8_t qos) {
    const auto parsed = wire::parse_filter(filter, 128);
    subscriptions.push_back({.id = static_cast<std::uint32_t>(subscriptions.size() + 1),
                             .client = client,
                             .life = life,
                             .filter = std::string(parsed->filter),
                             .shared = !parsed->share.empty(),
                             .qos = qos,
                             .asked = now()});
    in_use_[client].push_back(&subscriptions.back());
    return subscriptions.back();
}

void Record::deliver(const Delivery& delivery) {
    if (delivery.payload.empty()) return;  // a removal that was passed on
    std::uint32_t number = 0;
    const char* const end = delivery.payload.data() + delivery.payload.size();
    const auto parsed = std::from_chars(delivery.payload.data(), end, number);
    if (parsed.ec != std::errc() || number >= messages.size() ||
        delivery.payload != payload(number) || delivery.topic != messages[number].topic)
        return complain("corrupt messages", fmt::format("{} got {} bytes on {} that nobody sent",
                                                        names[delivery.client],
                                                        delivery.payload.size(), delivery.topic));
    ++counts.delivered;
    if (delivery.retain) return;  // it may come again with each subscription

    const Message& message = messages[number];
    std::vector<std::uint8_t>& copies = copies_[delivery.client];
    if (copies.size() <= number) copies.resize(messages.size());
    const bool first = copies[number] == 0;
    if (copies[number] < 255) ++copies[number];
    judge_subscription(delivery, number, first);

    if (message.forbidden)
        complain("wills that were cancelled", names[delivery.client] + " got " + name(number));
    if (message.expiry_s > 0) judge_expiry(delivery, number, first);
}

// The broker had it from some moment between its PUBLISH and its acknowledgement on.
void Record::judge_expiry(const Delivery& delivery, std::uint32_t number, bool first) {
    const Message& message = messages[number];
    const Moment acknowledged = std::min(message.acknowledged, last_);
    const Moment expiry = message.expiry_s * second;
    if (first && !delivery.dup && now() > acknowledged + expiry + 2 * second)
        complain("expired messages", names[delivery.client] + " got " + story(number));
    if (!delivery.expiry_s) return;
    const Moment left = *delivery.expiry_s * second;
    const Moment most =
        std::max<Moment>(expiry - (last_ - acknowledged) + second + 100 * millisecond, 0);
    const Moment least = expiry - (last_ - message.sent) - second;
    if (left > std::min(most, expiry) || left < least)
        complain("wrong message expiry",
                 fmt::format("{} got {} at {:.1f} ms{} with {} s left of {} s",
                             names[delivery.client], story(number), in_ms(last_),
                             delivery.dup ? " (DUP)" : "", *delivery.expiry_s, message.expiry_s));
}

// Was it asked for, once, as it was asked for, and in order?
void Record::judge_subscription(const Delivery& delivery, std::uint32_t number, bool first) {
    const Message& message = messages[number];
    const std::string& who = names[delivery.client];
    Subscription* only = nullptr;
    unsigned possible = 0;
    for (Subscription* subscription : in_use_[delivery.client]) {
        if (subscription->life != delivery.life || subscription->released < message.sent) continue;
        if (!wire::matches(subscription->filter, message.topic)) continue;
        ++possible;
        only = subscription;
    }
    if (possible == 0)
        return complain("zombie subscriptions",
                        fmt::format("{} got what it had unsubscribed from, or never asked for: {}",
                                    who, story(number)));

    if (delivery.qos == 2 && !first && possible == 1)
        complain("duplicates at QoS 2", fmt::format("{} got {} again", who, story(number)));
    if (only->shared && delivery.qos == 2 && first) {
        for (unsigned other = 0; other < copies_.size(); ++other)
            if (other != delivery.client && has_got(other, number))
                complain("duplicates at QoS 2", fmt::format("{} got {}, and {} as well", who,
                                                            story(number), names[other]));
    }

    const bool certain = possible == 1 && only->granted < message.sent &&
                         only->release_asked == never && !only->shared;
    if (!certain) return;
    if (delivery.qos != std::min(message.qos, only->qos) ||
        (delivery.has_ids && delivery.ids != std::vector{only->id}))
        complain("wrong subscription options",
                 fmt::format("{} got {} at QoS {}, subscribed to {} with QoS {}", who, name(number),
                             delivery.qos, only->filter, only->qos));
    if (!first) return;
    // What was sent first may have expired, and another one come for it.
    if (message.expiry_s > 0 && message.sent_again > 0) return;
    auto [newest, is_new] = only->newest.try_emplace({message.topic, message.qos}, number);
    if (newest->second > number)
        complain("misordered",
                 fmt::format("{} got {} after {}", who, story(number), name(newest->second)));
    newest->second = std::max(newest->second, number);
}

bool Record::has_got(unsigned client, std::uint32_t number) const {
    return number < copies_[client].size() && copies_[client][number] > 0;
}

void Record::forbid(std::uint32_t number) {
    messages[number].forbidden = true;
    for (unsigned client = 0; client < copies_.size(); ++client)
        if (has_got(client, number))
            complain("wills that were cancelled", names[client] + " got " + name(number));
}

std::map<std::string, std::uint32_t> Record::retained_now() const { return retained_acknowledged_; }

void Record::judge_retained(const std::map<std::string, std::uint32_t>& promised,
                            const std::map<std::string, std::uint32_t>& found) {
    for (const auto& [topic, number] : promised) {
        ++counts.retained_read;
        const auto there = found.find(topic);
        if (there != found.end()) {
            if (there->second < number)
                complain("stale retained", fmt::format("a newcomer got {} and not {}",
                                                       story(there->second), story(number)));
            continue;
        }
        const std::vector<std::uint32_t>& all = retained_[topic];
        const auto removed =
            std::find_if(std::lower_bound(all.begin(), all.end(), number), all.end(),
                         [this](std::uint32_t later) { return messages[later].removal; });
        if (removed == all.end())
            complain("lost retained", fmt::format("a newcomer got nothing of {}", story(number)));
    }
}

bool Record::is_due(const Subscription& subscription, const Message& message) const {
    return message.acknowledged != never && !message.removal &&
           (message.expiry_s == 0 || message.expiry_s >= 3'600) &&
           subscription.granted < message.sent &&
           message.acknowledged < subscription.release_asked &&
           wire::matches(subscription.filter, message.topic);
}

std::size_t Record::gather_missing() {
    missing_.clear();
    std::set<std::uint32_t> of_groups;
    for (Subscription& subscription : subscriptions) {
        if (subscription.judged || subscription.granted == never) continue;
        if (subscription.release_asked != never) subscription.judged = true;
        if (subscription.forgiven || subscription.qos == 0) continue;
        for (auto number = judged_; number < messages.size(); ++number) {
            if (messages[number].sent > subscription.release_asked) break;
            const Missing missing{&subscription, number};
            if (!is_due(subscription, messages[number]) || came(missing)) continue;
            if (!subscription.shared || of_groups.insert(number).second)
                missing_.push_back(missing);
        }
    }
    judged_ = static_cast<std::uint32_t>(messages.size());
    for (std::vector<Subscription*>& in_use : in_use_)
        std::erase_if(in_use, [](const Subscription* one) { return one->released != never; });
    return missing_.size();
}

bool Record::came(const Missing& missing) const {
    if (!missing.subscription->shared) return has_got(missing.subscription->client, missing.number);
    for (unsigned client = 0; client < copies_.size(); ++client)
        if (has_got(client, missing.number)) return true;
    return false;
}

std::size_t Record::forget_what_came() {
    std::erase_if(missing_, [this](const Missing& missing) { return came(missing); });
    return missing_.size();
}

void Record::judge_missing() {
    for (const auto& [subscription, number] : missing_) {
        const Message& message = messages[number];
        const char* const promise = message.topic[0] == 'w' ? "lost wills"
                                    : message.probe         ? "lost subscriptions"
                                                            : "lost";
        complain(promise, fmt::format("{} subscribed to {} at {:.1f} ms and did not get {}",
                                      names[subscription->client], subscription->filter,
                                      in_ms(subscription->granted), story(number)));
    }
    missing_.clear();
}

void Record::complain(const std::string& promise, const std::string& story) {
    const std::uint64_t number = ++counts.broken[promise];
    if (told_ == nullptr || number > stories_per_promise_max) return;
    fmt::print(told_, "BROKEN  {}: {}\n", promise, story);
    if (number > 1) return;
    for (const auto& [when, event] : events_)
        fmt::print(told_, "    {:.1f} ms: {}\n", in_ms(when), event);
    fmt::print(told_, "    {:.1f} ms: now\n", in_ms(last_));
}

void Record::tell(const std::string& event) {
    events_.emplace_back(now(), event);
    if (events_.size() > events_max) events_.pop_front();
}

std::string Record::name(std::uint32_t number) const {
    return fmt::format("message {} on {} at QoS {}", number, messages[number].topic,
                       messages[number].qos);
}

std::string Record::story(std::uint32_t number) const {
    const Message& message = messages[number];
    std::string text = fmt::format("{} (sent at {:.1f} ms", name(number), in_ms(message.sent));
    if (message.sent_again > 0) text += fmt::format(", {} times again", message.sent_again);
    text += message.acknowledged == never
                ? ", not acknowledged)"
                : fmt::format(", acknowledged at {:.1f} ms)", in_ms(message.acknowledged));
    return text;
}

}  // namespace drawbridge::crash
