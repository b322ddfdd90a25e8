// Where the secret comes from, and that a database is never used with another one.
#include "auth/open_secret.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>

#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;
using std::filesystem::path;

class Fixture {
public:
    Fixture() { ::unsetenv("CREDENTIALS_DIRECTORY"); }
    ~Fixture() { ::unsetenv("CREDENTIALS_DIRECTORY"); }

    // A credential, as systemd lays it out.
    void keep(char byte, mode_t mode = 0440, std::size_t size = 32) {
        const path credential = credentials.path() / "drawbridge.key";
        std::filesystem::remove(credential);
        std::ofstream(credential) << std::string(size, byte);
        ::chmod(credential.c_str(), mode);
        ::setenv("CREDENTIALS_DIRECTORY", credentials.path().c_str(), 1);
    }
    void add_key() {
        store.add({"pump-17", "", "core", ""}, Registry::today);
        StoredKey key;
        key.key_id = "AbCd1234";
        store.add_key("pump-17", key);
    }
    DerivedKey open() { return open_secret(data.path(), store).derive("test"); }

    test::TemporaryDirectory credentials;
    test::TemporaryDirectory data;
    const path file = data.path() / "secret.key";
    DeviceStore store{data.path() / "drawbridge.db"};
};

TEST_CASE_METHOD(Fixture, "without a credential the secret is in the data directory",
                 "[auth][secret]") {
    const DerivedKey first = open();
    CHECK(std::filesystem::exists(file));
    CHECK(open() == first);
    ::setenv("CREDENTIALS_DIRECTORY", credentials.path().c_str(), 1);  // with other credentials
    CHECK(open() == first);
}

TEST_CASE_METHOD(Fixture, "a systemd credential takes the place of secret.key", "[auth][secret]") {
    keep('s');
    const DerivedKey first = open();
    CHECK_FALSE(std::filesystem::exists(file));
    add_key();
    CHECK(open() == first);
}

TEST_CASE_METHOD(Fixture, "a credential that is no secret is refused", "[auth][secret]") {
    keep('s', 0440, 31);
    CHECK_THROWS_WITH(open(), Contains("exactly 32 bytes"));
    keep('s', 0444);
    CHECK_THROWS_WITH(open(), Contains("can be read by others"));
    keep('s', 0400);
    CHECK_NOTHROW(open());
}

TEST_CASE_METHOD(Fixture, "keys are not used with another secret than the one they were made with",
                 "[auth][secret]") {
    keep('s');
    const DerivedKey first = open();
    add_key();

    keep('t');
    CHECK_THROWS_WITH(open(), Contains("is not the secret that the keys"));
    ::unsetenv("CREDENTIALS_DIRECTORY");  // as a command that does not see the credential
    CHECK_THROWS_WITH(open(), Contains("CREDENTIALS_DIRECTORY"));
    CHECK_FALSE(std::filesystem::exists(file));
    Secret::open(file, Secret::IfMissing::create);
    CHECK_THROWS_WITH(open(), Contains("is not the secret that the keys"));
    keep('s');
    CHECK(open() == first);
}

TEST_CASE_METHOD(Fixture, "while nothing depends on the secret it may be another one",
                 "[auth][secret]") {
    open();
    keep('s');
    const DerivedKey second = open();
    add_key();
    CHECK(open() == second);
}

TEST_CASE_METHOD(Fixture, "a PSK depends on the secret as a key does", "[auth][secret]") {
    const Secret secret = open_secret(data.path(), store);
    store.add({"pump-17", "", "core", ""}, Registry::today);
    PskStore(store.database())
        .set("pump-17", PskVault(secret).seal("pump-17", make_psk()), Registry::today);
    std::filesystem::remove(file);
    CHECK_THROWS_WITH(open(), Contains("restore it from a backup"));
    keep('s');
    CHECK_THROWS_WITH(open(), Contains("is not the secret"));
}

}  // namespace
}  // namespace drawbridge::auth
