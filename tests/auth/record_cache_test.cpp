// RecordCache: what it keeps, and what goes first.
#include "auth/record_cache.hpp"

#include <catch2/catch.hpp>

namespace drawbridge::auth {
namespace {

DeviceRecordPtr record() { return std::make_shared<const DeviceRecord>(); }

TEST_CASE("the record that was not asked for the longest goes first", "[auth][cache]") {
    RecordCache cache(2);
    cache.remember("a", record());
    cache.remember("b", record());
    CHECK(cache.find("a"));
    cache.remember("c", record());
    CHECK(cache.size() == 2);
    CHECK(cache.find("a"));
    CHECK_FALSE(cache.find("b"));
    CHECK(cache.find("c"));
}

TEST_CASE("a record can be forgotten, and takes the place of an older one", "[auth][cache]") {
    RecordCache cache(2);
    const DeviceRecordPtr newer = record();
    cache.remember("a", record());
    cache.remember("a", newer);
    CHECK(cache.size() == 1);
    CHECK(cache.find("a") == newer);
    cache.forget("a");
    cache.forget("never there");
    CHECK_FALSE(cache.find("a"));
    CHECK(cache.size() == 0);
}

TEST_CASE("a device's key is found by its id", "[auth][cache]") {
    DeviceRecord device;
    device.keys = {{"AAAAAAAA", {}, {}}, {"BBBBBBBB", {}, {}}};
    CHECK(device.find_key("BBBBBBBB") == &device.keys[1]);
    CHECK(device.find_key("CCCCCCCC") == nullptr);
}

}  // namespace
}  // namespace drawbridge::auth
