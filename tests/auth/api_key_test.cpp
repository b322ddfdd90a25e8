// API keys and ids: their shape, and their hash.
#include "auth/api_key.hpp"

#include <catch2/catch.hpp>
#include <set>

#include "auth/device_id.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::auth {
namespace {

TEST_CASE("an API key is sk_live_ and 43 characters of URL-safe base64, and never the same",
          "[auth][api_key]") {
    std::set<std::string> keys;
    for (int i = 0; i < 200; ++i) {
        const std::string key = make_api_key();
        CHECK(key.size() == 51);
        CHECK(key.starts_with("sk_live_"));
        REQUIRE(key_id_of(key));
        CHECK(*key_id_of(key) == key.substr(8, 8));
        CHECK(key[8] != '-');
        keys.insert(key);
    }
    CHECK(keys.size() == 200);
}

TEST_CASE("what does not look like an API key has no key id", "[auth][api_key]") {
    const std::string key = make_api_key();
    CHECK(key_id_of(key));
    CHECK_FALSE(key_id_of(""));
    CHECK_FALSE(key_id_of(key.substr(1)));
    CHECK_FALSE(key_id_of(key + "A"));
    CHECK_FALSE(key_id_of(key.substr(0, 50)));
    CHECK_FALSE(key_id_of("sk_test_" + key.substr(8)));
    CHECK_FALSE(key_id_of(key.substr(0, 50) + "+"));
    CHECK_FALSE(key_id_of(key.substr(0, 50) + std::string(1, '\0')));
}

TEST_CASE("the hash of an API key depends on the key and on the secret", "[auth][api_key]") {
    const test::TemporaryDirectory directory;
    const auto open = [&](const char* name) {
        return Secret::open(directory.path() / name, Secret::IfMissing::create);
    };
    const KeyHasher hasher(open("a"));
    const KeyHasher same_secret(open("a"));
    const KeyHasher other_secret(open("b"));
    const std::string key = make_api_key();
    CHECK(equal(hasher.hash(key), hasher.hash(key)));
    CHECK(equal(hasher.hash(key), same_secret.hash(key)));
    CHECK_FALSE(equal(hasher.hash(key), hasher.hash(make_api_key())));
    CHECK_FALSE(equal(hasher.hash(key), other_secret.hash(key)));
}

TEST_CASE("a device id has 1 to 128 characters of A-Z a-z 0-9 . _ : -", "[auth][device_id]") {
    CHECK(is_device_id("a"));
    CHECK(is_device_id("AZaz09._:-"));
    CHECK(is_device_id(std::string(128, 'x')));
    CHECK_FALSE(is_device_id(""));
    CHECK_FALSE(is_device_id(std::string(129, 'x')));
    for (const char c : std::string("/+#$ {}*\n\x7f\xc3")) CHECK_FALSE(is_device_id({&c, 1}));
    CHECK_FALSE(is_device_id(std::string_view("a\0b", 3)));
}

}  // namespace
}  // namespace drawbridge::auth
