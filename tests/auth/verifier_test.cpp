// Credentials: every way in which they can fail gets the same answer, and the operator learns the
// reason.
#include "auth/verifier.hpp"

#include <catch2/catch.hpp>

#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;

class Fixture : public Registry {
public:
    const std::string key = add("pump-17");
    const std::string other_key = add("pump-18");
    Verifier verifier{store, secret, Profiles::built_in()};

    core::AuthAnswer verify(const core::Credentials& shown, WallTime now = today) {
        return verifier.verify(shown, now).answer;
    }

    // Checks the answer that every stranger gets, and what the operator reads.
    void check_refused(const core::Credentials& shown, const char* why, WallTime now = today) {
        const core::AuthAnswer answer = verify(shown, now);
        CHECK(answer.identity == nullptr);
        CHECK(answer.refusal == Reason::bad_user_name_or_password);
        CHECK_THAT(answer.why, Contains(why));
    }
};

TEST_CASE_METHOD(Fixture, "a device with its own key is admitted", "[auth][verifier]") {
    const Verification verification = verifier.verify(credentials("pump-17", key), today);
    REQUIRE(verification.answer.identity != nullptr);
    CHECK(verification.answer.identity->id() == "pump-17");
    CHECK(verification.answer.identity->tenant() == "acme");
    CHECK(verification.answer.identity->profile() == "core");
    CHECK(verification.key_id == key_id_of(key));
    CHECK(verification.device_id == "pump-17");
}

