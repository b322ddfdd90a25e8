// ChannelStore: what is kept, and what is refused with which words. With a real database.
#include "auth/channel_store.hpp"

#include <catch2/catch.hpp>

#include "auth/device_store.hpp"
#include "auth/refused_change.hpp"
#include "tests/support/temporary_directory.hpp"

namespace drawbridge::auth {
namespace {

using Catch::Matchers::Contains;
using Names = std::vector<std::string>;

class Fixture {
public:
    Fixture() { store.add({"pump-17", "", "core", ""}, WallTime{}); }

private:
    test::TemporaryDirectory directory_;

public:
    DeviceStore store{directory_.path() / "drawbridge.db"};
    ChannelStore channels{store.database()};
};

TEST_CASE_METHOD(Fixture, "a device is connected to channels and disconnected, one by one",
                 "[auth][channels]") {
    CHECK(channels.channels("pump-17").empty());
    channels.connect("pump-17", "b");
    channels.connect("pump-17", "a");
    CHECK(channels.channels("pump-17") == Names{"a", "b"});
    channels.disconnect("pump-17", "b");
    CHECK(channels.channels("pump-17") == Names{"a"});
    CHECK_THROWS_WITH(channels.disconnect("pump-17", "b"), Contains("is not connected to channel"));
    CHECK_THROWS_WITH(channels.connect("pump-17", "a"), Contains("connected to channel a already"));
}

TEST_CASE_METHOD(Fixture, "a channel is one level of a topic", "[auth][channels]") {
    for (const char* name : {"", "a/b", "+", "#", "a b", "{device_id}"})
        CHECK_THROWS_WITH(channels.connect("pump-17", name), Contains("cannot be a channel"));
    CHECK_THROWS_AS(channels.connect("pump-17", std::string(129, 'x')), RefusedChange);
    channels.connect("pump-17", std::string(128, 'x'));
    CHECK(channels.channels("pump-17").size() == 1);
}

TEST_CASE_METHOD(Fixture, "a device is connected to a limited number of channels",
                 "[auth][channels]") {
    for (int i = 0; i < 64; ++i) channels.connect("pump-17", "channel-" + std::to_string(i));
    CHECK_THROWS_WITH(channels.connect("pump-17", "more"), Contains("64 channels already"));
}

TEST_CASE_METHOD(Fixture,
                 "a device that is removed leaves no channels, and one that is not there gets none",
                 "[auth][channels]") {
    channels.connect("pump-17", "a");
    store.remove("pump-17");
    CHECK(channels.channels("pump-17").empty());
    CHECK_THROWS_AS(channels.connect("pump-17", "a"), SQLite::Exception);
}

TEST_CASE_METHOD(Fixture, "connecting and disconnecting change who a device is",
                 "[auth][channels]") {
    const auto before = store.newest_change();
    channels.connect("pump-17", "a");
    const auto connected = store.newest_change();
    CHECK(connected > before);
    channels.disconnect("pump-17", "a");
    CHECK(store.newest_change() > connected);
}

}  // namespace
}  // namespace drawbridge::auth
