// PSKs: their digits, and how they are kept.
#include "auth/psk.hpp"

#include <catch2/catch.hpp>

#include "auth/psk_store.hpp"
#include "auth/psk_vault.hpp"
#include "auth/refused_change.hpp"
#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;

const std::string hex = "00112233445566778899aabbccddeeff";

TEST_CASE("a PSK is 16 to 64 bytes as hexadecimal digits of either case", "[auth][psk]") {
    CHECK(psk_of_hex(hex)->at(1) == 0x11);
    CHECK(psk_of_hex("00112233445566778899AABBCCDDEEFF") == psk_of_hex(hex));
    CHECK(psk_of_hex(std::string(128, 'f'))->size() == 64);

    CHECK_FALSE(psk_of_hex(std::string(30, 'f')));
    CHECK_FALSE(psk_of_hex(std::string(33, 'f')));
    CHECK_FALSE(psk_of_hex(std::string(130, 'f')));
    CHECK_FALSE(psk_of_hex("g0112233445566778899aabbccddeeff"));
    CHECK_FALSE(psk_of_hex("0x112233445566778899aabbccddeeff"));
    CHECK_FALSE(psk_of_hex(""));
}

TEST_CASE("a PSK that was made reads back, and is another one each time", "[auth][psk]") {
    const auto psk = make_psk();
    CHECK(psk.size() == 32);
    CHECK(psk_of_hex(to_hex(psk)) == psk);
    CHECK(make_psk() != psk);
    for (int i = 0; i < 2'000; ++i) REQUIRE(make_psk()[0] != 0);
}

TEST_CASE("a PSK's id is told from that of an API key", "[auth][psk]") {
    CHECK(is_psk_id(make_psk_id()));
    CHECK_FALSE(is_psk_id("AbCd1234"));
    CHECK_FALSE(is_psk_id("psk-AbCd1"));
    CHECK_FALSE(is_psk_id(""));
}

TEST_CASE_METHOD(Registry, "a sealed PSK opens for its own device alone", "[auth][psk]") {
    const PskVault vault(secret);
    const auto psk = make_psk();
    const auto sealed = vault.seal("pump-17", psk);
    CHECK(vault.open("pump-17", sealed) == psk);
    CHECK_FALSE(vault.open("pump-18", sealed));
    CHECK_FALSE(vault.open("", sealed));
    CHECK(vault.seal("pump-17", psk) != sealed);  // nobody sees that two devices have the same
}

TEST_CASE_METHOD(Registry, "a sealed PSK opens with its own secret alone", "[auth][psk]") {
    const Registry other;
    const auto sealed = PskVault(secret).seal("pump-17", make_psk());
    CHECK(PskVault(secret).open("pump-17", sealed));
    CHECK_FALSE(PskVault(other.secret).open("pump-17", sealed));
}

TEST_CASE_METHOD(Registry, "a sealed PSK that was changed or cut anywhere does not open",
                 "[auth][psk]") {
    const PskVault vault(secret);
    const auto sealed = vault.seal("pump-17", make_psk());
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        auto changed = sealed;
        changed[at] ^= 1;
        CHECK_FALSE(vault.open("pump-17", changed));
        CHECK_FALSE(vault.open("pump-17", Bytes(sealed.data(), at)));
    }
    CHECK(vault.open("pump-17", sealed));
}

TEST_CASE_METHOD(Registry, "the database holds no PSK in the clear", "[auth][psk]") {
    add("pump-17");
    set_psk("pump-17", hex);
    const auto psk = psk_of_hex(hex).value();
    const StoredPsk stored = PskStore(store.database()).get("pump-17");
    CHECK(as_text(stored.sealed).find(as_text(psk)) == std::string_view::npos);
    CHECK(PskVault(secret).open("pump-17", stored.sealed) == psk);
}

TEST_CASE_METHOD(Registry, "a device has one PSK, and each has an id of its own", "[auth][psk]") {
    add("pump-17");
    PskStore psks(store.database());
    CHECK_FALSE(psks.has_any());
    const std::string first = set_psk("pump-17", hex);
    const std::string second = set_psk("pump-17", hex);
    CHECK(first != second);
    CHECK(psks.get("pump-17").psk_id == second);
    psks.remove("pump-17");
    CHECK_FALSE(psks.find("pump-17"));
    CHECK_THROWS_WITH(psks.remove("pump-17"), Contains("drawbridge psk set pump-17"));
    CHECK_THROWS_AS(psks.get("pump-17"), RefusedChange);
}

TEST_CASE_METHOD(Registry, "a PSK goes with its device", "[auth][psk]") {
    add("pump-17");
    set_psk("pump-17", hex);
    store.remove("pump-17");
    CHECK_FALSE(PskStore(store.database()).has_any());
}

}  // namespace
}  // namespace drawbridge::auth
