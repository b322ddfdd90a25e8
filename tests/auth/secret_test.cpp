// secret.key: made once, private, and refused in any other state.
#include "auth/secret.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "tests/support/temporary_directory.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;
using IfMissing = Secret::IfMissing;

TEST_CASE("secret.key is made with 32 bytes that only its owner can read", "[auth][secret]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "secret.key";
    Secret::open(file, IfMissing::create);
    struct stat status {};
    REQUIRE(::stat(file.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(status.st_size == 32);
    const auto files = std::filesystem::directory_iterator(directory.path());
    CHECK(std::distance(begin(files), end(files)) == 1);  // nothing is left of making it
}

TEST_CASE("secret.key is read back, not made again", "[auth][secret]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "secret.key";
    const Secret made = Secret::open(file, IfMissing::create);
    const Secret read = Secret::open(file, IfMissing::create);
    CHECK(made.derive("a") == read.derive("a"));
    CHECK(made.derive("a") != made.derive("b"));
    const Secret other = Secret::open(directory.path() / "other.key", IfMissing::create);
    CHECK(made.derive("a") != other.derive("a"));
}

TEST_CASE("secret.key that others can read is refused", "[auth][secret]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "secret.key";
    Secret::open(file, IfMissing::create);
    for (const mode_t mode : {0640, 0604, 0620, 0700}) {
        ::chmod(file.c_str(), mode);
        CHECK_THROWS_WITH(Secret::open(file, IfMissing::create), Contains("chmod 600"));
    }
    for (const mode_t mode : {0600, 0400}) {
        ::chmod(file.c_str(), mode);
        CHECK_NOTHROW(Secret::open(file, IfMissing::create));
    }
}

TEST_CASE("secret.key of another length is refused", "[auth][secret]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "secret.key";
    for (const std::size_t size : {0, 31, 33}) {
        std::ofstream(file) << std::string(size, 'x');
        ::chmod(file.c_str(), 0600);
        CHECK_THROWS_WITH(Secret::open(file, IfMissing::create), Contains("exactly 32 bytes"));
    }
    std::ofstream(file) << std::string(32, 'x');
    CHECK_NOTHROW(Secret::open(file, IfMissing::create));
}

TEST_CASE("a lost secret.key is not replaced while keys depend on it", "[auth][secret]") {
    const test::TemporaryDirectory directory;
    const auto file = directory.path() / "secret.key";
    CHECK_THROWS_WITH(Secret::open(file, IfMissing::refuse), Contains("restore it from a backup"));
    CHECK_FALSE(std::filesystem::exists(file));
    Secret::open(file, IfMissing::create);
    CHECK_NOTHROW(Secret::open(file, IfMissing::refuse));
}

}  // namespace
}  // namespace drawbridge::auth