TEST_CASE_METHOD(Fixture, "whatever is wrong, the answer is the same", "[auth][verifier]") {
    const core::Credentials right = credentials("pump-17", key);
    core::Credentials shown = right;

    SECTION("unknown device") {
        check_refused(credentials("valve", key), "there is no device valve");
        check_refused(credentials("valve", key), "there is no device valve");  // remembered
    }
    SECTION("a user name that no device can have") {
        check_refused(credentials("pump/17", key), "cannot be a device's");
        check_refused(credentials(std::string(60'000, 'x'), key), "cannot be a device's");
        check_refused(credentials("", key), "cannot be a device's");
    }
    SECTION("wrong key with a known id") {
        shown.password->back() = shown.password->back() == 'A' ? 'B' : 'A';
        check_refused(shown, "wrong API key");
    }
    SECTION("another key") { check_refused(credentials("pump-17", make_api_key()), "not one of"); }
    SECTION("another device's key") {
        check_refused(credentials("pump-17", other_key), "not one of this device's");
    }
    SECTION("not a key") {
        check_refused(credentials("pump-17", ""), "not an API key or a PSK");
        check_refused(credentials("pump-17", std::string(60'000, 'x')), "not an API key");
    }
    SECTION("no password") {
        shown.password.reset();
        check_refused(shown, "no password");
    }
    SECTION("no user name") {
        shown.username.reset();
        check_refused(shown, "no user name");
        shown.password.reset();
        check_refused(shown, "no user name");
    }
    SECTION("client id of another device") {
        shown.client_id = "pump-18";
        check_refused(shown, "client id is not one of profile core");
    }
    SECTION("empty client id") {
        shown.client_id = "";
        check_refused(shown, "client id is not one of profile core");
    }
    SECTION("disabled") {
        store.set_enabled("pump-17", false);
        check_refused(right, "disabled");
    }
    SECTION("removed") {
        store.remove("pump-17");
        check_refused(right, "there is no device pump-17");
    }
    SECTION("a profile that is not known") {
        const std::string lost = add("lost", "gone");
        check_refused(credentials("lost", lost), "profile that is not known");
    }
    SECTION("the key of a device without any") {
        store.add({"bare", "", "core", ""}, today);
        check_refused(credentials("bare", key), "not one of this device's");
    }
}

TEST_CASE_METHOD(Fixture, "a key is good until the moment it expires", "[auth][verifier]") {
    const std::string expiring = add_key("pump-17", today + seconds(10));
    CHECK(verify(credentials("pump-17", expiring), today + milliseconds(9'999)).identity);
    check_refused(credentials("pump-17", expiring), "has expired", today + seconds(10));
    CHECK(verify(credentials("pump-17", key), today + seconds(10)).identity);
}

TEST_CASE_METHOD(Fixture, "several keys of one device are good at once", "[auth][verifier]") {
    const std::string second = add_key("pump-17");
    CHECK(verify(credentials("pump-17", key)).identity);
    CHECK(verify(credentials("pump-17", second)).identity);
    store.revoke_key("pump-17", *key_id_of(key));
    verifier.forget("pump-17");
    check_refused(credentials("pump-17", key), "not one of this device's");
    CHECK(verify(credentials("pump-17", second)).identity);
}

TEST_CASE_METHOD(Fixture, "a service has several client ids, all under its own name",
                 "[auth][verifier]") {
    const std::string service = add("backend", "service");
    core::Credentials shown = credentials("backend", service);
    for (const char* client_id : {"backend", "backend/2", "backend/", "backend/paho/7"}) {
        shown.client_id = client_id;
        CHECK(verify(shown).identity);
    }
    for (const char* client_id : {"", "backend-2", "other/2", "pump-17", "backen"}) {
        shown.client_id = client_id;
        check_refused(shown, "not one of profile service");
    }
}

TEST_CASE_METHOD(Fixture, "with profile open any client id is right but another device's",
                 "[auth][verifier]") {
    core::Credentials shown = credentials("console", add("console", "open"));
    for (const char* client_id : {"console", "console-2", "", "paho/7"}) {
        shown.client_id = client_id;
        CHECK(verify(shown).identity);
    }
    shown.client_id = "pump-17";
    check_refused(shown, "that of another device");
}

TEST_CASE_METHOD(Fixture, "a Connhex device is up to three clients, none of them another device",
                 "[auth][verifier]") {
    core::Credentials shown = credentials("edge", add("edge", "connhex"));
    for (const char* client_id : {"edge", "agent-edge", "export-edge"}) {
        shown.client_id = client_id;
        CHECK(verify(shown).identity);
    }
    for (const char* client_id : {"agent-pump-17", "import-edge", "agent-"}) {
        shown.client_id = client_id;
        check_refused(shown, "not one of profile connhex");
    }
    add("agent-edge");
    verifier.forget("agent-edge");
    shown.client_id = "agent-edge";
    check_refused(shown, "that of another device");
}

TEST_CASE_METHOD(Fixture, "a Losant device shows its id or its key's id as the user name",
                 "[auth][verifier]") {
    const std::string meter_key = add("meter", "losant");
    core::Credentials shown = credentials("meter", meter_key);
    CHECK(verify(shown).identity);
    shown.username = std::string(*key_id_of(meter_key));
    CHECK(verify(shown).identity);
    shown.username = std::string(*key_id_of(key));  // another device's
    check_refused(shown, "not one of this device's");
    shown.username = std::string(*key_id_of(meter_key));
    shown.password = key;
    check_refused(shown, "not one of this device's");
    shown.password = meter_key;
    shown.client_id = "pump-17";
    check_refused(shown, "not one of profile losant");
}

TEST_CASE_METHOD(Fixture, "a profile that changes is in force from the next look on",
                 "[auth][verifier]") {
    const std::string meter_key = add("meter", "meters");
    const core::Credentials shown = credentials("meter", meter_key);
    check_refused(shown, "a profile that is not known");
    Profile meters = *Profiles::built_in().get("core");
    meters.name = "meters";
    verifier.change_profile("meters", meters);
    CHECK(verify(shown).identity);
    meters.client_ids = {"meter-*"};
    verifier.change_profile("meters", meters);
    check_refused(shown, "not one of profile meters");
    verifier.change_profile("meters", {});
    check_refused(shown, "a profile that is not known");
    CHECK(verify(credentials("pump-17", key)).identity);
}

TEST_CASE_METHOD(Fixture, "a profile may make the key's id the user name", "[auth][verifier]") {
    Profiles profiles = Profiles::built_in();
    profiles.add({.name = "by-key",
                  .client_ids = {"{device_id}", "agent-{device_id}"},
                  .usernames = {"{key_id}"},
                  .publish = {},
                  .subscribe = {},
                  .deny_publish = {},
                  .deny_subscribe = {}});
    const std::string meter_key = add("meter", "by-key");
    Verifier by_key(store, secret, profiles);
    core::Credentials shown = credentials("meter", meter_key);
    CHECK_FALSE(by_key.verify(shown, today).answer.identity);
    shown.username = std::string(*key_id_of(meter_key));
    CHECK(by_key.verify(shown, today).answer.identity);
    shown.client_id = "agent-meter";
    CHECK(by_key.verify(shown, today).answer.identity);
    shown.client_id = "agent-other";
    CHECK_FALSE(by_key.verify(shown, today).answer.identity);
    shown = credentials("pump-17", key);
    shown.username = std::string(*key_id_of(key));
    check_refused(shown, "not the one of profile core");
}

TEST_CASE_METHOD(Fixture, "a device is known with the channels it is connected to",
                 "[auth][verifier]") {
    ChannelStore channels(store.database());
    channels.connect("pump-17", "b");
    channels.connect("pump-17", "a");
    CHECK(verifier.record_of("pump-17")->device->channels == std::vector<std::string>{"a", "b"});
    CHECK(verifier.record_of("pump-18")->device->channels.empty());
}

TEST_CASE_METHOD(Fixture, "a device's own rules come with its identity", "[auth][verifier]") {
    store.add_rule("pump-17", {0, Effect::allow, Operation::publish, "logs/{device_id}"});
    const core::AuthAnswer answer = verify(credentials("pump-17", key));
    REQUIRE(answer.identity);
    CHECK(answer.identity->may_publish("logs/pump-17"));
    CHECK_FALSE(answer.identity->may_publish("logs/pump-18"));
}

TEST_CASE_METHOD(Fixture, "a device's PSK is its password, in either case of its digits",
                 "[auth][verifier][psk]") {
    const std::string psk_id = set_psk("pump-17", "00112233445566778899aabbccddeeff");
    const Verification verification =
        verifier.verify(credentials("pump-17", "00112233445566778899AABBccddeeff"), today);
    REQUIRE(verification.answer.identity);
    CHECK(verification.key_id == psk_id);
    CHECK(verify(credentials("pump-17", key)).identity);  // beside its keys
}

TEST_CASE_METHOD(Fixture, "a wrong PSK, another device's and one that is gone are refused",
                 "[auth][verifier][psk]") {
    const std::string psk(64, 'a');
    check_refused(credentials("pump-17", psk), "the device has no PSK");
    check_refused(credentials("nobody", psk), "there is no device nobody");
    set_psk("pump-17", std::string(64, 'b'));
    set_psk("pump-18", psk);
    verifier.forget("pump-17");
    check_refused(credentials("pump-17", psk), "wrong PSK");
    CHECK(verify(credentials("pump-18", psk)).identity);
    store.set_enabled("pump-18", false);
    verifier.forget("pump-18");
    check_refused(credentials("pump-18", psk), "disabled");
}

class Proved : public Fixture {
public:
    const std::string psk_id = set_psk("pump-17", std::string(64, 'a'));

    // What is shown behind a TLS handshake: the client id alone.
    core::Credentials by_psk() const {
        core::Credentials shown{.client_id = "pump-17"};
        shown.proof = core::Credentials::Proof::psk;
        shown.proven = "pump-17";
        shown.proven_key = psk_id;
        return shown;
    }
    static core::Credentials by_certificate(const std::string& name) {
        core::Credentials shown{.client_id = "pump-17"};
        shown.proof = core::Credentials::Proof::certificate;
        shown.proven = name;
        return shown;
    }
};

TEST_CASE_METHOD(Proved, "who has proved a PSK in the handshake needs no password",
                 "[auth][verifier][psk]") {
    core::Credentials shown = by_psk();
    const Verification verification = verifier.verify(shown, today);
    REQUIRE(verification.answer.identity);
    CHECK(verification.answer.identity->id() == "pump-17");
    CHECK(verification.key_id == psk_id);
    shown.username = "pump-17";
    CHECK(verify(shown).identity);
    shown.password = key;
    CHECK(verify(shown).identity);
    shown.password = std::string(64, 'A');
    CHECK(verify(shown).identity);
}

TEST_CASE_METHOD(Proved, "a TLS-PSK identity that differs from the client id is refused",
                 "[auth][verifier][psk]") {
    core::Credentials shown = by_psk();
    shown.client_id = "pump-18";
    check_refused(shown, "client id is not one of profile core");
    shown.username = "pump-18";
    check_refused(shown, "TLS-PSK identity is that of pump-17");
    shown.password = other_key;  // right, for pump-18
    check_refused(shown, "TLS-PSK identity is that of pump-17");
    shown.client_id = "pump-17";
    check_refused(shown, "TLS-PSK identity is that of pump-17");
}

TEST_CASE_METHOD(Proved, "a password that is shown beside a proof must be right, too",
                 "[auth][verifier][psk]") {
    for (core::Credentials shown : {by_psk(), by_certificate("pump-17")}) {
        shown.password = make_api_key();
        check_refused(shown, "not one of this device's");
        shown.password = other_key;
        check_refused(shown, "not one of this device's");
        shown.password = "";
        check_refused(shown, "not an API key or a PSK");
        shown.password = key;
        CHECK(verify(shown).identity);
    }
}

TEST_CASE_METHOD(Proved, "a client id by key id is by the key that was proved",
                 "[auth][verifier][psk]") {
    Profile by_key = *Profiles::built_in().get("core");
    by_key.client_ids = {"{key_id}"};
    verifier.change_profile("core", by_key);
    core::Credentials shown = by_psk();
    shown.client_id = psk_id;
    shown.password = key;
    const auto identity = verify(shown).identity;
    REQUIRE(identity);
    const auto& held = dynamic_cast<const DeviceIdentity&>(*identity);
    CHECK(may_use_client_id(*held.device(), held.key_id(), shown.client_id));
    shown.client_id = std::string(*key_id_of(key));  // a session that would end with any change
    check_refused(shown, "the client id is not one of profile core");
    shown = credentials("pump-17", key);
    shown.client_id = std::string(*key_id_of(key));
    CHECK(verify(shown).identity);
}

TEST_CASE_METHOD(Proved, "a PSK that was changed since the handshake is refused",
                 "[auth][verifier][psk]") {
    set_psk("pump-17", std::string(64, 'a'));
    check_refused(by_psk(), "is not the device's any more");
    PskStore(store.database()).remove("pump-17");
    verifier.forget("pump-17");
    check_refused(by_psk(), "is not the device's any more");
}

TEST_CASE_METHOD(Proved, "a certificate with a device's name needs no password",
                 "[auth][verifier][certificate]") {
    core::Credentials shown = by_certificate("pump-17");
    const Verification verification = verifier.verify(shown, today);
    REQUIRE(verification.answer.identity);
    CHECK(verification.key_id == "");
    shown.username = "pump-17";
    CHECK(verify(shown).identity);
    shown.username = "pump-18";
    check_refused(shown, "client certificate is that of pump-17");
}

TEST_CASE_METHOD(Proved, "a certificate that names no device, or one that may not come, is refused",
                 "[auth][verifier][certificate]") {
    check_refused(by_certificate(""), "names no device");
    check_refused(by_certificate("valve"), "there is no device valve");
    check_refused(by_certificate("pump-18"), "client id is not one of profile core");
    core::Credentials with_key = by_certificate("");
    with_key.username = "pump-17";
    with_key.password = key;
    check_refused(with_key, "names no device");
    store.set_enabled("pump-17", false);
    verifier.forget("pump-17");
    check_refused(by_certificate("pump-17"), "disabled");
}

}  // namespace
}  // namespace drawbridge::auth
