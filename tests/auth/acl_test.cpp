// Access rules: who decides, and which way. No database.
#include "auth/acl.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "tests/core/random_topics.hpp"

namespace drawbridge::auth {
namespace {

ProfilePtr built_in(std::string_view name) { return Profiles::built_in().get(name); }

DeviceIdentity identity(ProfilePtr profile, std::vector<Rule> rules = {},
                        std::string tenant = "acme", std::string id = "pump-17") {
    return DeviceIdentity(
        std::make_shared<const Device>(
            Device{std::move(id), std::move(tenant), std::move(profile), std::move(rules)}),
        ProvedBy::key, "AbCd1234");
}

Rule rule(Effect effect, Operation operation, std::string filter) {
    return {.rule_id = 7, .effect = effect, .operation = operation, .filter = std::move(filter)};
}

ProfilePtr profile_with(std::vector<std::string> subscribe, std::vector<std::string> deny) {
    return std::make_shared<const Profile>(Profile{.name = "test",
                                                   .client_ids = {},
                                                   .usernames = {},
                                                   .publish = {},
                                                   .subscribe = std::move(subscribe),
                                                   .deny_publish = {},
                                                   .deny_subscribe = std::move(deny)});
}

TEST_CASE("core: a device publishes its own telemetry and reads its own commands", "[auth][acl]") {
    const DeviceIdentity pump = identity(built_in("core"));
    CHECK(pump.may_publish("devices/pump-17/telemetry"));
    CHECK_FALSE(pump.may_publish("devices/pump-18/telemetry"));
    CHECK_FALSE(pump.may_publish("devices/pump-17/commands"));
    CHECK_FALSE(pump.may_publish("devices/pump-17/telemetry/x"));
    CHECK(pump.may_subscribe("devices/pump-17/commands"));
    CHECK_FALSE(pump.may_subscribe("devices/pump-18/commands"));
    CHECK_FALSE(pump.may_subscribe("devices/pump-17/telemetry"));
    CHECK_FALSE(pump.may_subscribe("devices/+/commands"));
    CHECK_FALSE(pump.may_subscribe("#"));
    CHECK_FALSE(pump.has_denied_subscriptions());
    CHECK(pump.may_receive("devices/pump-17/commands"));
}

TEST_CASE("losant: state and fromAgent up, command and toAgent down, of the device alone",
          "[auth][acl]") {
    const DeviceIdentity pump = identity(built_in("losant"));
    CHECK(pump.may_publish("losant/pump-17/state"));
    CHECK(pump.may_publish("losant/pump-17/fromAgent/hello"));
    CHECK_FALSE(pump.may_publish("losant/pump-17/command"));
    CHECK_FALSE(pump.may_publish("losant/pump-17/toAgent/flows"));
    CHECK_FALSE(pump.may_publish("losant/pump-18/state"));
    CHECK_FALSE(pump.may_publish("custom/topic"));
    CHECK(pump.may_subscribe("losant/pump-17/command"));
    CHECK(pump.may_subscribe("losant/pump-17/toAgent/flows"));
    CHECK(pump.may_subscribe("losant/pump-17/toAgent/virtualButton"));
    CHECK(pump.may_subscribe("losant/pump-17/toAgent/#"));
    CHECK_FALSE(pump.may_subscribe("losant/pump-17/#"));
    CHECK_FALSE(pump.may_subscribe("losant/+/toAgent/flows"));
    CHECK_FALSE(pump.may_subscribe("losant/pump-17/state"));
    const DeviceIdentity custom =
        identity(built_in("losant"), {rule(Effect::allow, Operation::subscribe, "custom/#")});
    CHECK(custom.may_subscribe("custom/topic"));
    CHECK_FALSE(custom.may_publish("custom/topic"));
}

DeviceIdentity connected_to(std::vector<std::string> channels) {
    return DeviceIdentity(std::make_shared<const Device>(Device{
                              "pump-17", "acme", built_in("connhex"), {}, std::move(channels)}),
                          ProvedBy::key, "AbCd1234");
}

TEST_CASE("connhex: both ways in each channel that the device is connected to", "[auth][acl]") {
    const DeviceIdentity pump = connected_to({"c1", "c2"});
    for (const char* topic : {"channels/c1/messages", "channels/c2/messages/services/meter"}) {
        CHECK(pump.may_publish(topic));
        CHECK(pump.may_subscribe(topic));
    }
    CHECK(pump.may_subscribe("channels/c2/messages/services/+"));
    CHECK(pump.may_subscribe("channels/c1/messages/#"));
    CHECK_FALSE(pump.may_publish("channels/c3/messages"));
    CHECK_FALSE(pump.may_publish("channels/c1/other"));
    CHECK_FALSE(pump.may_subscribe("channels/c3/messages/#"));
    CHECK_FALSE(pump.may_subscribe("channels/+/messages"));
    CHECK_FALSE(pump.may_subscribe("channels/c1/#"));
}

TEST_CASE("a device without channels has no topic of a rule that names the channel",
          "[auth][acl]") {
    const DeviceIdentity pump = connected_to({});
    CHECK_FALSE(pump.may_publish("channels/c1/messages"));
    CHECK_FALSE(pump.may_publish("channels//messages"));
    CHECK_FALSE(pump.may_subscribe("channels/{channel}/messages"));
}

TEST_CASE("a pattern that names the channel twice means the same one", "[auth][acl]") {
    const ProfilePtr profile = profile_with({"a/{channel}/b/{channel}"}, {});
    const DeviceIdentity pump(
        std::make_shared<const Device>(Device{"pump-17", "acme", profile, {}, {"c1", "c2"}}),
        ProvedBy::nothing);
    CHECK(pump.may_subscribe("a/c2/b/c2"));
    CHECK_FALSE(pump.may_subscribe("a/c1/b/c2"));
}

TEST_CASE("an identity with another device keeps its key, and nothing of the old rules",
          "[auth][acl]") {
    const DeviceIdentity before = identity(profile_with({"#"}, {"x"}));
    const DeviceIdentity after(before, connected_to({"c1"}).device());
    CHECK(after.key_id() == "AbCd1234");
    CHECK_FALSE(after.has_denied_subscriptions());
    CHECK(after.may_subscribe("channels/c1/messages"));
    CHECK_FALSE(after.may_subscribe("y"));
}

TEST_CASE("service: all topics but those that begin with $, and what NATS libraries need of those",
          "[auth][acl]") {
    const DeviceIdentity service = identity(built_in("service"));
    CHECK(service.may_publish("$JS/API/INFO"));
    CHECK_FALSE(service.may_publish("$JS/ACK/a"));
    CHECK_FALSE(service.may_subscribe("$JS/API/#"));
    CHECK(service.may_publish("$SRV/PING"));
    CHECK(service.may_subscribe("$SRV/#"));
    CHECK(service.may_publish("a/b"));
    CHECK_FALSE(service.may_publish("$SYS/x"));
    CHECK(service.may_subscribe("#"));
    CHECK(service.may_subscribe("+/+"));
    CHECK_FALSE(service.may_subscribe("$SYS/#"));
}

TEST_CASE("open: everything", "[auth][acl]") {
    const DeviceIdentity open = identity(built_in("open"));
    CHECK(open.may_publish("a/b"));
    CHECK(open.may_subscribe("#"));
    CHECK(open.may_subscribe("$SYS/#"));
    CHECK(open.may_subscribe("$SYS/broker/uptime"));
}

TEST_CASE("a subscription is granted only if an allowed filter covers it whole", "[auth][acl]") {
    const DeviceIdentity reader = identity(profile_with({"a/+/c", "d/#"}, {}));
    CHECK(reader.may_subscribe("a/+/c"));
    CHECK(reader.may_subscribe("a/b/c"));
    CHECK_FALSE(reader.may_subscribe("a/+/+"));
    CHECK_FALSE(reader.may_subscribe("a/#"));
    CHECK(reader.may_subscribe("d"));
    CHECK(reader.may_subscribe("d/+/#"));
    CHECK_FALSE(reader.may_subscribe("+/d"));
}

TEST_CASE("a deny beats an allow", "[auth][acl]") {
    const DeviceIdentity denied = identity(
        built_in("core"), {rule(Effect::deny, Operation::publish, "devices/{device_id}/telemetry"),
                           rule(Effect::allow, Operation::publish, "devices/{device_id}/telemetry"),
                           rule(Effect::allow, Operation::publish, "logs/#"),
                           rule(Effect::deny, Operation::publish, "logs/secret")});
    CHECK_FALSE(denied.may_publish("devices/pump-17/telemetry"));
    CHECK(denied.may_publish("logs/today"));
    CHECK_FALSE(denied.may_publish("logs/secret"));
    CHECK(denied.may_subscribe("devices/pump-17/commands"));
}

TEST_CASE("a denied topic inside a granted wildcard is not delivered", "[auth][acl]") {
    const DeviceIdentity reader = identity(profile_with({"#"}, {"plant/secret/#"}));
    CHECK(reader.has_denied_subscriptions());
    CHECK(reader.may_subscribe("plant/#"));
    CHECK_FALSE(reader.may_subscribe("plant/secret/#"));
    CHECK_FALSE(reader.may_subscribe("plant/secret/a"));
    CHECK(reader.may_receive("plant/open"));
    CHECK_FALSE(reader.may_receive("plant/secret/a"));
    CHECK_FALSE(reader.may_receive("plant/secret"));
}

TEST_CASE("a device's own deny of a subscription counts as one", "[auth][acl]") {
    const DeviceIdentity reader =
        identity(profile_with({"#"}, {}), {rule(Effect::deny, Operation::subscribe, "x")});
    CHECK(reader.has_denied_subscriptions());
    CHECK_FALSE(reader.may_receive("x"));
    CHECK(reader.may_receive("y"));
}

TEST_CASE("a rule that names the tenant says nothing of a device without one", "[auth][acl]") {
    const ProfilePtr profile = profile_with({"tenants/{tenant}/#"}, {});
    CHECK(identity(profile).may_subscribe("tenants/acme/x"));
    CHECK_FALSE(identity(profile).may_subscribe("tenants/other/x"));
    CHECK_FALSE(identity(profile, {}, "").may_subscribe("tenants//x"));
    CHECK_FALSE(identity(profile, {}, "").may_subscribe("tenants/acme/x"));
}

TEST_CASE("an anonymous client whose id is a wildcard gets no rule that names the id",
          "[auth][acl]") {
    CHECK_FALSE(identity(built_in("core"), {}, "", "+").may_subscribe("devices/+/commands"));
    CHECK_FALSE(identity(built_in("core"), {}, "", "+").may_subscribe("devices/a/commands"));
    CHECK_FALSE(identity(built_in("core"), {}, "", "a/b").may_publish("devices/a/b/telemetry"));
    CHECK_FALSE(identity(built_in("core"), {}, "", "").may_publish("devices//telemetry"));
    CHECK(identity(built_in("core"), {}, "", "ab").may_publish("devices/ab/telemetry"));
}

TEST_CASE("a decision names the rule that decides", "[auth][acl]") {
    const DeviceIdentity pump =
        identity(built_in("core"), {rule(Effect::deny, Operation::publish, "x/#")});
    const auto allowed = pump.decide(Operation::publish, "devices/pump-17/telemetry");
    CHECK(allowed.allowed);
    CHECK(allowed.rule == "allowed by profile core: publish devices/{device_id}/telemetry");
    const auto own = pump.decide(Operation::publish, "x/y");
    CHECK_FALSE(own.allowed);
    CHECK(own.rule == "denied by the device's rule 7: publish x/#");
    const auto none = pump.decide(Operation::subscribe, "#");
    CHECK_FALSE(none.allowed);
    CHECK(none.rule == "denied: no rule of profile core or of the device allows it");
}

TEST_CASE("a rule across tenants grants the subscription and what other tenants say there",
          "[auth][acl]") {
    Rule across = rule(Effect::allow, Operation::subscribe, "shared/{tenant}/#");
    const DeviceIdentity walled = identity(profile_with({"#"}, {}), {across});
    CHECK(walled.tenant_id() == core::tenant_id("acme"));
    CHECK(walled.tenant_id() != core::tenant_id("birch"));
    CHECK_FALSE(walled.has_rules_across_tenants());
    CHECK_FALSE(walled.may_receive_across_tenants("shared/acme/x"));
    across.across_tenants = true;
    const DeviceIdentity open = identity(profile_with({}, {"shared/acme/secret"}), {across});
    CHECK(open.has_rules_across_tenants());
    CHECK(open.may_subscribe("shared/acme/+"));
    CHECK(open.may_receive_across_tenants("shared/acme/x"));
    CHECK_FALSE(open.may_receive_across_tenants("shared/birch/x"));
    CHECK_FALSE(open.may_receive("shared/acme/secret"));
    CHECK(identity(profile_with({}, {}), {}, "").tenant_id() == 0);
}

TEST_CASE("a profile's filter across tenants grants the subscription, too", "[auth][acl]") {
    Profile profile = *profile_with({"a"}, {});
    profile.subscribe_across_tenants = {"news/+"};
    const DeviceIdentity reader = identity(std::make_shared<const Profile>(profile));
    CHECK(reader.may_subscribe("news/today"));
    CHECK_FALSE(reader.may_subscribe("news/#"));
    CHECK(reader.may_receive_across_tenants("news/today"));
    CHECK_FALSE(reader.may_receive_across_tenants("a"));
    CHECK(reader.decide(Operation::subscribe, "news/today").rule ==
          "allowed by profile test: subscribe news/+");
}

TEST_CASE("identities of equal devices have the same rules, whatever key was shown",
          "[auth][acl]") {
    const ProfilePtr profile = profile_with({"#"}, {});
    const auto of = [&](std::vector<Rule> rules, std::string tenant, const char* key_id) {
        return DeviceIdentity(std::make_shared<const Device>(
                                  Device{"pump-17", std::move(tenant), profile, std::move(rules)}),
                              ProvedBy::key, key_id);
    };
    const Rule one = rule(Effect::deny, Operation::publish, "x");
    CHECK(of({one}, "acme", "AbCd1234").has_rules_of(of({one}, "acme", "EfGh5678")));
    CHECK_FALSE(of({one}, "acme", "").has_rules_of(of({}, "acme", "")));
    CHECK_FALSE(of({one}, "acme", "").has_rules_of(of({one}, "birch", "")));
    CHECK_FALSE(of({}, "acme", "").has_rules_of(identity(profile_with({"#"}, {}))));
}

// Method: seeded random rules and filters; what is granted is compared, topic by topic, with the
// slow reference of what the rules say.
TEST_CASE("a granted subscription brings no topic that no rule allows, nor one that is denied",
          "[auth][acl]") {
    const unsigned seed = GENERATE(1u, 2u, 3u, 4u);
    INFO("seed " << seed);
    std::mt19937 random(seed);
    int granted = 0;
    int refused = 0;
    for (int round = 0; round < 400; ++round) {
        const auto some = [&](std::size_t most) {
            std::vector<std::string> filters(random() % (most + 1));
            for (std::string& filter : filters) filter = test::random_filter(random);
            return filters;
        };
        const auto allowed = some(3);
        const auto denied = some(2);
        const DeviceIdentity reader = identity(profile_with(allowed, denied));
        const auto one_of = [](const std::vector<std::string>& filters, const auto& holds) {
            return std::any_of(filters.begin(), filters.end(), holds);
        };
        for (int i = 0; i < 20; ++i) {
            const std::string filter = test::random_filter(random);
            const bool expected =
                one_of(allowed, [&](auto& f) { return test::naive_covers(f, filter); }) &&
                !one_of(denied, [&](auto& f) { return test::naive_covers(f, filter); });
            INFO(filter);
            REQUIRE(reader.may_subscribe(filter) == expected);
            ++(expected ? granted : refused);
            if (!expected) continue;
            for (int topics = 0; topics < 20; ++topics) {
                const std::string topic = test::random_topic(random);
                if (!test::naive_matches(filter, topic)) continue;
                const auto matches = [&](auto& f) { return test::naive_matches(f, topic); };
                INFO(topic);
                REQUIRE(one_of(allowed, matches));
                const bool reaches = !one_of(denied, matches);
                REQUIRE(reader.may_receive(topic) == reaches);
                REQUIRE(reader.may_subscribe(topic) == reaches);  // as what waits is judged
            }
        }
    }
    CHECK(granted > 200);
    CHECK(refused > 200);
}

TEST_CASE("topics that begin with $ are for filters that begin with $", "[auth][acl]") {
    const DeviceIdentity wide = identity(profile_with({"#", "+/#"}, {}));
    for (const char* filter : {"$SYS/#", "$SYS/broker/uptime", "$SYS", "$x/+"})
        CHECK_FALSE(wide.may_subscribe(filter));
    const DeviceIdentity some = identity(profile_with({"$SYS/broker/#"}, {}));
    CHECK(some.may_subscribe("$SYS/broker/uptime"));
    CHECK(some.may_subscribe("$SYS/broker/#"));
    CHECK_FALSE(some.may_subscribe("$SYS/#"));
    CHECK_FALSE(some.may_subscribe("#"));
    const DeviceIdentity all = identity(profile_with({"$#"}, {"$SYS/secret/#"}));
    CHECK(all.may_subscribe("$SYS/#"));
    CHECK(all.may_subscribe("$x"));
    CHECK_FALSE(all.may_subscribe("$SYS/secret/x"));
    CHECK_FALSE(all.may_receive("$SYS/secret/x"));
    CHECK_FALSE(all.may_subscribe("x"));
}

TEST_CASE("a rule's filter is a topic filter with known variables", "[auth][acl]") {
    CHECK(is_rule_filter("a/+/#"));
    CHECK(is_rule_filter("devices/{device_id}/{tenant}"));
    CHECK_FALSE(is_rule_filter(""));
    CHECK_FALSE(is_rule_filter("a/#/b"));
    CHECK_FALSE(is_rule_filter("a/{device}"));
    CHECK_FALSE(is_rule_filter("a/{device_id"));
    CHECK_FALSE(is_rule_filter("a/{key_id}"));
}

TEST_CASE("a pattern of names fits what it says, and with a * any rest", "[auth][pattern]") {
    const Variables pump{.device_id = "pump", .tenant = "", .key_id = "K"};
    CHECK(fits("{device_id}", pump, "pump"));
    CHECK_FALSE(fits("{device_id}", pump, "pump-1"));
    CHECK(fits("agent-{device_id}", pump, "agent-pump"));
    CHECK_FALSE(fits("agent-{device_id}", pump, "pump"));
    CHECK(fits("{device_id}-*", pump, "pump-1"));
    CHECK_FALSE(fits("{device_id}-*", pump, "pump"));
    CHECK(fits("*", pump, ""));
    CHECK(fits("{key_id}", pump, "K"));
    CHECK_FALSE(fits("{tenant}*", pump, "x"));
}

TEST_CASE("an identity keeps the key that it was admitted with", "[auth][acl]") {
    const DeviceIdentity pump = identity(built_in("core"));
    CHECK(pump.id() == "pump-17");
    CHECK(pump.tenant() == "acme");
    CHECK(pump.profile() == "core");
    CHECK(pump.key_id() == "AbCd1234");
}

}  // namespace
}  // namespace drawbridge::auth
