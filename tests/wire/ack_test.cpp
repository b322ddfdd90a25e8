// PUBACK, PUBREC, PUBREL and PUBCOMP on the wire, by sections 3.4 to 3.7 of MQTT 5.0 and 3.1.1.
// Method: hand-written bytes in, view or violation out; view in, hand-written bytes out.
#include <catch2/catch.hpp>

#include "broker/wire/decode.hpp"
#include "broker/wire/encode.hpp"
#include "tests/support/body.hpp"
#include "tests/support/verdict.hpp"

using namespace drawbridge;
using namespace drawbridge::wire;
using drawbridge::test::Body;
using drawbridge::test::verdict;

namespace {

constexpr PacketType all_acks[] = {PacketType::puback, PacketType::pubrec, PacketType::pubrel,
                                   PacketType::pubcomp};

std::uint8_t flags_of(PacketType type) { return type == PacketType::pubrel ? 2 : 0; }

std::string ack(PacketType type, const Body& body, Version version) {
    return verdict(decode_ack(type, flags_of(type), body, version));
}

std::string written(PacketType type, const AckView& ack, Version version) {
    Buffer out;
    encode_ack(type, ack, version, out);
    return std::string(as_text(out.bytes()));
}

std::string text(const Body& body) { return std::string(as_text(body)); }

int listed_codes(PacketType type) {
    int listed = 0;
    for (int code = 0; code < 256; ++code) listed += ack(type, {0, 1, code}, Version::v5) == "ok";
    return listed;
}

}  // namespace

TEST_CASE("an acknowledgement of 3.1.1 is its packet identifier and nothing more", "[wire][ack]") {
    for (const PacketType type : all_acks) {
        const Body body{0x12, 0x34};
        const Result<AckView> view = decode_ack(type, flags_of(type), body, Version::v3_1_1);
        REQUIRE(view.has_value());
        CHECK(view->packet_id == 0x1234);
        CHECK(view->reason == Reason::success);
        CHECK(ack(type, {0x12}, Version::v3_1_1) == "malformed packet MQTT-2.1.4");
        CHECK(ack(type, {0x12, 0x34, 0}, Version::v3_1_1) == "malformed packet MQTT-2.1.4");

        const int first = static_cast<int>(type) << 4 | flags_of(type);
        const AckView failed{0x1234, Reason::not_authorized, {}};
        CHECK(written(type, failed, Version::v3_1_1) == text({first, 2, 0x12, 0x34}));
    }
}

TEST_CASE("an acknowledgement of 5.0 leaves out what says nothing", "[wire][ack][v5]") {
    const PacketType puback = PacketType::puback;
    PropertyWriter user;
    user.user("n", "v");
    CHECK(written(puback, {7, Reason::success, {}}, Version::v5) == text({0x40, 2, 0, 7}));
    CHECK(written(puback, {7, Reason::not_authorized, {}}, Version::v5) ==
          text({0x40, 3, 0, 7, 0x87}));
    CHECK(written(puback, {7, Reason::success, user.list()}, Version::v5) ==
          text({0x40, 11, 0, 7, 0, 7, 0x26, 0, 1, 'n', 0, 1, 'v'}));

    CHECK(decode_ack(puback, 0, Body{0, 7, 0x87}, Version::v5)->reason == Reason::not_authorized);
    const Body full{0, 7, 0x10, 7, 0x26, 0, 1, 'n', 0, 1, 'v'};
    const Result<AckView> view = decode_ack(puback, 0, full, Version::v5);
    REQUIRE(view.has_value());
    CHECK(view->reason == Reason::no_matching_subscribers);
    CHECK(view->properties.has(PropertyId::user_property));
    CHECK(ack(puback, {0, 7, 0x10, 0}, Version::v5) == "ok");
    CHECK(ack(puback, {0, 7, 0x10, 1}, Version::v5) == "malformed packet MQTT-2.1.4");
    CHECK(ack(puback, {0, 7, 0x10, 0, 0}, Version::v5) == "malformed packet MQTT-2.1.4");
}

TEST_CASE("MQTT5-2.2.1-5, MQTT311-2.3.1-6: an acknowledgement names a packet", "[wire][ack]") {
    for (const PacketType type : all_acks) {
        CHECK(ack(type, {0, 0}, Version::v3_1_1) == "protocol error MQTT-2.3.1-1");
        CHECK(ack(type, {0, 0}, Version::v5) == "protocol error MQTT-2.2.1-3");
        CHECK(ack(type, {0, 1}, Version::v5) == "ok");
    }
}

TEST_CASE("MQTT5-3.4.2-1: a PUBACK carries one of its nine codes", "[wire][ack][v5]") {
    CHECK(ack(PacketType::puback, {0, 1, 0x92}, Version::v5) == "protocol error MQTT-3.4.2-1");
    CHECK(ack(PacketType::puback, {0, 1, 0x91}, Version::v5) == "ok");
    CHECK(listed_codes(PacketType::puback) == 9);
}

TEST_CASE("MQTT5-3.5.2-1: a PUBREC carries one of its nine codes", "[wire][ack][v5]") {
    CHECK(ack(PacketType::pubrec, {0, 1, 0x01}, Version::v5) == "protocol error MQTT-3.5.2-1");
    CHECK(ack(PacketType::pubrec, {0, 1, 0x10}, Version::v5) == "ok");
    CHECK(listed_codes(PacketType::pubrec) == 9);
}

TEST_CASE("MQTT5-3.6.2-1: a PUBREL carries one of its two codes", "[wire][ack][v5]") {
    CHECK(ack(PacketType::pubrel, {0, 1, 0x80}, Version::v5) == "protocol error MQTT-3.6.2-1");
    CHECK(ack(PacketType::pubrel, {0, 1, 0x92}, Version::v5) == "ok");
    CHECK(listed_codes(PacketType::pubrel) == 2);
}

TEST_CASE("MQTT5-3.7.2-1: a PUBCOMP carries one of its two codes", "[wire][ack][v5]") {
    CHECK(ack(PacketType::pubcomp, {0, 1, 0x80}, Version::v5) == "protocol error MQTT-3.7.2-1");
    CHECK(ack(PacketType::pubcomp, {0, 1, 0x92}, Version::v5) == "ok");
    CHECK(listed_codes(PacketType::pubcomp) == 2);
}

TEST_CASE("MQTT5-3.6.1-1, MQTT311-3.6.1-1: the flags of a PUBREL are 0010", "[wire][ack]") {
    for (std::uint8_t flags = 0; flags < 16; ++flags) {
        const std::string expected = flags == 2 ? "ok" : "malformed packet MQTT-3.6.1-1";
        for (const Version version : {Version::v3_1_1, Version::v5})
            CHECK(verdict(decode_ack(PacketType::pubrel, flags, Body{0, 1}, version)) == expected);
    }
}

TEST_CASE("MQTT5-2.1.3-1, MQTT311-2.2.2-2: the flags of PUBACK, PUBREC and PUBCOMP are 0",
          "[wire][ack]") {
    for (const PacketType type : {PacketType::puback, PacketType::pubrec, PacketType::pubcomp}) {
        for (std::uint8_t flags = 1; flags < 16; ++flags) {
            CHECK(verdict(decode_ack(type, flags, Body{0, 1}, Version::v3_1_1)) ==
                  "malformed packet MQTT-2.2.2-2");
            CHECK(verdict(decode_ack(type, flags, Body{0, 1}, Version::v5)) ==
                  "malformed packet MQTT-2.1.3-1");
        }
    }
}
