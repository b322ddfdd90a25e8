// Does the crash test see what it is there to see? Each promise is broken by hand once, and kept
// once under circumstances that look alike. Method: a record, and what clients would have told it;
// no broker.
#include "tests/crash/record.hpp"

#include <catch2/catch.hpp>

using namespace drawbridge::crash;

namespace {

constexpr unsigned anna = 0;
constexpr unsigned bert = 1;

struct Story {
    Record record{2, nullptr};

    Story() { record.names = {"anna", "bert"}; }

    Subscription& subscribed(unsigned client, const char* filter, std::uint8_t qos) {
        Subscription& subscription = record.add_subscription(client, 0, filter, qos);
        subscription.granted = record.now();
        return subscription;
    }
    std::uint32_t published(const char* topic, std::uint8_t qos) {
        const std::uint32_t number = record.add(topic, qos);
        record.acknowledge(number);
        return number;
    }
    void got(unsigned client, std::uint32_t number, std::uint8_t qos,
             std::vector<std::uint32_t> ids = {}) {
        const std::string payload = record.payload(number);
        record.deliver({.client = client,
                        .topic = record.messages[number].topic,
                        .payload = payload,
                        .qos = qos,
                        .expiry_s = expiry_s,
                        .has_ids = !ids.empty(),
                        .ids = std::move(ids)});
    }
    std::optional<std::uint32_t> expiry_s;  // of what is got
    std::uint64_t broken(const char* promise) { return record.counts.broken[promise]; }
    std::uint64_t lost() {
        record.gather_missing();
        record.judge_missing();
        return broken("lost");
    }
};

}  // namespace

TEST_CASE("crash: a message that was acknowledged and has not come is lost", "[crash]") {
    Story story;
    story.subscribed(anna, "t/#", 1);
    const std::uint32_t first = story.published("t/1", 1);
    story.published("t/1", 2);
    story.got(anna, first, 1);
    CHECK(story.lost() == 1);
    CHECK(story.record.counts.broken.size() == 1);
}

TEST_CASE("crash: a message that was not acknowledged is not lost", "[crash]") {
    Story story;
    story.subscribed(anna, "t/#", 1);
    story.record.add("t/1", 1);
    CHECK(story.lost() == 0);
}

TEST_CASE("crash: nothing is lost outside the time of a subscription", "[crash]") {
    Story story;
    story.published("t/1", 1);
    Subscription& subscription = story.record.add_subscription(anna, 0, "t/#", 1);
    story.published("t/1", 1);
    subscription.granted = story.record.now();
    subscription.release_asked = story.record.now();
    story.published("t/1", 1);
    CHECK(story.lost() == 0);
}

TEST_CASE("crash: what came before the UNSUBSCRIBE is owed, unless the session was ended",
          "[crash]") {
    const bool ended = GENERATE(false, true);
    Story story;
    Subscription& subscription = story.subscribed(anna, "t/#", 1);
    story.published("t/1", 1);
    subscription.release_asked = story.record.now();
    subscription.forgiven = ended;
    CHECK(story.lost() == (ended ? 0 : 1));
}

TEST_CASE("crash: a probe that has not come is a lost subscription", "[crash]") {
    Story story;
    story.subscribed(anna, "t/#", 1);
    story.record.messages[story.published("t/1", 1)].probe = true;
    CHECK(story.lost() == 0);
    CHECK(story.broken("lost subscriptions") == 1);
}

TEST_CASE("crash: a message may come twice at QoS 1, and not at QoS 2", "[crash]") {
    Story story;
    story.subscribed(anna, "t/1", 1);
    story.subscribed(anna, "t/2", 2);
    const std::uint32_t once = story.published("t/1", 1);
    const std::uint32_t twice = story.published("t/2", 2);
    for (int i = 0; i < 2; ++i) story.got(anna, once, 1);
    CHECK(story.record.counts.broken.empty());
    for (int i = 0; i < 2; ++i) story.got(anna, twice, 2);
    CHECK(story.broken("duplicates at QoS 2") == 1);
}

TEST_CASE("crash: messages of a topic come in order, but for those that come again", "[crash]") {
    Story story;
    story.subscribed(anna, "t/#", 1);
    const std::uint32_t first = story.published("t/1", 1);
    const std::uint32_t other = story.published("t/2", 1);
    const std::uint32_t second = story.published("t/1", 1);
    const std::uint32_t third = story.published("t/1", 1);
    for (const std::uint32_t number : {first, third, first, other}) story.got(anna, number, 1);
    CHECK(story.record.counts.broken.empty());
    story.got(anna, second, 1);
    CHECK(story.broken("misordered") == 1);
}

TEST_CASE("crash: what was sent after UNSUBACK must not come, what was sent before may",
          "[crash]") {
    Story story;
    Subscription& subscription = story.subscribed(anna, "t/#", 1);
    const std::uint32_t before = story.published("t/1", 1);
    subscription.release_asked = story.record.now();
    subscription.released = story.record.now();
    const std::uint32_t after = story.published("t/1", 1);
    story.got(anna, before, 1);
    CHECK(story.record.counts.broken.empty());
    story.got(anna, after, 1);
    CHECK(story.broken("zombie subscriptions") == 1);
}

