// Profile files: what is read, and what is refused, with its line. No database.
#include "auth/profile_file.hpp"

#include <catch2/catch.hpp>

#include "auth/limits.hpp"
#include "auth/refused_change.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;
using Catch::Matchers::Equals;
using Texts = std::vector<std::string>;

Profile parse(const std::string& text) { return parse_profile(text, "m.toml", "meters"); }

// What is wrong with a file; "" if nothing is.
std::string mistakes(const std::string& text) {
    try {
        parse(text);
        return "";
    } catch (const RefusedChange& refused) {
        return refused.what();
    }
}

TEST_CASE("a profile file gives names and rules", "[auth][profile]") {
    const Profile meters = parse(R"(
name = "meters"
client_ids = ["{device_id}", "meter-{device_id}-*"]
username = ["{device_id}", "{key_id}"]
publish = ["meters/{tenant}/{device_id}/#"]
subscribe = ["meters/{channel}/+", "$#", "$SYS/broker/#"]
deny_publish = ["meters/{tenant}/{device_id}/secret"]
deny_subscribe = ["$SYS/broker/secret"]
)");
    CHECK(meters.name == "meters");
    CHECK(meters.client_ids == Texts{"{device_id}", "meter-{device_id}-*"});
    CHECK(meters.usernames == Texts{"{device_id}", "{key_id}"});
    CHECK(meters.publish == Texts{"meters/{tenant}/{device_id}/#"});
    CHECK(meters.subscribe == Texts{"meters/{channel}/+", "$#", "$SYS/broker/#"});
    CHECK(meters.deny_publish == Texts{"meters/{tenant}/{device_id}/secret"});
    CHECK(meters.deny_subscribe == Texts{"$SYS/broker/secret"});
}

TEST_CASE("a user name may be one text, and is the device's id unless given", "[auth][profile]") {
    CHECK(parse("client_ids = ['{device_id}']\nusername = '{key_id}'").usernames ==
          Texts{"{key_id}"});
    CHECK(parse("client_ids = ['{device_id}']").usernames == Texts{"{device_id}"});
}

TEST_CASE("every mistake is named, with file, line and key", "[auth][profile]") {
    CHECK_THAT(mistakes("client_ids = ['a*b', '{channel}', '']\n"
                        "username = 'x-{device_id}'\n"
                        "publish = ['a/{key_id}', 'a/#/b', '$#', 7]\n"
                        "subscribe = 7\n"
                        "deny_subscrib = ['x']\n"
                        "name = 'others'\n"),
               Equals("m.toml:1: client_ids \"a*b\" has a * before its end\n"
                      "m.toml:1: client_ids \"{channel}\" names what is not known; use "
                      "{device_id}, {tenant} and {key_id}\n"
                      "m.toml:1: client_ids \"\" is empty\n"
                      "m.toml:2: username \"x-{device_id}\" must be \"{device_id}\" or "
                      "\"{key_id}\"\n"
                      "m.toml:3: publish \"a/{key_id}\" names what is not known; use {device_id}, "
                      "{tenant} and {channel}\n"
                      "m.toml:3: publish \"a/#/b\" is no topic filter; # must stand alone and "
                      "last, + alone in its level\n"
                      "m.toml:3: publish \"$#\" is no topic filter; # must stand alone and last, + "
                      "alone in its level\n"
                      "m.toml:3: publish must hold texts only\n"
                      "m.toml:4: subscribe must be a list of texts\n"
                      "m.toml:5: deny_subscrib is not a key; known here: name, client_ids, "
                      "username, publish, subscribe, deny_publish, deny_subscribe, "
                      "subscribe_across_tenants, [limits]\n"
                      "m.toml:6: name must be \"meters\", as the command says, or left out"));
}

TEST_CASE("a profile without client ids is refused", "[auth][profile]") {
    for (const char* text : {"", "client_ids = []"})
        CHECK_THAT(mistakes(text), Equals("m.toml:1: has no client_ids; say for example "
                                          "client_ids = [\"{device_id}\"]"));
}

TEST_CASE("what is no TOML, or has no end, is refused", "[auth][profile]") {
    CHECK_THAT(mistakes("client_ids = ["), Contains("m.toml:1: is not TOML"));
    CHECK_THAT(mistakes(std::string(limits::profile_file_bytes_max + 1, '#')),
               Contains("m.toml is longer than 65536 bytes"));
    CHECK_THROWS_AS(parse_profile("client_ids = ['x']", "m.toml", "no name"), RefusedChange);
}

TEST_CASE("a profile's limits take the place of the configuration's", "[auth][profile]") {
    Limits base;
    base.max_queued_bytes = 7;
    Profiles profiles = Profiles::built_in(base);
    profiles.add(
        parse("client_ids = ['x']\n[limits]\nmax_queued_messages = 5\n"
              "max_session_expiry = '2h'\nbytes_per_second = 0\n"));
    const Profile& meters = *profiles.get("meters");
    REQUIRE(meters.limits);
    CHECK(meters.limits->max_queued_messages == 5);
    CHECK(meters.limits->max_session_expiry == 7'200);
    CHECK(meters.limits->max_queued_bytes == 7);
    CHECK_FALSE(profiles.get("core")->limits);
    const std::string text = write_profile(meters);
    CHECK(write_profile(parse(text)) == text);
    CHECK_THAT(text, Contains("max_session_expiry = \"2h\""));
}

TEST_CASE("a profile's limits have bounds, and only some may differ", "[auth][profile]") {
    CHECK_THAT(mistakes("client_ids = ['x']\nlimits.max_inflight = 5"),
               Contains("m.toml:2: [limits] max_inflight is not a limit of a profile; known here: "
                        "max_subscriptions_per_client"));
    CHECK_THAT(mistakes("client_ids = ['x']\nlimits.max_queued_messages = -1"),
               Contains("must be a whole number from 0 to 100000000"));
    CHECK_THAT(mistakes("client_ids = ['x']\nlimits.max_subscriptions_per_client = 0"),
               Contains("from 1 to"));
    for (const char* wrong : {"30", "'30'", "'1500ms'", "'200000d'"})
        CHECK_THAT(
            mistakes(std::string("client_ids = ['x']\nlimits.max_session_expiry = ") + wrong),
            Contains("must be a duration such as \"30d\""));
    CHECK_THAT(mistakes("client_ids = ['x']\nlimits = 7"), Contains("headed [limits]"));
}

TEST_CASE("each profile is written as a file that gives the same profile", "[auth][profile]") {
    for (const ProfilePtr& profile : Profiles::built_in().list()) {
        INFO(write_profile(*profile));
        const Profile again = parse_profile(write_profile(*profile), "f", profile->name);
        CHECK(write_profile(again) == write_profile(*profile));
        CHECK(again.client_ids == profile->client_ids);
        CHECK(again.subscribe == profile->subscribe);
    }
}

}  // namespace
}  // namespace drawbridge::auth
