// SimilarIds: what is near, and in which order.
#include "auth/similar_ids.hpp"

#include <catch2/catch.hpp>

namespace drawbridge::auth {
namespace {

using Ids = std::vector<std::string>;

Ids similar_ids(std::string_view typed, const Ids& known) {
    SimilarIds similar(typed);
    for (const std::string& id : known) similar.consider(id);
    return similar.nearest();
}

bool is_near(std::string_view typed, const std::string& id) {
    return !similar_ids(typed, {id}).empty();
}

TEST_CASE("similar ids are near in spelling, or longer", "[auth][similar]") {
    const Ids known = {"pump-1", "pump-17", "pump-18", "valve", "pump-1-backup"};
    CHECK(similar_ids("pump-19", known) == Ids{"pump-1", "pump-17", "pump-18"});
    CHECK(similar_ids("pump-17x", known) == Ids{"pump-17", "pump-1", "pump-18"});
    CHECK(similar_ids("vlave", known) == Ids{"valve"});
    CHECK(similar_ids("val", known) == Ids{"valve"});
    CHECK(similar_ids("boiler", known).empty());
    CHECK(similar_ids("", {"ab"}) == Ids{"ab"});
}

TEST_CASE("two mistakes are near, three are not, wherever they are", "[auth][similar]") {
    CHECK(is_near("sensor-0001", "sensor-0001"));
    CHECK(is_near("sensor-0001", "xensor-0002"));  // both ends wrong
    CHECK_FALSE(is_near("sensor-0001", "xensxr-0002"));
    CHECK(is_near("sensor-0001", "nsor-0001"));  // two missing in front
    CHECK_FALSE(is_near("sensor-0001", "sor-0001"));
    CHECK(is_near("sensor-0001", "sensor-000111"));  // longer
    CHECK(is_near("sensor-0001", "ssensor-00001"));  // one too much at each end
    CHECK_FALSE(is_near("sensor-0001", "sssensor-00001"));
    CHECK(is_near("ab", ""));
    CHECK_FALSE(is_near("abc", ""));
    CHECK(is_near("ba", "ab"));
}

TEST_CASE("of many that are near, the nearest three are named", "[auth][similar]") {
    Ids known;
    for (int i = 100; i < 1'000; ++i) known.push_back("pump-" + std::to_string(i));
    CHECK(similar_ids("pump-55", known) == Ids{"pump-155", "pump-255", "pump-355"});
    CHECK(similar_ids("pmup-555", known) == Ids{"pump-555"});
}

}  // namespace
}  // namespace drawbridge::auth
