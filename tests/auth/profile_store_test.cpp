// ProfileStore: own profiles in the database.
#include "auth/profile_store.hpp"

#include <catch2/catch.hpp>

#include "auth/refused_change.hpp"
#include "tests/auth/registry.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;

constexpr const char* own = "client_ids = ['{device_id}']\npublish = ['own/{device_id}']\n";

class Fixture : public Registry {
public:
    ProfileStore profiles{store.database()};
};

TEST_CASE_METHOD(Fixture, "a profile is kept as the text of its file, and replaced",
                 "[auth][profile]") {
    CHECK_FALSE(profiles.put("meters", own, today));
    CHECK(profiles.find("meters")->text == own);
    CHECK(profiles.put("meters", "client_ids = ['x']", today + seconds(1)));
    CHECK(profiles.find("meters")->text == "client_ids = ['x']");
    CHECK(profiles.find("meters")->changed_at == today + seconds(1));
    CHECK(profiles.list().size() == 1);
    CHECK_FALSE(profiles.find("others"));
}

TEST_CASE_METHOD(Fixture, "a built-in profile is neither replaced nor removed", "[auth][profile]") {
    CHECK_THROWS_WITH(profiles.put("core", own, today), Contains("built in"));
    CHECK_THROWS_WITH(profiles.remove("core"), Contains("built in"));
    CHECK(profiles.list().empty());
}

TEST_CASE_METHOD(Fixture, "a profile that devices have stays, and their number is said",
                 "[auth][profile]") {
    profiles.put("meters", own, today);
    add("one", "meters");
    add("two", "meters");
    CHECK(profiles.devices_with("meters") == 2);
    CHECK_THROWS_WITH(profiles.remove("meters"), Contains("2 devices have it"));
    store.remove("one");
    CHECK_THROWS_WITH(profiles.remove("meters"), Contains("1 device has it"));
    store.remove("two");
    profiles.remove("meters");
    CHECK_THROWS_WITH(profiles.remove("meters"), Contains("there is no profile meters"));
}

TEST_CASE_METHOD(Fixture, "changes are told in their order, and forgotten", "[auth][profile]") {
    profiles.put("a", own, today);
    profiles.put("b", own, today);
    profiles.put("a", own, today);
    const ProfileChanges first = profiles.changes_since(0);
    CHECK(first.names == std::vector<std::string>{"b", "a"});
    CHECK(first.seq == profiles.newest_change());
    profiles.remove("b");
    CHECK(profiles.changes_since(first.seq).names == std::vector<std::string>{"b"});
    profiles.forget_changes(profiles.newest_change());
    CHECK(profiles.changes_since(0).names.empty());
}

TEST_CASE_METHOD(Fixture, "own profiles that cannot be used are told, and the others are there",
                 "[auth][profile]") {
    profiles.put("good", own, today);
    profiles.put("bad", "publish = 7", today);
    store.database().exec(
        "INSERT INTO profiles (name, text, changed_at) VALUES ('core', 'client_ids = [\"*\"]', 1)");
    Profiles all = Profiles::built_in();
    const std::vector<std::string> problems = add_own_profiles(profiles, all);
    REQUIRE(problems.size() == 2);
    CHECK_THAT(problems[0], Contains("profile bad:1: publish must be a list"));
    CHECK_THAT(problems[1], Contains("profile core has the name of a built-in one"));
    CHECK(all.find("good") != nullptr);
    CHECK(all.find("bad") == nullptr);
    CHECK(all.get("core")->client_ids == Profiles::built_in().get("core")->client_ids);
}

}  // namespace
}  // namespace drawbridge::auth
