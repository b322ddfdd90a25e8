// What a TLS handshake is told of an identity: the PSK in force, or a stand-in that nobody knows.
#include "auth/psk_lookup.hpp"

#include <catch2/catch.hpp>

#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;

const std::string hex = "00112233445566778899aabbccddeeff";

class Fixture : public Registry {
public:
    Fixture() { add("pump-17"); }
    const std::string psk_id = [this] {
        add("pump-18");
        return set_psk("pump-18", hex);
    }();
    PskLookup lookup{file, secret};

    // Checks that there is a key to prove, and that it is nobody's.
    void check_stand_in(const std::string& identity, const char* why) {
        const auto psk = lookup.find(identity);
        REQUIRE(psk);
        CHECK_THAT(psk->why_not, Contains(why));
        CHECK(psk->key_id.empty());
        CHECK(psk->key.size() == 32);
        CHECK(psk->key != psk_of_hex(hex));
        CHECK(lookup.find(identity)->key == psk->key);  // one that changed would tell
    }
};

TEST_CASE_METHOD(Fixture, "a device's PSK is found under its id", "[auth][psk]") {
    const auto psk = lookup.find("pump-18");
    REQUIRE(psk);
    CHECK(psk->why_not == "");
    CHECK(psk->key == psk_of_hex(hex));
    CHECK(psk->key_id == psk_id);
}

TEST_CASE_METHOD(Fixture, "without a PSK that may be used there is a stand-in", "[auth][psk]") {
    check_stand_in("pump-17", "has no PSK");
    check_stand_in("nobody", "there is no device nobody");
    store.set_enabled("pump-18", false);
    check_stand_in("pump-18", "is disabled");
    CHECK(lookup.find("pump-17")->key != lookup.find("nobody")->key);
}

TEST_CASE_METHOD(Fixture, "what cannot be an identity is none", "[auth][psk]") {
    for (const std::string& identity :
         {std::string(), std::string("a/b"), std::string(129, 'x'), std::string("pump-18\0", 8)})
        CHECK_FALSE(lookup.find(identity));
}

TEST_CASE_METHOD(Fixture, "a changed or removed PSK is in force for the next handshake",
                 "[auth][psk]") {
    CHECK(lookup.in_force("pump-18", psk_id));
    const std::string next = set_psk("pump-18", std::string(64, 'a'));
    CHECK(lookup.find("pump-18")->key == psk_of_hex(std::string(64, 'a')));
    CHECK_FALSE(lookup.in_force("pump-18", psk_id));
    CHECK(lookup.in_force("pump-18", next));
    PskStore(store.database()).remove("pump-18");
    check_stand_in("pump-18", "has no PSK");
    CHECK_FALSE(lookup.in_force("pump-18", next));
    CHECK_FALSE(lookup.in_force("pump-18", ""));
}

TEST_CASE_METHOD(Fixture, "a disabled device's PSK is not in force", "[auth][psk]") {
    store.set_enabled("pump-18", false);
    CHECK_FALSE(lookup.in_force("pump-18", psk_id));
    store.set_enabled("pump-18", true);
    CHECK(lookup.in_force("pump-18", psk_id));
    CHECK_FALSE(lookup.in_force("pump-17", psk_id));
}

TEST_CASE_METHOD(Fixture, "a PSK copied to another device is of no use there", "[auth][psk]") {
    store.database().exec(
        "INSERT INTO psks SELECT 'pump-17', psk_id, sealed, created_at, NULL FROM psks");
    check_stand_in("pump-17", "under another secret");
}

TEST_CASE_METHOD(Fixture, "while the database cannot be read nobody has a PSK", "[auth][psk]") {
    store.database().exec("ALTER TABLE psks RENAME TO lost");
    check_stand_in("pump-18", "cannot be read");
    store.database().exec("ALTER TABLE lost RENAME TO psks");
    CHECK(lookup.find("pump-18")->key_id == psk_id);
}

}  // namespace
}  // namespace drawbridge::auth
