// Who of a share group gets a message: somebody, as long as one of its members may have it.
// MQTT 5.0, section 4.8.2.
#include <fmt/format.h>

#include <deque>
#include <random>

#include "tests/support/scene.hpp"

using namespace drawbridge;
using namespace drawbridge::test;

namespace {

using Chance = std::mt19937_64;

// A member and what it may have. Each time it comes it has the next one of its rules; who has but
// one stays in the group for good, so that there is always somebody for the messages it may have.
struct Member {
    Member(ShardPump& pump, unsigned number, std::vector<Rules> its_rules)
        : client(pump, pump.id_at(number, fmt::format("member-{}", number))) {
        for (Rules& rules : its_rules) {
            rules.deny_subscribe.push_back("job/nobody");
            identities.push_back(identity(client.client_id(), std::move(rules)));
        }
    }
    void send_connect() {
        ConnectOptions options = persistent;
        options.identity = identities[++lives % identities.size()];
        options.receive_maximum = 2;  // so that it is busy at times
        client.send_connect(options);
    }
    bool may_have(const core::MessageView& message) const {
        return std::ranges::any_of(identities, [&](const core::IdentityPtr& one) {
            return one->may_be_given(message.topic, message.tenant);
        });
    }

    TestClient client;
    std::vector<core::IdentityPtr> identities;
    std::size_t lives = 0;
};

struct Sent {
    std::string topic;
    core::TenantId tenant = 0;

    core::MessageView view() const {
        core::MessageView made;
        made.topic = topic;
        made.tenant = tenant;
        return made;
    }
};

class Group {
public:
    Group(unsigned shards, std::uint64_t seed) : chance_(seed), pump_(settings(), shards, seed) {
        const std::vector<std::vector<Rules>> rules_of{
            {{.tenant = "acme"}},
            {{.tenant = "birch"}},
            {{.deny_subscribe = {"job/1"}, .tenant = "acme"}},
            {{.tenant = "birch", .across_tenants = {"job/2"}}},
            {{.tenant = "acme"}, {.tenant = "birch"}, {.deny_subscribe = {"job/2", "job/3"}}},
            {{.tenant = "cedar"}},
        };
        for (unsigned i = 0; i < rules_of.size(); ++i) {
            Member& member = members_.emplace_back(pump_, i, rules_of[i]);
            member.send_connect();
            member.client.send_subscribe("$share/g/job/#", {.qos = 1});
        }
        for (unsigned i = 0; i < tenants.size(); ++i) {
            TestClient& one =
                publishers_.emplace_back(pump_, pump_.id_at(i, fmt::format("publisher-{}", i)));
            one.send_connect({.identity = identity(one.client_id(), {.tenant = tenants[i]})});
        }
        pump_.settle();
    }

    void act() {
        if (chance_() % 3 != 0) {
            pump_.step();
        } else if (chance_() % 3 != 0) {
            publish();
        } else {
            Member& member = members_[chance_() % members_.size()];
            if (!member.client.is_connected())
                member.send_connect();
            else if (chance_() % 4 == 0)
                member.client.send_drop();
        }
    }

    void come_to_rest() {
        for (int round = 0; round < 3; ++round) {
            pump_.settle();
            for (Member& member : members_)
                if (!member.client.is_connected()) member.send_connect();
        }
    }

    // What is wrong; "" if nothing is.
    std::string judge() {
        std::vector<int> copies(sent_.size());
        for (const Member& member : members_)
            for (const Packet& got : member.client.messages) {
                const std::size_t number = std::stoul(got.payload);
                ++copies[number];
                if (!member.may_have(sent_[number].view()))
                    return fmt::format("{} got message {}, on {} of tenant {}",
                                       member.client.client_id(), number, sent_[number].topic,
                                       core::tenant_name(sent_[number].tenant));
            }
        std::uint64_t nobodys = 0;
        for (std::size_t i = 0; i < sent_.size(); ++i) {
            if (sent_[i].topic == "job/nobody")
                ++nobodys;
            else if (copies[i] == 0)
                return fmt::format("message {} of {} was lost", i, sent_.size());
        }
        const std::uint64_t dropped = pump_.count(&core::Stats::dropped_no_member);
        if (dropped != nobodys) return fmt::format("{} dropped, not {}", dropped, nobodys);
        return nobodys > 0 ? "" : "nobody could not have a message";
    }

private:
    static inline const std::vector<std::string> tenants{"acme", "birch", "", "cedar"};

    static core::Settings settings() {
        core::Settings made;
        made.duplicate_client_id = core::DuplicatePolicy::take_over;
        return made;
    }
    void publish() {
        const std::size_t publisher = chance_() % publishers_.size();
        const std::size_t topic = chance_() % 5;
        const std::string name = topic == 4 ? "job/nobody" : fmt::format("job/{}", topic);
        publishers_[publisher].send_publish(name, std::to_string(sent_.size()), {.qos = 1});
        sent_.push_back({name, core::tenant_id(tenants[publisher])});
    }

    Chance chance_;
    ShardPump pump_;
    std::deque<Member> members_;
    std::deque<TestClient> publishers_;
    std::vector<Sent> sent_;
};

}  // namespace

TEST_CASE("whoever comes and goes, a message of a group is lost only if nobody may have it",
          "[core][share][tenants]") {
    const unsigned shards = GENERATE(1u, 2u, 4u);
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        INFO("shards " << shards << ", seed " << seed);
        Group group(shards, seed);
        for (int i = 0; i < 2'000; ++i) group.act();
        group.come_to_rest();
        CHECK(group.judge() == "");
    }
}

TEST_CASE("a group knows at once that a member has come to another tenant",
          "[core][share][tenants]") {
    Scene scene;
    TestClient carol = scene.client(2, "carol");
    REQUIRE(scene.alice.connect({.identity = identity("alice", {.tenant = "acme"})}));
    const core::IdentityPtr of_birch = identity(scene.bob.client_id(), {.tenant = "birch"});
    for (TestClient* member : {&scene.bob, &carol}) {
        REQUIRE(member->connect({.identity = identity(member->client_id(), {.tenant = "acme"})}));
        member->subscribe("$share/g/job", {.qos = 1});
    }
    const auto publish_some = [&] {
        for (int i = 0; i < 4; ++i) scene.alice.publish("job", "x", {.qos = 1});
    };
    publish_some();
    CHECK(scene.bob.messages.size() == 2);
    CHECK(carol.messages.size() == 2);
    scene.give(scene.bob, of_birch);
    publish_some();
    CHECK(scene.bob.messages.size() == 2);
    CHECK(carol.messages.size() == 6);
    scene.give(carol, identity(carol.client_id(), {.tenant = "birch"}));
    publish_some();
    CHECK(carol.messages.size() == 6);
    CHECK(scene.pump.count(&core::Stats::dropped_no_member) == 4);
    scene.give(scene.bob,
               identity(scene.bob.client_id(), {.tenant = "birch", .across_tenants = {"job"}}));
    publish_some();
    CHECK(scene.bob.messages.size() == 6);
    CHECK(scene.pump.count(&core::Stats::dropped_no_member) == 4);
}