TEST_CASE("crash: what is of another life of the session must not come", "[crash]") {
    Story story;
    story.subscribed(anna, "t/#", 1).life = 1;
    story.got(anna, story.published("t/1", 1), 1);
    CHECK(story.broken("zombie subscriptions") == 1);
}

TEST_CASE("crash: a payload or a topic that nobody sent is seen", "[crash]") {
    Story story;
    story.subscribed(anna, "t/#", 1);
    const std::uint32_t number = story.published("t/1", 1);
    const std::string payload = story.record.payload(number);
    story.record.deliver(
        {.client = anna, .topic = "t/2", .payload = payload, .qos = 1, .expiry_s = {}, .ids = {}});
    story.record.deliver(
        {.client = anna, .topic = "t/1", .payload = "7:", .qos = 1, .expiry_s = {}, .ids = {}});
    story.record.deliver(
        {.client = anna, .topic = "t/1", .payload = "?", .qos = 1, .expiry_s = {}, .ids = {}});
    CHECK(story.broken("corrupt messages") == 3);
}

TEST_CASE("crash: a subscription comes back with its QoS and its identifier", "[crash]") {
    Story story;
    const std::uint32_t id = story.subscribed(anna, "t/#", 2).id;
    const std::uint32_t number = story.published("t/1", 2);
    story.got(anna, number, 2, {id});
    CHECK(story.record.counts.broken.empty());
    story.got(anna, story.published("t/1", 2), 1, {id});
    story.got(anna, story.published("t/1", 2), 2, {id + 1});
    CHECK(story.broken("wrong subscription options") == 2);
}

TEST_CASE("crash: one member of a share group gets a message, at QoS 2 only one", "[crash]") {
    Story story;
    for (const unsigned member : {anna, bert}) {
        story.subscribed(member, "$share/g/s/1", 1);
        story.subscribed(member, "$share/g/s/2", 2);
    }
    const std::uint32_t at_least_once = story.published("s/1", 1);
    const std::uint32_t once = story.published("s/2", 2);
    story.got(anna, at_least_once, 1);
    story.got(bert, at_least_once, 1);
    story.got(bert, once, 2);
    story.published("s/1", 1);
    CHECK(story.lost() == 1);
    CHECK(story.broken("duplicates at QoS 2") == 0);
    story.got(anna, once, 2);
    CHECK(story.broken("duplicates at QoS 2") == 1);
}

TEST_CASE("crash: a newcomer gets the last retained message that was acknowledged, or a later one",
          "[crash]") {
    Story story;
    Record& record = story.record;
    const std::uint32_t first = story.published("r/1", 1);
    const std::uint32_t second = story.published("r/1", 1);
    const std::uint32_t third = record.add("r/1", 1);
    const auto promised = record.retained_now();
    record.judge_retained(promised, {{"r/1", second}});
    record.judge_retained(promised, {{"r/1", third}});
    CHECK(record.counts.broken.empty());
    record.judge_retained(promised, {{"r/1", first}});
    CHECK(story.broken("stale retained") == 1);
    record.judge_retained(promised, {});
    CHECK(story.broken("lost retained") == 1);
    record.messages[third].removal = true;
    record.judge_retained(promised, {});
    CHECK(story.broken("lost retained") == 1);
}

TEST_CASE("crash: a retained message that was removed does not come back", "[crash]") {
    Story story;
    const std::uint32_t first = story.published("r/1", 1);
    const std::uint32_t removal = story.published("r/1", 1);
    story.record.messages[removal].removal = true;
    story.record.judge_retained(story.record.retained_now(), {});
    CHECK(story.record.counts.broken.empty());
    story.record.judge_retained(story.record.retained_now(), {{"r/1", first}});
    CHECK(story.broken("stale retained") == 1);
}

TEST_CASE("crash: a will comes if it is claimed, and not if its client was back in time",
          "[crash]") {
    Story story;
    story.subscribed(anna, "w/#", 2);
    const std::uint32_t cancelled = story.record.add("w/1", 2);
    story.record.forbid(cancelled);
    story.published("w/1", 2);
    story.lost();
    CHECK(story.broken("lost wills") == 1);
    story.got(anna, cancelled, 2);
    CHECK(story.broken("wills that were cancelled") == 1);
}

TEST_CASE("crash: a message expires by the time since it was sent", "[crash]") {
    Story story;
    Record& record = story.record;
    story.subscribed(anna, "e/#", 1);
    const std::uint32_t number = story.published("e/1", 1);
    Message& message = record.messages[number];
    message.expiry_s = 10;
    message.sent -= 5 * second;
    message.acknowledged -= 5 * second;
    for (const std::uint32_t right : {4u, 5u}) {
        story.expiry_s = right;
        story.got(anna, number, 1);
    }
    CHECK(record.counts.broken.empty());
    for (const std::uint32_t wrong : {3u, 10u}) {
        story.expiry_s = wrong;
        story.got(anna, number, 1);
    }
    CHECK(story.broken("wrong message expiry") == 2);

    CHECK(story.broken("expired messages") == 0);
    story.subscribed(bert, "e/#", 1);
    message.acknowledged -= 8 * second;
    story.expiry_s.reset();
    story.got(bert, number, 1);
    CHECK(story.broken("expired messages") == 1);
}
