// Access rules: who decides, and which way. No database.
#include "auth/acl.hpp"

#include <catch2/catch.hpp>

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
                                                   .username = {},
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

TEST_CASE("service: all topics but those that begin with $", "[auth][acl]") {
    const DeviceIdentity service = identity(built_in("service"));
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
